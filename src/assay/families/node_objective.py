"""A loss that is a mean over nodes, on fixed graphs, as a function of the parameters of any network."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.func import functional_call

from assay.protocols import GraphBatch

GRAPHS_AT_A_TIME = 32  # their layers stay in the cache, which is worth more than fewer calls


class NodeObjective:
    """Answers `assay.protocols.Objective`; never changes the network, whose forward pass takes a batch and its draw.

    The losses of all nodes are summed in float64 and divided by their number, so that batches decide nothing.
    """

    def __init__(
        self,
        network: nn.Module,
        losses: Callable[[GraphBatch, Any], Float64[Tensor, " nodes"]],
        batches: Sequence[GraphBatch],
        draws: Sequence[Tensor],
    ):
        self._network = network
        self._losses = losses
        self._names = [name for name, _ in network.named_parameters()]
        self._inputs = list(zip(batches, draws, strict=True))
        self._n_nodes = sum(len(batch.x) for batch in batches)

    @torch.inference_mode()
    def __call__(self, parameters: Sequence[Tensor]) -> float:
        """The mean over all nodes; buffers stay as they are."""
        state = dict(zip(self._names, parameters, strict=True))
        return sum(self._total(state, batch, draw) for batch, draw in self._inputs) / self._n_nodes

    def _total(self, state: dict[str, Tensor], batch: GraphBatch, draw: Tensor) -> float:
        return float(self._losses(batch, functional_call(self._network, state, (batch, draw))).sum())
