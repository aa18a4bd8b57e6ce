"""Small batches filled up, so that a graph has alone the very bits that it has among others.

A product of few rows takes another kernel than one of many, which rounds in another way.
"""

import dataclasses

import torch
from torch import Tensor

from assay.protocols import Attention, GraphBatch

ENOUGH = 16  # rows from which on a product takes the same kernel, whatever their number


def with_spare_nodes(batch: GraphBatch) -> GraphBatch:
    """A batch of fewer nodes or edges than `ENOUGH` with a last graph more: nodes of zeros, a loop each."""
    n_nodes, n_edges = len(batch.x), batch.edge_index.shape[1]
    if min(n_nodes, n_edges) >= ENOUGH:
        return batch
    spare = torch.arange(n_nodes, n_nodes + ENOUGH, device=batch.x.device)
    return dataclasses.replace(
        batch,
        x=_with_zeros(batch.x),
        edge_index=torch.cat([batch.edge_index, spare.expand(2, -1)], dim=1),
        edge_attr=_with_zeros(batch.edge_attr),
        node_id=_with_zeros(batch.node_id),
        graph=torch.cat([batch.graph, torch.full_like(spare, batch.n_graphs)]),
        n_graphs=batch.n_graphs + 1,
        node_sequence_step=None,
    )


def without_spare_nodes(attention: Attention, n_nodes: int) -> Attention:
    """The weights of the edges among the first `n_nodes` nodes."""
    kept = attention.edge_index[1] < n_nodes
    if bool(kept.all()):
        return attention
    return Attention(attention.edge_index[:, kept], attention.alpha[kept])


def _with_zeros(rows: Tensor) -> Tensor:
    return torch.cat([rows, rows.new_zeros(ENOUGH, *rows.shape[1:])])
