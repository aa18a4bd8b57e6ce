"""Edge scores drawn: the strongest new edges as a ranked table, and the scores between their functions."""

import numpy as np
from jaxtyping import Float64, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from assay.artifacts.edge_scores import EdgeScores
from assay.figures.style import BLACK, GREY, legend_below, look, say, styled, titled_figure

MOST_ROWS, MOST_FUNCTIONS = 25, 30  # that are shown
NAME_CHARACTERS = 14


@styled
def draw(result: EdgeScores) -> Figure:
    """Left the highest scores of pairs that are no edge of the network; right W between the functions of the first."""
    ranked = _ranked(result)
    height = 1.9 + 0.16 * max(len(ranked), len(_shown(result, ranked)), 8)
    figure = titled_figure(_title(result), _notes(result), height_inches=height)
    if not len(ranked):
        say(
            figure.add_subplot(),
            "Every pair of functions is an edge of the network, or there is one function only.",
        )
        return figure
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    _draw_ranked(left, result, ranked)
    _draw_heat(figure, right, result, _shown(result, ranked))
    return figure


def _title(result: EdgeScores) -> str:
    return (
        f"Edge scores of {result.family} on {result.data}, split {result.split}: n = {result.n_samples}, "
        f"{len(result.names)} functions, {result.method}, {result.pool}"
    )


def _notes(result: EdgeScores) -> list[str]:
    said = (
        "Squares: edges of the network, which score low where they are used. W is evidence, not proof: correlates and "
        "shared drivers score too."
    )
    if result.n_draws:
        said += f" Lines: percentiles 2.5 to 97.5 of {result.n_draws} bootstrap draws."
    silent = (~result.source_varies).sum(), (~result.target_varies).sum()
    if any(silent):
        said += f" Constant, so 0: {silent[0]} functions as sources, {silent[1]} as targets."
    return [said]


def _ranked(result: EdgeScores) -> Int64[np.ndarray, "rows 2"]:
    """Source and target of the highest scores that are no edge of the network and no loop."""
    scores = np.where(result.existing | np.eye(len(result.names), dtype=np.bool_), -np.inf, result.W).ravel()
    most = min(MOST_ROWS, int(np.isfinite(scores).sum()))
    if most == 0:
        return np.zeros((0, 2), dtype=np.int64)
    best = np.argpartition(-scores, most - 1)[:most]
    best = best[np.lexsort((best, -scores[best]))]
    return np.stack(np.unravel_index(best, result.W.shape), axis=1)


def _shown(result: EdgeScores, ranked: Int64[np.ndarray, "rows 2"]) -> Int64[np.ndarray, " functions"]:
    """All functions where they are few; else those of the first pairs."""
    if len(result.names) <= MOST_FUNCTIONS:
        return np.arange(len(result.names))
    return np.sort(np.array(list(dict.fromkeys(ranked.ravel().tolist()))[:MOST_FUNCTIONS]))


def _draw_ranked(axes: Axes, result: EdgeScores, ranked: Int64[np.ndarray, "rows 2"]) -> None:
    rows, at = np.arange(len(ranked)), tuple(ranked.T)
    if result.W_low is not None and result.W_high is not None:
        axes.hlines(rows, result.W_low[at], result.W_high[at], color=look(0).colour, linewidth=0.8)
    axes.plot(result.W[at], rows, look(0).marker, color=look(0).colour, markersize=4, label="W")
    axes.plot(result.expected[at], rows, "|", color=BLACK, markersize=6, label="expected without evidence")
    axes.axvline(0, color=GREY, linewidth=0.6)
    names = [_short(name) for name in result.names.tolist()]
    axes.set_yticks(rows, labels=[f"{names[i]} \N{RIGHTWARDS ARROW} {names[j]}" for i, j in ranked.tolist()])
    axes.set(ylim=(len(ranked) - 0.5, -0.5), xlabel="W", title="highest scores of new edges")
    axes.set_ylabel("source \N{RIGHTWARDS ARROW} target")
    axes.locator_params(axis="x", nbins=5)
    legend_below(axes)


def _draw_heat(
    figure: Figure, axes: Axes, result: EdgeScores, shown: Int64[np.ndarray, " functions"]
) -> None:
    scores: Float64[np.ndarray, "rows columns"] = result.W[np.ix_(shown, shown)]
    largest = np.abs(scores).max() or 1.0
    image = axes.imshow(scores, cmap="PuOr_r", vmin=-largest, vmax=largest, aspect="auto")
    sources, targets = np.nonzero(result.existing[np.ix_(shown, shown)])
    axes.plot(
        targets,
        sources,
        "s",
        color=BLACK,
        markerfacecolor="none",
        markersize=min(9.0, 120 / len(shown)),
        markeredgewidth=0.8,
    )
    names = [_short(result.names[i]) for i in shown.tolist()]
    axes.set_xticks(range(len(shown)), labels=names, rotation=90)
    axes.set_yticks(range(len(shown)), labels=names)
    axes.tick_params(length=0, labelsize=min(7.0, 180 / len(shown)))
    axes.spines[:].set_visible(False)
    part = f"{len(shown)} of {len(result.names)}" if len(shown) < len(result.names) else "all"
    axes.set(xlabel="target", ylabel="source", title=f"W between {part} functions")
    figure.colorbar(image, ax=axes, label="W", fraction=0.05, aspect=30)


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
