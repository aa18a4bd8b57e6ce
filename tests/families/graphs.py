"""Small graphs for tests: the reference ones and random ones; one GraphBatch is one graph or several."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from assay.protocols import GraphBatch

REFERENCE = Path(__file__).parents[1] / "reference" / "graphids"


def reference_graphs() -> list[GraphBatch]:
    arrays = np.load(REFERENCE / "graphs.npz")
    return [_reference_graph(arrays, i) for i in range(int(arrays["n_graphs"]))]


def random_graph(seed: int, *, features: int = 5, edge_features: int = 3, num_ids: int = 7) -> GraphBatch:
    """Has a loop, a pair of parallel edges and a node that no edge enters or leaves."""
    draw = torch.Generator().manual_seed(seed)
    nodes = int(torch.randint(3, 8, (), generator=draw))
    connected = nodes - 1  # the last node stays isolated
    edges = torch.randint(connected, (2, int(torch.randint(3, 15, (), generator=draw))), generator=draw)
    edge_index = torch.cat([edges, edges[:, :1], torch.zeros(2, 1, dtype=torch.int64)], dim=1)
    return GraphBatch(
        x=torch.randn(nodes, features, generator=draw),
        edge_index=edge_index,
        edge_attr=torch.randn(edge_index.shape[1], edge_features, generator=draw),
        node_id=torch.randint(num_ids, (nodes,), generator=draw),
        graph=torch.zeros(nodes, dtype=torch.int64),
        n_graphs=1,
        y=torch.randint(2, (1,), generator=draw),
    )


def without_edges(graph: GraphBatch) -> GraphBatch:
    return replace(graph, edge_index=graph.edge_index[:, :0], edge_attr=graph.edge_attr[:0])


def sequence_graph(seed: int, **sizes: int) -> GraphBatch:
    """Its nodes are of steps 0 to 3, of which some may have none."""
    graph = random_graph(seed, **sizes)
    draw = torch.Generator().manual_seed(seed)
    return replace(graph, node_sequence_step=torch.randint(4, (len(graph.x),), generator=draw))


def one_node(graph: GraphBatch) -> GraphBatch:
    """Its first node, with no edge."""
    steps = graph.node_sequence_step
    return replace(
        without_edges(graph),
        x=graph.x[:1],
        node_id=graph.node_id[:1],
        graph=graph.graph[:1],
        node_sequence_step=None if steps is None else steps[:1],
    )


def together(graphs: Sequence[GraphBatch]) -> GraphBatch:
    sizes = [len(graph.x) for graph in graphs]
    steps = [graph.node_sequence_step for graph in graphs]
    starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
    return GraphBatch(
        x=torch.cat([graph.x for graph in graphs]),
        edge_index=torch.cat(
            [graph.edge_index + start for graph, start in zip(graphs, starts, strict=False)], dim=1
        ),
        edge_attr=torch.cat([graph.edge_attr for graph in graphs]),
        node_id=torch.cat([graph.node_id for graph in graphs]),
        graph=torch.arange(len(graphs)).repeat_interleave(torch.tensor(sizes)),
        n_graphs=len(graphs),
        y=torch.cat([graph.y for graph in graphs]),
        node_sequence_step=None if steps[0] is None else torch.cat(steps),
    )


def _reference_graph(arrays, i: int) -> GraphBatch:
    nodes = len(arrays[f"g{i}_x"])
    return GraphBatch(
        x=torch.from_numpy(arrays[f"g{i}_x"]),
        edge_index=torch.from_numpy(arrays[f"g{i}_edge_index"]),
        edge_attr=torch.from_numpy(arrays[f"g{i}_edge_attr"]),
        node_id=torch.from_numpy(arrays[f"g{i}_node_id"]),
        graph=torch.zeros(nodes, dtype=torch.int64),
        n_graphs=1,
        y=torch.from_numpy(arrays[f"g{i}_y"]),
    )
