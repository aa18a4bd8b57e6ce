"""Attention drawn: how far each head is from treating all edges of a node alike, and one sample's graph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter

from assay.artifacts.attention_weights import AttentionWeights, LayerAttention, SampleAttention
from assay.figures.heat_table import heat_table
from assay.figures.style import COLOURS, class_name, say, styled, titled_figure

MOST_LAYERS, MOST_HEADS = 4, 8  # which have a panel for each other
MOST_NODES, MOST_EDGES = 60, 400  # of a graph whose edges can still be told apart
COLUMNS = 4
LEAST_ALPHA = 1e-4  # smaller ones are drawn here
BINS = 40


@styled
def draw(result: AttentionWeights) -> Figure:
    """A table of entropies, attention against uniform attention in each head, and the last layer on one graph."""
    depth = max((len(sample.layers) for sample in result.samples), default=0)
    layers = [_pooled([sample.layers[i] for sample in result.samples]) for i in range(depth)]
    if not any(len(layer.alpha) for layer in layers):
        figure = titled_figure(_title(result), [], height_inches=2.0)
        say(figure.add_subplot(), "No sample." if not result.samples else "No edge in any sample.")
        return figure
    heads = [min(layer.alpha.shape[1], MOST_HEADS) for layer in layers]
    heights = [
        0.9 + 0.25 * depth,
        0.3 + 1.4 * min(depth, MOST_LAYERS),
        0.3 + 1.8 * _rows(heads[-1]) if _can_be_told_apart(result.samples[0]) else 0.5,
    ]
    figure = titled_figure(_title(result), _notes(result, layers), height_inches=0.8 + sum(heights))
    table, panels, graph = figure.subfigures(3, 1, squeeze=False, height_ratios=heights)[:, 0]
    _draw_entropies(table, layers)
    _draw_panels(panels, layers[:MOST_LAYERS], max(heads[:MOST_LAYERS]))
    _draw_graph(graph, result.samples[0], heads[-1])
    return figure


@dataclass(frozen=True, slots=True)
class _Pooled:
    """The edges of one layer over all samples; nodes are counted over them."""

    alpha: Float64[np.ndarray, "edges heads"]
    target: Int64[np.ndarray, " edges"]
    degree: Int64[np.ndarray, " edges"]  # edges that enter the target, a loop included


def _relative_entropy(layer: _Pooled) -> Float64[np.ndarray, " heads"]:
    """Entropy of each head over the edges of a node, over that of uniform attention; 0 to 1, the mean over nodes.

    Nodes with a single edge, which leave no choice, do not count; NaN where there is no other.
    """
    surprise = -layer.alpha * np.log(np.where(layer.alpha > 0, layer.alpha, 1))
    shares = surprise / np.log(np.maximum(layer.degree, 2))[:, None]  # their sum over a node is its entropy
    n_nodes = len(np.unique(layer.target[layer.degree > 1]))
    if n_nodes == 0:
        return np.full(layer.alpha.shape[1], np.nan)
    return shares[layer.degree > 1].sum(0) / n_nodes


def _pooled(layers: Sequence[LayerAttention]) -> _Pooled:
    targets, start = [], 0
    for layer in layers:
        targets.append(layer.edge_index[1] + start)
        start += int(layer.edge_index.max(initial=-1)) + 1
    target = np.concatenate(targets)
    return _Pooled(
        np.concatenate([layer.alpha for layer in layers]).astype(np.float64),
        target,
        np.bincount(target)[target] if len(target) else target,
    )


def _title(result: AttentionWeights) -> str:
    return f"Attention of {result.family} on {result.data}, split {result.split}: n = {result.n_samples}"


def _notes(result: AttentionWeights, layers: Sequence[_Pooled]) -> list[str]:
    notes = [
        "Uniform attention (dashed) gives every edge that enters a node 1 / their number; nodes with one edge do not "
        "count. Colour: how many edges, on a logarithmic scale. Width of a line: attention; an edge bends to "
        "the left on its way."
    ]
    heads = max(layer.alpha.shape[1] for layer in layers)
    if len(layers) > MOST_LAYERS or heads > MOST_HEADS:
        notes.append(
            f"Panels of the first {min(len(layers), MOST_LAYERS)} of {len(layers)} layers and the first "
            f"{min(heads, MOST_HEADS)} of {heads} heads."
        )
    return notes


def _draw_entropies(figure: SubFigure, layers: Sequence[_Pooled]) -> None:
    axes = figure.add_subplot()
    width = max(layer.alpha.shape[1] for layer in layers)
    table = np.full((len(layers), width), np.nan)
    for row, layer in zip(table, layers, strict=True):
        row[: layer.alpha.shape[1]] = _relative_entropy(layer)
    texts = [["n/a" if np.isnan(cell) else f"{cell:.2f}" for cell in row] for row in table]
    image = heat_table(axes, table, texts, font_size=min(8.0, 140 / width))
    axes.set(
        xlabel="head", ylabel="layer", title="entropy relative to uniform attention: 1 uniform, 0 one edge"
    )
    figure.colorbar(image, fraction=0.04, label="entropy")


def _draw_panels(figure: SubFigure, layers: Sequence[_Pooled], heads: int) -> None:
    """A panel for each head of each layer, all on the same axes."""
    axes = figure.subplots(len(layers), heads, squeeze=False, sharex=True, sharey=True)
    least, narrow = min(_least_uniform(layer) for layer in layers), heads > COLUMNS
    for i, (row, layer) in enumerate(zip(axes, layers, strict=True)):
        for head, panel in enumerate(row):
            if head >= layer.alpha.shape[1]:
                panel.set_visible(False)
                continue
            panel.set_title(f"{i}, {head}" if narrow else f"layer {i}, head {head}")
            _draw_against_uniform(panel, layer, head, least=least, most_ticks=1 if narrow else 3)
        row[0].set_ylabel(f"layer {i}: attention" if narrow else "attention")
    for panel in axes[-1]:
        panel.set_xlabel("uniform" if narrow else "uniform attention")


def _least_uniform(layer: _Pooled) -> float:
    return min(0.1, 1 / (1.5 * int(layer.degree.max(initial=1))))


def _draw_against_uniform(axes: Axes, layer: _Pooled, head: int, *, least: float, most_ticks: int) -> None:
    free = layer.degree > 1
    if not free.any():
        say(axes, "no node with more than one edge", characters=18)
        return
    alpha = np.clip(layer.alpha[free, head], LEAST_ALPHA, 1)
    edges = (np.geomspace(least, 1, BINS // 2), np.geomspace(LEAST_ALPHA, 1, BINS))
    axes.hist2d(1 / layer.degree[free], alpha, bins=edges, norm=LogNorm(), rasterized=True)
    axes.plot([LEAST_ALPHA, 1], [LEAST_ALPHA, 1], color=COLOURS[1], linestyle="--")
    axes.set(xscale="log", yscale="log", xlim=(least, 1), ylim=(LEAST_ALPHA, 1))
    octaves = int(-np.log2(least))
    degrees = [2**i for i in range(0, octaves + 1, -(-octaves // most_ticks))]
    axes.set_xticks([1 / degree for degree in degrees], labels=[f"1/{degree}" for degree in degrees])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _draw_graph(figure: SubFigure, sample: SampleAttention, heads: int) -> None:
    layer, n_nodes = sample.layers[-1], len(sample.node_id)
    n_heads, n_edges = layer.alpha.shape[1], len(layer.alpha)
    shown = f", heads 0 to {heads - 1} of {n_heads}" if heads < n_heads else ""
    figure.suptitle(
        f"sample {sample.index} ({class_name(sample.label)}): {n_nodes} nodes, {n_edges} edges, last layer{shown}",
        fontsize=8,
        fontweight="normal",
    )
    if not _can_be_told_apart(sample):
        reason = f"Too many to tell apart: at most {MOST_NODES} nodes and {MOST_EDGES} edges are drawn."
        say(figure.add_subplot(), reason, characters=90)
        return
    axes = figure.subplots(_rows(heads), min(COLUMNS, heads), squeeze=False)
    for head, panel in enumerate(axes.flat):
        panel.set_axis_off()
        if head < heads:
            _draw_edges(panel, layer, n_nodes, head)


def _can_be_told_apart(sample: SampleAttention) -> bool:
    return len(sample.node_id) <= MOST_NODES and len(sample.layers[-1].alpha) <= MOST_EDGES


def _rows(panels: int) -> int:
    return -(-panels // COLUMNS)


def _draw_edges(axes: Axes, layer: LayerAttention, n_nodes: int, head: int) -> None:
    """Nodes on a circle; an edge bends to the left on its way, so that its way back is another line."""
    angles = np.pi / 2 - 2 * np.pi * np.arange(n_nodes) / max(n_nodes, 1)
    nodes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    alpha = layer.alpha[:, head].clip(0, 1)
    paths = [_path(nodes[i], nodes[j]) for i, j in layer.edge_index.T]
    colours = [(COLOURS[0], opacity) for opacity in 0.2 + 0.8 * alpha]
    axes.add_collection(LineCollection(paths, colors=colours, linewidths=0.1 + 2.4 * alpha))
    axes.plot(*nodes.T, "o", color="black", markersize=2.5)
    axes.set(xlim=(-1.25, 1.25), ylim=(-1.25, 1.25), aspect="equal", title=f"head {head}")


def _path(
    start: Float64[np.ndarray, " 2"], end: Float64[np.ndarray, " 2"]
) -> Float64[np.ndarray, "points 2"]:
    if (start == end).all():
        turn = np.linspace(0, 2 * np.pi, 20)
        return 1.1 * start + 0.1 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    along = end - start
    middle = (start + end) / 2 + 0.12 * np.array([-along[1], along[0]])
    t = np.linspace(0, 1, 16)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end
