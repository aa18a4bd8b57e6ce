"""A loss that is a mean over nodes, on fixed graphs, as a function of the parameters of any network."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float64
from torch import Tensor, nn
from torch.func import functional_call

from assay.protocols import GraphBatch

GRAPHS_AT_A_TIME = 32  # their layers stay in the cache, which is worth more than fewer calls
PUBLISHED_BATCH = 256


def graphs_at_a_time(compat: Literal["published"] | None) -> int:
    """Graphs in a batch."""
    return PUBLISHED_BATCH if compat == "published" else GRAPHS_AT_A_TIME


def batch_weights(batches: Sequence[GraphBatch], compat: Literal["published"] | None) -> list[float]:
    """How much a node of each batch counts: all the same. As published a batch counts by its graphs, not its nodes."""
    return [batch.n_graphs / len(batch.x) if compat == "published" else 1.0 for batch in batches]


class NodeObjective:
    """Answers `assay.protocols.Objective`; never changes the network, whose forward pass takes a batch and its draw.

    The losses of all nodes are summed in float64 and divided by their number, so that batches decide nothing unless
    their nodes have `weights`. `asked` is what else the forward pass is to be told.
    """

    def __init__(
        self,
        network: nn.Module,
        losses: Callable[[GraphBatch, Any], Float64[Tensor, " nodes"]],
        batches: Sequence[GraphBatch],
        draws: Sequence[Tensor],
        *,
        weights: Sequence[float] | None = None,
        **asked: Any,
    ):
        self._network = network
        self._losses = losses
        self._names = [name for name, _ in network.named_parameters()]
        self._asked = asked
        weights = weights or [1.0] * len(batches)
        self._inputs = list(zip(batches, draws, weights, strict=True))
        self._weight = sum(weight * len(batch.x) for batch, _, weight in self._inputs)

    @torch.inference_mode()
    def __call__(self, parameters: Sequence[Tensor]) -> float:
        """The weighted mean over all nodes; buffers stay as they are."""
        state = dict(zip(self._names, parameters, strict=True))
        return sum(w * self._total(state, batch, draw) for batch, draw, w in self._inputs) / self._weight

    def _total(self, state: dict[str, Tensor], batch: GraphBatch, draw: Tensor) -> float:
        found = functional_call(self._network, state, (batch, draw), self._asked)
        return float(self._losses(batch, found).sum())
