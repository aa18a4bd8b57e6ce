"""Small graphs for tests: the reference ones and random ones; one GraphBatch is one graph or several."""

from collections.abc import Sequence
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
    return GraphBatch(
        graph.x, graph.edge_index[:, :0], graph.edge_attr[:0], graph.node_id, graph.graph, 1, graph.y
    )


def together(graphs: Sequence[GraphBatch]) -> GraphBatch:
    sizes = [len(graph.x) for graph in graphs]
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
