"""Class activation maps drawn: an overview with its sanity check, and a page for each record and class."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from assay.artifacts.gradcam import AGREEMENT, GradCam
from assay.figures.file_names import file_names
from assay.figures.picture import MOST_AXES, VOLUMES, show_map, show_record
from assay.figures.style import COLOURS, GREY, LIGHT, say, styled, titled_figure

MOST_RECORDS, MOST_CLASSES = 4, 5  # in the overview
NO_EVIDENCE = "no positive evidence"


@styled
def draw(result: GradCam) -> Figure:
    """Maps over the first records, the likeliest classes first; below, how alike the maps of random networks are."""
    n_records, n_classes = min(len(result.map), MOST_RECORDS), min(result.map.shape[1], MOST_CLASSES)
    heights = [1.5 * n_records, 1.8]
    figure = titled_figure(_title(result), _notes(result), height_inches=1.0 + sum(heights))
    maps, check = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    panels = maps.subplots(n_records, 1 + n_classes, squeeze=False)
    for i, row in enumerate(panels):
        show_record(row[0], result.image[i])
        row[0].set_title(_shortened(str(result.record_id[i]), 16))
        likeliest = np.argsort(-result.score[i], kind="stable")[:n_classes].tolist()
        for axes, j in zip(row[1:], likeliest, strict=True):
            _show_overlay(axes, result, i, j)
            axes.set_title(f"{_shortened(_class(result, i, j), 9)} {_logit(result, i, j)}")
    scale = ScalarMappable(Normalize(0, 1))
    maps.colorbar(
        scale, ax=panels, label="positive evidence in its map", fraction=0.02, aspect=40, shrink=0.8
    )
    _draw_sanity(check, result)
    return figure


def pages(result: GradCam) -> Iterator[tuple[str, Figure]]:
    """`record/class` and its picture: the record, the map, and the map over the record."""
    records = file_names(result.record_id.tolist())
    for i, record in enumerate(records):
        classes = file_names([_class(result, i, j) for j in range(result.map.shape[1])])
        for j, name in enumerate(classes):
            yield f"{record}/{name}", _page(_Page(result, i, j))


@dataclass(frozen=True, slots=True)
class _Page:
    """One map of a result."""

    result: GradCam
    record: int
    column: int


@styled
def _page(page: _Page) -> Figure:
    result, i, j = page.result, page.record, page.column
    figure = titled_figure(_page_title(page), _page_notes(page), height_inches=3.2)
    record, heat, over = figure.subplots(1, 3)
    show_record(record, result.image[i])
    _show_overlay(over, result, i, j)
    if not result.evidence[i, j]:
        say(heat, NO_EVIDENCE)
    elif result.map.ndim - 2 > MOST_AXES:
        say(heat, VOLUMES, characters=14)
    else:
        image = show_map(heat, result.map[i, j])
        figure.colorbar(
            image, ax=heat, label="positive evidence", location="bottom", fraction=0.08, aspect=30
        )
    for axes, name in ((record, "record"), (heat, "map"), (over, "map over the record")):
        axes.set_title(name)
    return figure


def _show_overlay(axes: Axes, result: GradCam, i: int, j: int) -> None:
    """The map over the record; where there is no positive evidence the record alone, and the words."""
    show_record(axes, result.image[i], pale=True)
    if not result.evidence[i, j]:
        axes.set_xlabel(NO_EVIDENCE, fontsize=6)
    elif result.map.ndim - 2 <= MOST_AXES:
        show_map(axes, result.map[i, j], over=True)


def _draw_sanity(figure: SubFigure, result: GradCam) -> None:
    """The rank correlation of every map with that of networks that are random from the head on, and the mean."""
    axes = figure.add_subplot()
    stages = np.arange(1, result.sanity.shape[2] + 1)
    defined = np.isfinite(result.sanity).any((0, 1))
    if not defined.any():
        say(axes, "Every map is constant, or that of every random network is.", characters=60)
        return
    axes.plot(stages, result.sanity.reshape(-1, len(stages)).T, color=LIGHT, linewidth=0.5, rasterized=True)
    mean = np.full(len(stages), np.nan)
    mean[defined] = np.nanmean(result.sanity[:, :, defined], (0, 1))
    axes.plot(stages, mean, color="black", marker="o", markersize=3, label="mean")
    axes.axhline(AGREEMENT, color=COLOURS[1], linestyle="--", label="above, the record warns")
    axes.axhline(0, color=GREY, linewidth=0.5)
    axes.set(
        ylim=(-1.05, 1.05),
        ylabel="rank correlation",
        xlabel="groups of layers with random weights, from the head on",
        title="agreement of the maps with those of random networks",
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower left", ncols=2)


def _title(result: GradCam) -> str:
    return (
        f"{result.method} of {result.family} at {result.layer} on {result.data}, split {result.split}: "
        f"n = {len(result.map)} x {result.map.shape[1]} classes"
    )


def _notes(result: GradCam) -> list[str]:
    shown = min(len(result.map), MOST_RECORDS), min(result.map.shape[1], MOST_CLASSES)
    part = (
        f" The first {shown[0]} of {len(result.map)} records, and of each its {shown[1]} likeliest of "
        f"{result.map.shape[1]} classes."
        if shown != result.map.shape[:2]
        else ""
    )
    return [
        "Above a map: its class and logit. Each map is scaled by itself; maps of two classes are compared by `raw` in "
        f"the file.{part}"
    ]


def _page_title(page: _Page) -> str:
    result, i, j = page.result, page.record, page.column
    return (
        f"{result.method} of {result.family} at {result.layer} on {result.data}, split {result.split}: "
        f"record {result.record_id[i]}, class {_class(result, i, j)}"
    )


def _page_notes(page: _Page) -> list[str]:
    result, i, j = page.result, page.record, page.column
    label = int(result.labels[i])
    truth = (
        f"Its label is {result.class_names[label]}."
        if 0 <= label < len(result.class_names)
        else "Its label is not known."
    )
    return [
        f"Logit {_logit(result, i, j)}. The model predicts {result.class_names[result.predicted[i]]}. {truth} "
        "The map is scaled by itself: 1 is its strongest evidence, however weak."
    ]


def _class(result: GradCam, i: int, j: int) -> str:
    return str(result.class_names[result.classes[i, j]])


def _logit(result: GradCam, i: int, j: int) -> str:
    return f"{result.score[i, j]:z.2f}".replace("-", "\N{MINUS SIGN}")


def _shortened(name: str, characters: int) -> str:
    return name if len(name) <= characters else f"{name[: characters - 1]}\N{HORIZONTAL ELLIPSIS}"
