"""Graphs that are sequences of windows: nodes pooled in each step, then the steps of each graph.

Only steps that have nodes take up memory, whatever their numbers.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch_geometric.utils import scatter, softmax


@dataclass(frozen=True, slots=True)
class Cells:
    """The steps of each graph that have a node, by graph, then by step."""

    graph: Int64[Tensor, " cells"]
    step: Int64[Tensor, " cells"]
    of_node: Int64[Tensor, " nodes"]
    n_graphs: int


def occupied_cells(graph: Int64[Tensor, " nodes"], step: Int64[Tensor, " nodes"], n_graphs: int) -> Cells:
    """Where each node belongs."""
    places, of_node = torch.unique(torch.stack([graph, step]), dim=1, return_inverse=True)
    return Cells(places[0], places[1], of_node, n_graphs)


class MeanOfSteps(nn.Module):
    """The mean over the steps that have nodes."""

    def __init__(self, width: int):
        super().__init__()

    def forward(self, x: Float[Tensor, "cells d"], cells: Cells) -> Float[Tensor, "graphs d"]:
        """One vector a graph."""
        return scatter(x, cells.graph, dim_size=cells.n_graphs, reduce="mean")


class AttentionOverSteps(nn.Sequential):
    """The mean over the steps that have nodes, weighed by the softmax of a score of each."""

    def __init__(self, width: int):
        super().__init__(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(  # type: ignore[override]
        self, x: Float[Tensor, "cells d"], cells: Cells
    ) -> Float[Tensor, "graphs d"]:
        """One vector a graph."""
        weights = softmax(super().forward(x), cells.graph, num_nodes=cells.n_graphs)
        return scatter(weights * x, cells.graph, dim_size=cells.n_graphs)


class LastOfSteps(nn.GRU):
    """The state of a GRU after as many steps as have nodes.

    As published these are the first ones: where step 1 of 0, 1 and 2 has no node, the GRU reads 0 and a vector of
    zeros, and not 2.
    """

    def __init__(self, width: int):
        super().__init__(width, width, batch_first=True)

    def forward(  # type: ignore[override]
        self, x: Float[Tensor, "cells d"], cells: Cells
    ) -> Float[Tensor, "graphs d"]:
        """One vector a graph."""
        n_steps = torch.bincount(cells.graph, minlength=cells.n_graphs)
        read = cells.step < n_steps[cells.graph]
        steps = x.new_zeros(cells.n_graphs, int(n_steps.max()), x.shape[1])
        steps[cells.graph[read], cells.step[read]] = x[read]
        _, last = super().forward(
            pack_padded_sequence(steps, n_steps.cpu(), batch_first=True, enforce_sorted=False)
        )
        return last[0]


SEQUENCE_POOLS = {
    "auto": MeanOfSteps,
    "mean": MeanOfSteps,
    "attention": AttentionOverSteps,
    "gru": LastOfSteps,
}
