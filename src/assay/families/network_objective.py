"""The cross entropy of a classifier on fixed samples, as a function of its parameters, for any network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from assay.protocols import GraphBatch, ImageBatch


class NetworkObjective:
    """Answers `assay.protocols.Objective`; never changes the network, whose forward pass takes a batch."""

    def __init__(self, network: nn.Module, batches: Sequence[GraphBatch] | Sequence[ImageBatch]):
        self._network = network
        self._names = [name for name, _ in network.named_parameters()]
        self._batches = batches

    @torch.inference_mode()
    def __call__(self, parameters: Sequence[Tensor]) -> float:
        """The mean over all samples, summed in float64; buffers stay as they are."""
        state = dict(zip(self._names, parameters, strict=True))
        total = sum(self._loss(state, batch) for batch in self._batches)
        return total / sum(len(batch.y) for batch in self._batches)

    def _loss(self, state: dict[str, Tensor], batch: GraphBatch | ImageBatch) -> float:
        logits = functional_call(self._network, state, (batch,))
        return float(cross_entropy(logits.double(), batch.y, reduction="sum"))
