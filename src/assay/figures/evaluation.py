"""An evaluation drawn: ROC curves, the recall of each type of attack, and confusion matrices."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from assay.artifacts.evaluation import NO_BENIGN, NO_THRESHOLD, Evaluation, RocCurve, SplitMetrics
from assay.figures.confusions import confusions_inches, confusions_note, draw_confusions
from assay.figures.style import (
    GREY,
    Look,
    legend_below,
    look,
    say,
    styled,
    titled_figure,
)


@styled
def draw(result: Evaluation) -> Figure:
    """All splits in one ROC panel and in one of recalls, unless no class is benign; a confusion matrix each."""
    if not result.splits:
        figure = titled_figure(_title(result), [], height_inches=2.0)
        say(figure.add_subplot(), "no split")
        return figure
    heights = [confusions_inches(result.splits, result.class_names)]
    if _any_benign(result.splits):
        heights.insert(0, _curves_inches(result.splits))
    figure = titled_figure(_title(result), _notes(result), height_inches=0.7 + sum(heights))
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    if _any_benign(result.splits):
        _draw_curves(parts[0], result.splits)
    draw_confusions(parts[-1], result.splits, result.class_names)
    return figure


def _any_benign(splits: Mapping[str, SplitMetrics]) -> bool:
    return any(metrics.undefined.get("roc") != NO_BENIGN for metrics in splits.values())


def _curves_inches(splits: Mapping[str, SplitMetrics]) -> float:
    n_bars = len(_type_names(splits)) * len(splits)
    if not n_bars and all(metrics.roc is None for metrics in splits.values()):
        return 1.0
    return max(3.2, 1.0 + 0.14 * n_bars) + 0.1 * len(splits)


def _title(result: Evaluation) -> str:
    sizes = ", ".join(f"{metrics.n} in {split}" for split, metrics in result.splits.items())
    return f"Evaluation of {result.family} on {result.data}: n = {sizes or 0}"


def _notes(result: Evaluation) -> list[str]:
    notes = [confusions_note(result.splits)]
    if _any_benign(result.splits):
        averaged = next(iter(result.splits.values())).averaged
        area = "" if averaged == "class 1" else f" The field auroc is another: {averaged}."
        notes[0] = (
            f"ROC: any attack against benign samples; marks: what the checkpoint decides.{area} {notes[0]}"
        )
    left_out = {
        split: metrics.n_unlabelled for split, metrics in result.splits.items() if metrics.n_unlabelled
    }
    if left_out:
        counts = ", ".join(f"{n} in {split}" for split, n in left_out.items())
        notes.append(f"Left out, as they have no label: {counts}.")
    return notes


def _draw_curves(figure: SubFigure, splits: Mapping[str, SplitMetrics]) -> None:
    left, right = figure.subplots(1, 2)
    _draw_roc(left, splits)
    _draw_recalls(right, splits)


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
