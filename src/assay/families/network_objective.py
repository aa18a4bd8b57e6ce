"""The cross entropy of a classifier on fixed graphs, as a function of its parameters, for any network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from assay.protocols import GraphBatch


class NetworkObjective:
    """Answers `assay.protocols.Objective`; never changes the network, whose forward pass takes a batch."""

    def __init__(self, network: nn.Module, batches: Sequence[GraphBatch]):
        self._network = network
        self._names = [name for name, _ in network.named_parameters()]
        self._batches = batches

    @torch.inference_mode()
    def __call__(self, parameters: Sequence[Tensor]) -> float:
        """The mean over all graphs, summed in float64; buffers stay as they are."""
        state = dict(zip(self._names, parameters, strict=True))
        total = sum(self._loss(state, batch) for batch in self._batches)
        return total / sum(batch.n_graphs for batch in self._batches)

    def _loss(self, state: dict[str, Tensor], batch: GraphBatch) -> float:
        logits = functional_call(self._network, state, (batch,))
        return float(cross_entropy(logits.double(), batch.y, reduction="sum"))
