"""Edge tests drawn: the pairs of smallest p as a table, all of them by score and p, and the p of all tests."""

import numpy as np
from jaxtyping import Bool, Float64, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from assay.artifacts.edge_tests import EdgeTests
from assay.figures.style import BLACK, COLOURS, GREY, legend_below, look, say, styled, titled_figure

CALLED = 0.1  # a q up to this
SHOWN = 15  # rows of the table
POINTS = 4000  # in the volcano; of more, those that are not called are drawn as a density
HIGHEST = 500  # points that are never left out
NAME_CHARACTERS = 17
BARS = 20  # of the histogram
HEADS = (("corr", 0.62), ("z", 0.70), ("p", 0.81), ("q", 0.90), ("adjusted q", 1.0))  # right ends


@styled
def draw(result: EdgeTests) -> Figure:
    """The table above, volcano and histogram below; pairs that are not tested are counted by reason."""
    best = _best(result)
    table_inches = 0.45 + 0.16 * max(len(best) + 1, 3)
    figure = titled_figure(_title(result), _notes(result), height_inches=4.3 + table_inches)
    rows = figure.add_gridspec(2, 2, height_ratios=(table_inches, 2.8))
    _draw_table(figure.add_subplot(rows[0, :]), result, best)
    _draw_volcano(figure.add_subplot(rows[1, 0]), result)
    _draw_histogram(figure.add_subplot(rows[1, 1]), result)
    return figure


def _title(result: EdgeTests) -> str:
    n = f"{result.n_samples}" if result.n_units is None else f"{result.n_units} units"
    return (
        f"Edge tests of {result.family} on {result.data}, {result.split}: {result.m} pairs of "
        f"{result.n_functions} functions, n = {n}"
    )


def _notes(result: EdgeTests) -> list[str]:
    untested = ", ".join(f"{reason}: {n}" for reason, n in result.untested.items())
    said = [
        f"Pairs with q up to {CALLED:g}: {_count(result.q)}{_adjusted(result)}. p is one-sided, of association and not "
        "of cause; what an edge of the network carries was fitted and scores low.",
        f"corr: {_score(result)}. {_method(result)}",
    ]
    if untested:
        said.append(f"Not tested: {untested}.")
    if result.keep_p < 1:
        said.append(f"The file keeps the pairs with p up to {result.keep_p:g}; the histogram is of all.")
    return said


def _count(q: Float64[np.ndarray, " rows"]) -> int:
    return int((q <= CALLED).sum())


def _adjusted(result: EdgeTests) -> str:
    if result.q_adjusted is None:
        return ""
    return f"; without what all functions share (adjusted q): {_count(result.q_adjusted)}"


def _score(result: EdgeTests) -> str:
    kind = "partial correlation given the target's parents" if result.score == "partial" else "correlation"
    over = "mean over layers" if result.layer_agg == "mean" else "value of the layer of largest magnitude"
    return f"{kind} of magnitudes ({result.reduction}), {over}"


def _method(result: EdgeTests) -> str:
    checks = ", ".join(f"{check.ratio:.2f} at {check.level:g}" for check in result.calibration)
    method = "exact moments of permutations" if result.p_method == "exact" else "Fisher's z, as published"
    checked = f"; with samples permuted, p is small this often as it should be: {checks}" if checks else ""
    return f"p: {method}{checked}."


def _best(result: EdgeTests) -> Int64[np.ndarray, " shown"]:
    """The rows of smallest p; of equal ones the largest score."""
    tested = np.flatnonzero(result.tested)
    few = tested[np.argsort(result.p[tested], kind="stable")[:SHOWN]]
    return few.astype(np.int64)


def _draw_table(axes: Axes, result: EdgeTests, best: Int64[np.ndarray, " shown"]) -> None:
    if not len(best):
        say(axes, "no pair was tested" if not result.m else "no pair has a p that was kept", characters=60)
        return
    axes.set(xlim=(0, 1), ylim=(len(best) - 0.4, -1.6))
    axes.set_axis_off()
    axes.axhline(-0.65, color=GREY, linewidth=0.6)
    axes.text(0.04, -1.15, "source", va="center", weight="bold", fontsize=7)
    axes.text(0.30, -1.15, "target", va="center", weight="bold", fontsize=7)
    for head, right in HEADS:
        axes.text(right, -1.15, head, ha="right", va="center", weight="bold", fontsize=7)
    for place, row in enumerate(best.tolist()):
        _draw_row(axes, result, place, row)


