"""Attention maps drawn: how even each head is, its map on one record, and a page for each record."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from assay.artifacts.attention_maps import AttentionMaps
from assay.figures.file_names import file_names
from assay.figures.heat_table import heat_table
from assay.figures.picture import MOST_AXES, show_map, show_record
from assay.figures.style import styled, titled_figure

MOST_LAYERS, MOST_HEADS = 12, 12  # that a grid holds
TOP = 99.5  # percentile of a grid of maps where its colours end


@styled
def draw(result: AttentionMaps) -> Figure:
    """A table of entropies, the mean over records, above the page of the first record."""
    n_layers = result.entropy.shape[1]
    heights = [0.9 + 0.22 * n_layers, _grid_inches(result)]
    title = f"Attention of {result.family} on {result.data}, split {result.split}: n = {len(result.sample)}"
    figure = titled_figure(title, _notes(result), height_inches=0.9 + sum(heights))
    table, record = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_entropies(table.add_subplot(), result.entropy.mean(0, dtype=np.float64))
    _draw_record(record, result, 0)
    return figure


def pages(result: AttentionMaps) -> Iterator[tuple[str, Figure]]:
    """Each record's name and its picture: the record, the rollout, and the map of every head."""
    for i, name in enumerate(file_names(result.record_id.tolist())):
        yield name, _page(_Page(result, i))


@dataclass(frozen=True, slots=True)
class _Page:
    """One record of a result."""

    result: AttentionMaps
    record: int


@styled
def _page(page: _Page) -> Figure:
    result, i = page.result, page.record
    title = (
        f"Attention of {result.family} on {result.data}, split {result.split}: record {result.record_id[i]}"
    )
    figure = titled_figure(title, _notes(result), height_inches=0.9 + _grid_inches(result))
    _draw_record(figure, result, i)
    return figure


def _notes(result: AttentionMaps) -> list[str]:
    what = (
        "the class token gives to" if result.cls_to_patches is not None else "the tokens give, on average, to"
    )
    n_layers, n_heads = result.entropy.shape[1:]
    part = (
        f" The last {min(n_layers, MOST_LAYERS)} of {n_layers} layers and the first {min(n_heads, MOST_HEADS)} of "
        f"{n_heads} heads."
        if n_layers > MOST_LAYERS or n_heads > MOST_HEADS
        else ""
    )
    return [
        f"The grid: what {what} each patch, times that of equal shares among all tokens; one map a head, layers from "
        f"the input side on.{part} The rollout is scaled to its largest. Attention is not evidence for a class."
    ]


def _draw_entropies(axes: Axes, entropy: Float[np.ndarray, "layers heads"]) -> None:
    texts = [[f"{cell:.2f}" for cell in row] for row in entropy]
    image = heat_table(axes, entropy, texts, font_size=min(8.0, 140 / entropy.shape[1]))
    axes.set(xlabel="head", ylabel="layer", title="entropy of attention: 1 all tokens alike, 0 one token")
    axes.figure.colorbar(image, ax=axes, fraction=0.04, label="entropy")


def _draw_record(figure: Figure | SubFigure, result: AttentionMaps, i: int) -> None:
    """The record and its rollout on the left, the heads on the right."""
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1, 3.2])[0]
    record, rollout = left.subplots(2, 1)
    show_record(record, result.image[i])
    record.set_title("record")
    show_record(rollout, result.image[i], pale=True)
    if len(result.grid) <= MOST_AXES:
        show_map(rollout, result.rollout[i], top=float(result.rollout[i].max()), over=True)
    rollout.set_title("rollout")
    _draw_heads(right, result, i)


def _draw_heads(figure: SubFigure, result: AttentionMaps, i: int) -> None:
    maps = result.received if result.cls_to_patches is None else result.cls_to_patches
    shown = maps[i, -MOST_LAYERS:, :MOST_HEADS] * result.attention.shape[-1]
    layers, heads, rows, columns = _as_images(shown).shape
    axes = figure.add_subplot()
    image = axes.imshow(
        _mosaic(_as_images(shown)), vmin=0, vmax=float(np.percentile(shown, TOP)), aspect="auto"
    )
    axes.set_xticks(
        (columns + 1) * np.arange(heads) + (columns - 1) / 2, labels=[str(h) for h in range(heads)]
    )
    first = result.entropy.shape[1] - layers
    axes.set_yticks(
        (rows + 1) * np.arange(layers) + (rows - 1) / 2, labels=[str(first + k) for k in range(layers)]
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(xlabel="head", ylabel="layer")
    figure.colorbar(image, ax=axes, label="times equal shares", extend="max", fraction=0.05, aspect=30)


def _as_images(
    maps: Float[np.ndarray, "layers heads *grid"],
) -> Float[np.ndarray, "layers heads rows columns"]:
    """Maps of signals as one row, those of volumes with their planes below each other."""
    return maps.reshape(*maps.shape[:2], -1, maps.shape[-1])


def _mosaic(maps: Float[np.ndarray, "layers heads rows columns"]) -> Float[np.ndarray, "y x"]:
    """All maps in one picture, one empty cell between them."""
    layers, heads, rows, columns = maps.shape
    spaced = np.full((layers, rows + 1, heads, columns + 1), np.nan)
    spaced[:, :rows, :, :columns] = maps.transpose(0, 2, 1, 3)
    return spaced.reshape(layers * (rows + 1), heads * (columns + 1))[:-1, :-1]


def _grid_inches(result: AttentionMaps) -> float:
    """A height at which the patches of an image are about square."""
    layers, heads = (
        min(n, most) for n, most in zip(result.entropy.shape[1:], (MOST_LAYERS, MOST_HEADS), strict=True)
    )
    rows, columns = _as_images(result.received[0]).shape[2:]
    return float(np.clip(4.4 * (layers * rows) / (heads * columns), 1.6, 8.0)) + 0.5
