"""CKA drawn: every layer of the teacher against every layer of the student, with what is chance marked as such."""

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from assay.artifacts.cka import SHOWN_SAMPLES, Cka
from assay.figures.heat_table import heat_table
from assay.figures.style import GREY, HATCH, LIGHT, legend_below, say, styled, titled_figure

CHANCE_SDS = 2  # a score nearer to 0 than this is what unrelated layers give
MOST_ROWS, MOST_COLUMNS = 12, 8  # up to which intervals fit into the cells
MOST_REASONS = 3  # for undefined cells, below the figure


@styled
def draw(result: Cka) -> Figure:
    """A heat map on a scale from 0 to 1; numbers below 0 stand as they are."""
    scores = np.array(result.matrix, dtype=np.float64, ndmin=2)
    roomy = scores.shape[0] <= MOST_ROWS and scores.shape[1] <= MOST_COLUMNS
    height = 1.6 + (0.45 if roomy else 0.27) * max(len(scores), 3)
    figure = titled_figure(_title(result), _notes(result, roomy), height_inches=height)
    axes = figure.add_subplot()
    if scores.size == 0:
        say(axes, "no layer to compare")
        return figure
    texts = _texts(result, roomy)
    image = heat_table(axes, scores, texts, font_size=min(8.0, 150 / scores.shape[1]))
    axes.set(xlabel="layer of the student", ylabel="layer of the teacher")
    extend = "min" if (scores < 0).any() else "neither"
    figure.colorbar(image, label=f"{_kind(result)} linear CKA", extend=extend, fraction=0.05, aspect=30)
    _mark(axes, scores, result.chance_sd)
    return figure


def _kind(result: Cka) -> str:
    return "biased" if result.compat == "published" else "debiased"


def _title(result: Cka) -> str:
    return (
        f"CKA of {result.family} against its teacher {result.teacher_family} on {result.data}, "
        f"split {result.split}: n = {result.n}"
    )


def _notes(result: Cka, roomy: bool) -> list[str]:
    thinned = result.thinned
    kept = (
        f"1 in {thinned.step} of {thinned.n_before} samples is compared, since neighbours in time are alike."
        if thinned.applied
        else f"All {thinned.n_before} samples that were drawn are compared."
    )
    published = result.compat == "published"
    scores = "it" if published else "scores near chance"
    caveats = {
        "The biased CKA, as published: it is above 0 for unrelated layers, too.": published,
        "They are still too near to each other: scores are too high.": thinned.capped,
        f"Below {SHOWN_SAMPLES} samples read nothing into {scores}.": result.n < SHOWN_SAMPLES,
        "Brackets: confidence 0.95.": roomy and "interval" not in result.undefined,
    }
    said = ["Layers from the input side on.", kept, *(text for text, holds in caveats.items() if holds)]
    return [" ".join(said), *_reasons(result)]


def _reasons(result: Cka) -> list[str]:
    """Why cells are undefined, each reason once."""
    reasons = dict.fromkeys(reason for name, reason in result.undefined.items() if name in result.scores)
    shown = [f"Undefined: {reason}." for reason in list(reasons)[:MOST_REASONS]]
    rest = len(reasons) - len(shown)
    return [*shown, f"{rest} more reasons stand in the file."] if rest else shown


def _texts(result: Cka, roomy: bool) -> list[list[str]]:
    rows = zip(result.matrix, result.interval, strict=True)
    if roomy:
        return [[_with_interval(*cell) for cell in zip(*row, strict=True)] for row in rows]
    return [[_number(score).replace("0.", ".", 1) for score in row] for row in result.matrix]


def _with_interval(score: float | None, interval: list[float] | None) -> str:
    if interval is None:
        return _number(score)
    return f"{_number(score)}\n[{_number(interval[0])}, {_number(interval[1])}]"


def _number(score: float | None) -> str:
    return "n/a" if score is None else f"{score:z.2f}".replace("-", "\N{MINUS SIGN}")


def _mark(axes: Axes, scores: Float64[np.ndarray, "rows columns"], chance_sd: float | None) -> None:
    """Chance, where it is known, and the undefined, with a legend of what is marked."""
    marks = []
    if chance_sd is not None:
        _outline_chance(axes, scores, chance_sd)
        chance = f"chance: within {CHANCE_SDS} sd of 0 (sd = {chance_sd:.2g})"
        marks.append(Patch(facecolor=GREY, edgecolor="white", linestyle=":", linewidth=1, label=chance))
    if np.isnan(scores).any():
        marks.append(Patch(facecolor=LIGHT, edgecolor=GREY, hatch=HATCH, linewidth=0, label="undefined"))
    if marks:
        legend_below(axes, handles=marks)


def _outline_chance(axes: Axes, scores: Float64[np.ndarray, "rows columns"], chance_sd: float) -> None:
    for row, column in np.argwhere(np.abs(scores) < CHANCE_SDS * chance_sd).tolist():
        corner = (column - 0.46, row - 0.46)
        axes.add_patch(
            Rectangle(corner, 0.92, 0.92, fill=False, edgecolor="white", linestyle=":", linewidth=1)
        )
