"""Panels of a regression's single outputs: predictions beside targets with residuals, and errors along multipoles."""

import re
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import SubFigure

from assay.artifacts.regression import Scores, SplitScores
from assay.artifacts.residuals import Pairs, RelativeErrors
from assay.figures.style import COLOURS, GREY, legend_below, look, wrapped

COLUMNS = 3
ROW_INCHES = 2.6
MOST_POINTS = 200  # that are drawn one by one; more are counted in hexagons
MOST_TICKS = 6
SEEN_LAST = ("test", "val")  # splits by which a checkpoint is judged, best first


def shown_split(splits: Mapping[str, SplitScores]) -> str:
    """The split whose outputs are drawn."""
    return next((split for split in SEEN_LAST if split in splits), list(splits)[-1])


def rows_of(scores: SplitScores) -> int:
    """Rows of panels that the outputs take."""
    return -(-len(scores.pairs) // COLUMNS)


def draw_outputs(figure: SubFigure, scores: SplitScores) -> None:
    """Each output: predictions against targets, below it what is left over, with lines at the RMSE."""
    parts = figure.subfigures(rows_of(scores), COLUMNS, squeeze=False)
    for part, name in zip(parts.flat, sorted(scores.pairs, key=_numbers_in), strict=False):
        pairs = scores.pairs[name]
        above, below = part.subplots(2, 1, sharex=True, height_ratios=[3, 1.2])
        _draw_output(above, below, pairs, scores.outputs[name])
        above.set_title(wrapped(name, 26))


def draw_by_ell(axes: Axes, splits: Mapping[str, SplitScores]) -> None:
    """Median and 95th percentile of relative errors at each multipole, a colour a split."""
    axes.set_title("relative error by multipole")
    found = {split: scores.by_ell for split, scores in splits.items() if scores.by_ell is not None}
    for i, (split, errors) in enumerate(found.items()):
        _draw_errors(axes, errors, i, split)
    axes.set(xlabel="ell", ylabel="|error| / true value")
    axes.set_ylim(bottom=0)
    if (ell := next(iter(found.values())).ell)[0] > 0:
        axes.set_xscale("log")
        axes.set_xticks(ell if len(ell) <= MOST_TICKS else [ell[0], ell[-1]])
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    legend_below(axes, ncols=2)


def _draw_output(above: Axes, below: Axes, pairs: Pairs, scores: Scores) -> None:
    target, prediction = np.array(pairs.target), np.array(pairs.prediction)
    left_over = prediction - target
    if len(target) > MOST_POINTS:
        for axes, values in ((above, prediction), (below, left_over)):
            axes.hexbin(target, values, gridsize=(24, 16), mincnt=1, norm=LogNorm(), linewidths=0)
    else:
        for axes, values in ((above, prediction), (below, left_over)):
            axes.plot(target, values, ".", color=COLOURS[0], markersize=3, alpha=0.6)
    ends = [target.min(), target.max()]
    above.plot(ends, ends, color=GREY, linestyle=":", linewidth=0.8)
    for level, style in ((0, ":"), (scores.rmse, "--"), (-scores.rmse, "--")):
        below.axhline(level, color=GREY, linestyle=style, linewidth=0.8)
    explained = "no R2" if scores.r2 is None else f"R2 {scores.r2:.3f}"
    above.text(
        0.03, 0.97, f"{explained}\nRMSE {scores.rmse:.3g}", va="top", transform=above.transAxes, fontsize=6
    )
    above.set_ylabel("prediction")
    below.set(xlabel="target", ylabel="residual")


def _draw_errors(axes: Axes, errors: RelativeErrors, i: int, split: str) -> None:
    for values, style, what in ((errors.median, "-", "median"), (errors.p95, "--", "95 %")):
        heights = [np.nan if value is None else value for value in values]
        name = wrapped(f"{split}, {what}", 24)
        axes.plot(
            errors.ell, heights, style, color=look(i).colour, marker=look(i).marker, markersize=3, label=name
        )


def _numbers_in(name: str) -> list[tuple[str, float]]:
    """A key by which ell_500 comes before ell_1000."""
    return [(text, float(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", name)]
