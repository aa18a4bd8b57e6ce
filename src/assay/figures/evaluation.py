"""An evaluation drawn: ROC curves, the recall of each type of attack, and confusion matrices."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from assay.artifacts.evaluation import NO_THRESHOLD, Evaluation, RocCurve, SplitMetrics
from assay.figures.heat_table import heat_table
from assay.figures.style import (
    GREY,
    Look,
    class_name,
    legend_below,
    look,
    say,
    styled,
    titled_figure,
    wrapped,
)

COLUMNS = 3  # of confusion matrices


@styled
def draw(result: Evaluation) -> Figure:
    """All splits in one ROC panel and in one of recalls; a confusion matrix each."""
    if not result.splits:
        figure = titled_figure(_title(result), [], height_inches=2.0)
        say(figure.add_subplot(), "no split")
        return figure
    rows = -(-len(result.splits) // COLUMNS)
    classes = max(len(metrics.class_counts) for metrics in result.splits.values())
    heights = [_curves_inches(result.splits), rows * (0.9 + max(1.0, 0.3 * classes))]
    figure = titled_figure(_title(result), _notes(result), height_inches=0.7 + sum(heights))
    curves, tables = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    left, right = curves.subplots(1, 2)
    _draw_roc(left, result.splits)
    _draw_recalls(right, result.splits)
    _draw_confusions(tables, result.splits, rows)
    return figure


def _curves_inches(splits: Mapping[str, SplitMetrics]) -> float:
    n_bars = len(_type_names(splits)) * len(splits)
    if not n_bars and all(metrics.roc is None for metrics in splits.values()):
        return 1.0
    return max(3.2, 1.0 + 0.14 * n_bars) + 0.1 * len(splits)


def _title(result: Evaluation) -> str:
    sizes = ", ".join(f"{metrics.n} in {split}" for split, metrics in result.splits.items())
    return f"Evaluation of {result.family} on {result.data}: n = {sizes or 0}"


def _notes(result: Evaluation) -> list[str]:
    averaged = next(iter(result.splits.values())).averaged
    area = "" if averaged == "class 1" else f" The field auroc is another: {averaged}."
    return [
        f"ROC: any attack against benign samples; marks: what the checkpoint decides.{area} "
        "Confusion: counts, and shares of the row as colour."
    ]


def _draw_roc(axes: Axes, splits: Mapping[str, SplitMetrics]) -> None:
    axes.set_title("ROC")
    curves = {split: metrics.roc for split, metrics in splits.items() if metrics.roc is not None}
    reasons = [f"{split}: {splits[split].undefined['roc']}" for split in splits if split not in curves]
    if not curves:
        say(axes, f"No ROC. {'; '.join(reasons)}.")
        return
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=0.8, label="chance")
    for i, split in enumerate(splits):
        if split in curves:
            _draw_curve(axes, curves[split], splits[split], split, look(i))
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), box_aspect=1, anchor="N")
    axes.set(xlabel="share of benign samples called attacks", ylabel="share of attacks called attacks")
    axes.text(0.98, 0.04, "\n".join(reasons), ha="right", transform=axes.transAxes, fontsize=7)
    legend_below(axes, ncols=_columns(splits, most=2))


def _draw_curve(axes: Axes, roc: RocCurve, metrics: SplitMetrics, split: str, at: Look) -> None:
    area = np.trapezoid(roc.true_positive_rate, roc.false_positive_rate)
    axes.plot(
        roc.false_positive_rate,
        roc.true_positive_rate,
        color=at.colour,
        linestyle=at.line,
        label=f"{split}, area {area:.3f}",
    )
    if metrics.confusion is not None:
        decided = _decided(metrics.confusion, metrics.class_counts)
        axes.plot(*decided, color=at.colour, marker=at.marker, markersize=5, linestyle="none")


def _decided(confusion: list[list[int]], class_counts: list[int]) -> tuple[float, float]:
    """Where the predictions lie on the ROC: shares of benign samples and of attacks that are called attacks."""
    called = np.array(confusion)[:, 1:].sum(1)
    counts = np.array(class_counts)
    return float(called[0] / counts[0]), float(called[1:].sum() / counts[1:].sum())


def _type_names(splits: Mapping[str, SplitMetrics]) -> list[str]:
    return sorted({name for metrics in splits.values() for name in metrics.attack_types})


def _draw_recalls(axes: Axes, splits: Mapping[str, SplitMetrics]) -> None:
    axes.set_title("recall of each type of attack")
    names = _type_names(splits)
    if not names:
        say(axes, "No attack, or none whose type is known.")
        return
    if all(metrics.confusion is None for metrics in splits.values()):
        say(axes, f"No recall: {NO_THRESHOLD}.")
        return
    height = 0.8 / len(splits)
    for i, (split, metrics) in enumerate(splits.items()):
        for name, of_type in metrics.attack_types.items():
            if of_type.recall is None:
                continue
            y = names.index(name) + (i - (len(splits) - 1) / 2) * height
            axes.plot([0, of_type.recall], [y, y], color=look(i).colour, linestyle=look(i).line)
            axes.plot(of_type.recall, y, color=look(i).colour, marker=look(i).marker, markersize=4)
            axes.text(1.06, y, f"{of_type.recall:.2f} of {of_type.n}", va="center", fontsize=6)
        axes.plot([], [], color=look(i).colour, marker=look(i).marker, linestyle=look(i).line, label=split)
    axes.set_yticks(range(len(names)), labels=names)
    axes.set(xlim=(0, 1.4), ylim=(len(names) - 0.5, -0.5), xticks=[0, 0.5, 1], xlabel="share called attacks")
    axes.set_ylabel("type of attack")
    legend_below(axes, ncols=_columns(splits, most=3))


def _columns(splits: Mapping[str, SplitMetrics], *, most: int) -> int:
    """Columns of a legend: long names stand below each other."""
    return most if max(map(len, splits)) <= 24 // most else 1


def _draw_confusions(figure: SubFigure, splits: Mapping[str, SplitMetrics], rows: int) -> None:
    panels = figure.subplots(rows, min(COLUMNS, max(2, len(splits))), squeeze=False)
    for panel in panels.flat[len(splits) :]:
        panel.set_visible(False)
    for panel, (split, metrics) in zip(panels.flat, splits.items(), strict=False):
        panel.set_title(wrapped(split, 28))
        if metrics.confusion is None:
            say(panel, NO_THRESHOLD, characters=24)
            continue
        counts = np.array(metrics.confusion)
        names = _class_names(len(counts))
        heat_table(panel, _row_shares(counts), _cells(counts), font_size=7.0 if len(counts) <= 4 else 5.0)
        panel.set_xticks(range(len(names)), labels=names)
        panel.set_yticks(range(len(names)), labels=names)
        panel.set(xlabel="predicted", ylabel="true")


def _class_names(n_classes: int) -> list[str]:
    """Names where there are two, numbers where there are more: 2 and up have no name."""
    return [class_name(c) for c in range(2)] if n_classes == 2 else [str(c) for c in range(n_classes)]


def _row_shares(counts: np.ndarray) -> Float64[np.ndarray, "classes classes"]:
    """Shares of each true class; NaN where it does not occur."""
    sums = counts.sum(1, keepdims=True)
    return np.where(sums > 0, counts / np.maximum(sums, 1), np.nan)


def _cells(counts: np.ndarray) -> Sequence[Sequence[str]]:
    shares = _row_shares(counts)
    if len(counts) > 4:
        return [[str(count) for count in row] for row in counts]
    return [
        [
            str(count) if np.isnan(share) else f"{count}\n{share:.0%}"
            for count, share in zip(*row, strict=True)
        ]
        for row in zip(counts, shares, strict=True)
    ]
