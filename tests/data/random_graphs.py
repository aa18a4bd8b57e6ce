"""Collated random graphs, with graphs that have no edge among them."""

import numpy as np

from assay.data.collated import Collated, pointer


def random_graphs(seed=0, n=12, n_features=3, n_edge_features=2):
    draw = np.random.default_rng(seed)
    n_nodes, n_edges = draw.integers(1, 6, n), draw.integers(0, 9, n)
    nodes_of_edge = np.repeat(n_nodes, n_edges)
    return Collated(
        x=draw.normal(size=(n_nodes.sum(), n_features)).astype(np.float32),
        edge_index=draw.integers(0, nodes_of_edge, (2, n_edges.sum())),
        edge_attr=draw.normal(size=(n_edges.sum(), n_edge_features)).astype(np.float32),
        node_id=draw.integers(0, 9, n_nodes.sum()),
        y=np.arange(n) % 3 // 2,
        node_ptr=pointer(n_nodes),
        edge_ptr=pointer(n_edges),
        attack_type=draw.integers(0, 17, n),
        graph_wid=np.arange(n) * 100,
        record_id=np.array([f"é{'x' * number}/a.csv:{number}" for number in range(n)]),
        time=draw.random(n),
    )
