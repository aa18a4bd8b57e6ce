"""Edge recovery drawn: every metric beside its baselines, and by how much it is above them."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assay.artifacts.edge_recovery import EdgeRecovery
from assay.figures.style import BLACK, GREY, legend_below, look, say, styled, titled_figure
from assay.numerics.edges.recovery import Gain, MetricRecovery, Null

NAMES = {
    "auroc": "AUROC within target",
    "target_mrr": "MRR of sources",
    "tail_mrr": "MRR of targets",
    "average_precision": "average precision",
}
BASELINES = ("permuted labels", "same degrees", "out-degree (targets: in-degree)")
APART = 0.17  # between a metric and its baselines, in rows


@styled
def draw(result: EdgeRecovery) -> Figure:
    """Left the metrics with their baselines, right the gain over the baselines that know how popular a function is."""
    names = [name for name in dict.fromkeys((*NAMES, *result.metrics)) if name in result.metrics]
    figure = titled_figure(_title(result), _notes(result), height_inches=1.7 + 0.55 * max(len(names), 2))
    if not names:
        say(figure.add_subplot(), "no metric is defined")
        return figure
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    metrics = [result.metrics[name] for name in names]
    _draw_metrics(left, metrics)
    _draw_gains(right, metrics)
    left.set_yticks(range(len(names)), labels=[NAMES.get(name, name) for name in names])
    left.set_ylabel("metric")
    right.set_yticks(range(len(names)), labels=[])
    for axes in (left, right):
        axes.set_ylim(len(names) - 0.5, -0.5)
        legend_below(axes, ncols=2 if axes is left else 1)
    return figure


def _title(result: EdgeRecovery) -> str:
    which = "held-out edges" if result.labels == "held_out" else "existing edges"
    return (
        f"Recovery of {which} by {result.score_col}: {result.family} on {result.data}, split {result.split}, "
        f"n = {result.n_positives} edges"
    )


def _notes(result: EdgeRecovery) -> list[str]:
    said = [
        "Lines: confidence 0.95; of baselines from their mean to what 95 % of draws stay below. Claim success "
        "only against graphs of the same degrees."
    ]
    if result.labels == "existing":
        said.append("Known edges were fitted and score low: this says nothing about recovery.")
    if result.n_missing:
        said.append(f"{result.n_missing} positives have no score and are ranked last.")
    return [*said, *(f"No {name}: {why}." for name, why in result.undefined.items())]


def _draw_metrics(axes: Axes, metrics: Sequence[MetricRecovery]) -> None:
    rows = np.arange(len(metrics))
    values = [metric.value for metric in metrics]
    _draw_lines(axes, rows - 1.5 * APART, [metric.interval for metric in metrics], look(0).colour)
    axes.plot(values, rows - 1.5 * APART, "o", color=look(0).colour, markersize=5, label="scores")
    nulls: list[list[Null | None]] = [
        [metric.permuted_labels for metric in metrics],
        [metric.degree_preserving for metric in metrics],
    ]
    for i, (name, drawn) in enumerate(zip(BASELINES, nulls, strict=False), start=1):
        known = [(row, null) for row, null in zip(rows, drawn, strict=True) if null is not None]
        at = np.array([row for row, _ in known]) + (i - 1.5) * APART
        means = [null.mean for _, null in known]
        _draw_lines(axes, at, [[null.mean, null.high] for _, null in known], look(i).colour)
        axes.plot(means, at, look(i).marker, color=look(i).colour, markersize=4, label=name)
    popular = [metric.out_degree for metric in metrics]
    axes.plot(
        popular, rows + 1.5 * APART, look(3).marker, color=look(3).colour, markersize=4, label=BASELINES[2]
    )
    chance = [metric.chance for metric in metrics]
    axes.vlines(
        chance, rows - 2.5 * APART, rows + 2.5 * APART, color=BLACK, linestyle=":", label="random order"
    )
    for row, metric in zip(rows, metrics, strict=True):
        axes.text(1.04, float(row), _said(metric), va="center", fontsize=6, linespacing=1.1)
    axes.set(xlim=(-0.03, 1.42), xticks=np.linspace(0, 1, 6), xlabel="value", title="metrics and baselines")


def _said(metric: MetricRecovery) -> str:
    interval = metric.interval
    reach = "" if interval is None else f"\n[{interval[0]:.2g}, {interval[1]:.2g}]"
    return f"{metric.value:.3g}{reach}".replace("-", "\N{MINUS SIGN}")


def _draw_gains(axes: Axes, metrics: Sequence[MetricRecovery]) -> None:
    rows = np.arange(len(metrics))
    groups: list[tuple[str, list[Gain | None], int, float]] = [
        ("above same degrees", [metric.above_degree_preserving for metric in metrics], 2, -APART),
        ("above out-degree (targets: in-degree)", [metric.above_out_degree for metric in metrics], 3, APART),
    ]
    for name, gains, kind, offset in groups:
        known = [(row, gain) for row, gain in zip(rows, gains, strict=True) if gain is not None]
        at = np.array([row for row, _ in known]) + offset
        _draw_lines(axes, at, [gain.interval for _, gain in known], look(kind).colour)
        values = [gain.value for _, gain in known]
        axes.plot(values, at, look(kind).marker, color=look(kind).colour, markersize=4, label=name)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set(xlabel="gain", title="gain over baselines")
    axes.locator_params(axis="x", nbins=5)


def _draw_lines(axes: Axes, rows: np.ndarray, intervals: Sequence[list[float] | None], colour: str) -> None:
    for row, interval in zip(rows, intervals, strict=True):
        if interval is not None:
            axes.plot(interval, [row, row], color=colour, linewidth=1)