def _draw_row(axes: Axes, result: EdgeTests, place: int, row: int) -> None:
    adjusted = np.nan if result.q_adjusted is None else result.q_adjusted[row]
    numbers = (
        f"{result.corr[row]:.3f}",
        f"{result.z[row]:.2f}",
        f"{result.p[row]:.1e}",
        _q(result.q[row], result.keep_p),
        _q(adjusted, result.keep_p),
    )
    axes.text(0.025, place, str(place + 1), ha="right", va="center", fontsize=7, color=GREY)
    axes.text(0.04, place, _name(result, "src", row), va="center", fontsize=7)
    axes.text(0.30, place, _name(result, "dst", row), va="center", fontsize=7)
    for (_, right), number in zip(HEADS, numbers, strict=True):
        text = number.replace("-", "\N{MINUS SIGN}")
        axes.text(right, place, text, ha="right", va="center", fontsize=7)


def _q(q: float, limit: float) -> str:
    if np.isnan(q):
        return f"> {limit:g}" if limit < 1 else "\N{EN DASH}"
    return f"{q:.1e}" if q < 1e-3 else f"{q:.3f}"


def _name(result: EdgeTests, side: str, row: int) -> str:
    column = getattr(result, side)
    name = column.texts[column.codes[row]]
    return name if len(name) <= NAME_CHARACTERS else name[: NAME_CHARACTERS - 1] + "…"


def _draw_volcano(axes: Axes, result: EdgeTests) -> None:
    tested = result.tested & np.isfinite(result.corr)
    if not tested.any():
        say(axes, "no p to draw")
        return
    score, height = result.corr, -np.log10(np.where(tested, result.p, 1))
    called = tested & (result.q <= CALLED)
    also = called & (result.q_adjusted <= CALLED) if result.q_adjusted is not None else called & False
    _draw_others(axes, score[tested & ~called], height[tested & ~called])
    groups = (("q", called & ~also, 1), ("q and adjusted q", also, 2))
    for name, chosen, number in groups:
        if chosen.any():
            _draw_called(axes, score, height, chosen, f"{name} up to {CALLED:g}", number)
    axes.set(
        xlabel="corr",
        ylabel="\N{MINUS SIGN}log10 p",
        title="each tested pair",
        ylim=(0, 1.06 * height.max() + 0.1),
    )
    if called.any():
        legend_below(axes, ncols=2)


def _draw_others(
    axes: Axes, score: Float64[np.ndarray, " pairs"], height: Float64[np.ndarray, " pairs"]
) -> None:
    """Points or, of many, how many there are in each cell, darker where more."""
    if len(score) <= POINTS:
        axes.plot(score, height, linestyle="", marker=".", markersize=2.5, color=GREY)
        return
    counts, x, y = np.histogram2d(score, height, bins=(90, 60))
    shade = np.ma.masked_equal(np.log10(np.maximum(counts, 1)) + (counts > 0), 0)
    axes.pcolormesh(x, y, shade.T, cmap="Greys", vmin=-1, rasterized=True)


def _draw_called(
    axes: Axes,
    score: Float64[np.ndarray, " rows"],
    height: Float64[np.ndarray, " rows"],
    chosen: Bool[np.ndarray, " rows"],
    label: str,
    number: int,
) -> None:
    """Of more points than a page can show, the highest and some of the rest."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(-height[rows], kind="stable")]
    rows = np.concatenate([rows[:HIGHEST], rows[HIGHEST :: -(-len(rows) // POINTS)]])
    kind = look(number)
    axes.plot(
        score[rows],
        height[rows],
        linestyle="",
        marker=kind.marker,
        markersize=3,
        color=kind.colour,
        label=label,
        rasterized=len(rows) > POINTS // 4,
    )


def _draw_histogram(axes: Axes, result: EdgeTests) -> None:
    if not result.m:
        say(axes, "no p to count")
        return
    counts = np.reshape(result.p_histogram, (BARS, -1)).sum(1)
    axes.bar(np.arange(BARS) / BARS, counts, 1 / BARS, align="edge", color=COLOURS[0])
    axes.axhline(result.m / BARS, color=BLACK, linestyle=":", linewidth=0.8)
    axes.set(xlabel="p", ylabel="pairs", xlim=(0, 1), title=f"p of all {result.m} tests; dotted: by chance")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
