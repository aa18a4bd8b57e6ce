"""Attention weights: what the heads of every layer give to each edge of a sample."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from assay.artifacts.sampling import chosen_splits
from assay.errors import AssayError
from assay.protocols import Attends, Data, GraphBatch

BATCH_SIZE = 64  # samples in a forward pass: any number of them fits, and their layers stay in the cache


@dataclass(frozen=True, slots=True)
class LayerAttention:
    """One layer: row e of `alpha` belongs to the edge from `edge_index[0, e]` to `edge_index[1, e]`."""

    alpha: Float32[np.ndarray, "edges heads"]
    edge_index: Int64[np.ndarray, "2 edges"]  # nodes counted within the sample


@dataclass(frozen=True, slots=True)
class SampleAttention:
    """One sample: where it stands in its split, and the weights of every layer."""

    index: int
    label: int
    node_id: Int64[np.ndarray, " nodes"]
    layers: tuple[LayerAttention, ...]


@dataclass(frozen=True, slots=True)
class AttentionWeights:
    """Samples in the order of their split. In the file: `sample_{i}_label`, `sample_{i}_layer_{l}_alpha`."""

    n_samples: int
    samples: tuple[SampleAttention, ...]
    split: str
    family: str
    data: str


def compute(subject: Attends, data: Data, *, split: str, max_samples: int, seed: int) -> AttentionWeights:
    """The attention of at most `max_samples` samples drawn from a split.

    Raises:
        AssayError: a split that the data do not have or that is empty, or weights that are not finite.
    """
    (split,) = chosen_splits(data, (split,))
    drawn = data.draw(split, max_samples=max_samples, seed=seed)
    if len(drawn) == 0:
        raise AssayError(f"attention weights: split {split!r} of {data.name!r} has no sample")
    graphs = [graph for batch in drawn.batches(BATCH_SIZE) for graph in _graphs(subject, batch)]
    samples = tuple(
        SampleAttention(index, label, node_id, layers)
        for index, label, (node_id, layers) in zip(
            drawn.index.tolist(), drawn.labels.tolist(), graphs, strict=True
        )
    )
    _refuse_not_finite(samples, split)
    return AttentionWeights(len(samples), samples, split, subject.family, data.name)


def _graphs(
    subject: Attends, batch: GraphBatch
) -> Iterator[tuple[Int64[np.ndarray, " nodes"], tuple[LayerAttention, ...]]]:
    """The node identities and the layers of each graph, from one forward pass of all of them."""
    graph = batch.graph.cpu()
    n_nodes = torch.bincount(graph, minlength=batch.n_graphs)
    node_ids = [part.numpy() for part in batch.node_id.cpu().split(n_nodes.tolist())]
    layers: list[list[LayerAttention]] = []
    edges: _Edges | None = None
    for attention in subject.attend(batch):
        if edges is None or not torch.equal(attention.edge_index, edges.edge_index):
            edges = _by_graph(attention.edge_index, graph, n_nodes)
        alphas = attention.alpha.cpu()[edges.order].split(edges.n_edges)
        layers.append([LayerAttention(a.numpy(), e) for a, e in zip(alphas, edges.of_graph, strict=True)])
    return zip(node_ids, zip(*layers, strict=True), strict=True)


@dataclass(frozen=True, slots=True)
class _Edges:
    """The edges of a batch graph by graph: the same for all layers that add the same loops."""

    edge_index: Int64[Tensor, "2 edges"]  # of the batch
    order: Int64[Tensor, " edges"]
    n_edges: list[int]
    of_graph: list[Int64[np.ndarray, "2 _"]]  # nodes counted within the graph


def _by_graph(
    edge_index: Int64[Tensor, "2 edges"], graph: Int64[Tensor, " nodes"], n_nodes: Int64[Tensor, " graphs"]
) -> _Edges:
    """Edges of a graph keep their order, so that loops which stood last stay last."""
    edges = edge_index.cpu()
    owner = graph[edges[1]]
    order = owner.argsort(stable=True)
    n_edges = torch.bincount(owner, minlength=len(n_nodes)).tolist()
    first_node = n_nodes.cumsum(0) - n_nodes
    within = (edges - first_node[owner])[:, order].split(n_edges, dim=1)
    return _Edges(edge_index, order, n_edges, [part.numpy() for part in within])


def _refuse_not_finite(samples: tuple[SampleAttention, ...], split: str) -> None:
    n_layers = len(samples[0].layers)
    for layer in range(n_layers):
        n_bad = sum(not np.isfinite(sample.layers[layer].alpha).all() for sample in samples)
        if n_bad:
            raise AssayError(
                f"attention of layer {layer}: {n_bad} of {len(samples)} samples of split {split!r} give "
                "weights that are not finite; the checkpoint overflows on these data"
            )
