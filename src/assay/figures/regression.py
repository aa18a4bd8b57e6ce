"""A regression drawn: predictions against targets in each split, and how well each output is explained."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure

from assay.artifacts.regression import REACH, Regression, SplitScores
from assay.figures.residuals import ROW_INCHES, draw_by_ell, draw_outputs, rows_of, shown_split
from assay.figures.style import GREY, legend_below, look, say, styled, titled_figure, wrapped

COLUMNS = 3  # of panels of counts
FLOOR = -1.0  # an R2 below is drawn here


@styled
def draw(result: Regression) -> Figure:
    """Counts of (target, prediction), a panel a split; R2 and relative errors; single outputs of one split."""
    if not result.splits:
        figure = titled_figure(_title(result), [], height_inches=2.0)
        say(figure.add_subplot(), "no split")
        return figure
    rows = -(-len(result.splits) // COLUMNS)
    split = shown_split(result.splits)
    scores = result.splits[split]
    heights = [2.6 * rows, 2.4 + 0.1 * len(result.splits), ROW_INCHES * rows_of(scores)]
    figure = titled_figure(_title(result), _notes(result, split), height_inches=1.0 + sum(heights))
    above, middle, below = figure.subfigures(3, 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_counts(above, result, rows)
    if scores.by_ell is None:
        _draw_r2(middle.subplots(), result)
    else:
        left, right = middle.subplots(1, 2)
        _draw_r2(left, result)
        draw_by_ell(right, result.splits)
    draw_outputs(below, scores)
    return figure


def _title(result: Regression) -> str:
    sizes = ", ".join(f"{scores.n} in {split}" for split, scores in result.splits.items())
    return f"Regression of {result.family} on {result.data}: n = {sizes or 0}"


def _notes(result: Regression, split: str) -> list[str]:
    scores = result.splits[split]
    n_drawn, n = len(scores.pairs), len(scores.outputs)
    which = (
        "All outputs" if n_drawn == n else f"{n_drawn} of {n} outputs, from the least to the best explained,"
    )
    n_samples = len(next(iter(scores.pairs.values())).target)
    notes = [
        f"Counts: targets and predictions in standard deviations of each output's targets; what is beyond {REACH:g} "
        "lies on the border. R2 of 0 is as good as the mean of the targets.",
        f"{which} of split {split} one by one, {n_samples} of {scores.n} samples; dashed: the RMSE of all of them.",
    ]
    return notes if scores.by_ell is None else [*notes, f"Relative errors are of {scores.by_ell.of}."]


def _draw_counts(figure: SubFigure, result: Regression, rows: int) -> None:
    panels = figure.subplots(rows, min(COLUMNS, max(2, len(result.splits))), squeeze=False)
    for panel in panels.flat[len(result.splits) :]:
        panel.set_visible(False)
    for panel, (split, scores) in zip(panels.flat, result.splits.items(), strict=False):
        panel.set_title(wrapped(f"{split}, {_said(scores)}", 30))
        counts = np.array(scores.counts).T  # predictions upwards
        if not counts.any():
            say(panel, "No output has targets that vary.")
            continue
        shown = np.ma.masked_equal(counts, 0)
        panel.imshow(
            shown, origin="lower", extent=(-REACH, REACH, -REACH, REACH), norm=LogNorm(1, counts.max())
        )
        panel.plot([-REACH, REACH], [-REACH, REACH], color=GREY, linestyle=":", linewidth=0.8)
        panel.set(xlabel="target", ylabel="prediction", xticks=[-2, 0, 2], yticks=[-2, 0, 2])


def _said(scores: SplitScores) -> str:
    return "no R2" if scores.overall.r2 is None else f"R2 {scores.overall.r2:.2f}"


def _draw_r2(axes: Axes, result: Regression) -> None:
    axes.set_title("R2 of each output, in rising order")
    curves = {
        split: sorted(one.r2 for one in scores.outputs.values() if one.r2 is not None)
        for split, scores in result.splits.items()
    }
    if not any(curves.values()):
        say(axes, "No output has targets that vary.")
        return
    axes.axhline(0, color=GREY, linestyle=":", linewidth=0.8, label="mean of the targets")
    for i, (split, values) in enumerate(curves.items()):
        share = (np.arange(len(values)) + 0.5) / max(len(values), 1)
        shown = np.maximum(values, FLOOR)
        axes.plot(
            share,
            shown,
            color=look(i).colour,
            marker=look(i).marker,
            markersize=3,
            linestyle=look(i).line,
            label=wrapped(split, 24),
        )
    below = sum(value < FLOOR for values in curves.values() for value in values)
    axes.text(0.98, 0.04, f"{below} below {FLOOR:g}" if below else "", ha="right", transform=axes.transAxes)
    axes.set(xlim=(0, 1), ylim=(FLOOR - 0.05, 1.05), xlabel="share of outputs", ylabel="R2")
    legend_below(axes, ncols=2)
