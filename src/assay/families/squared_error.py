"""The mean squared error of a network of tables on fixed samples, as a function of its parameters."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from assay.protocols import TableBatch


class SquaredError:
    """Answers `assay.protocols.Objective`; never changes the network, whose forward pass takes `x` of a batch."""

    def __init__(self, network: nn.Module, batches: Sequence[TableBatch]):
        self._network = network
        self._names = [name for name, _ in network.named_parameters()]
        self._batches = batches

    @torch.inference_mode()
    def __call__(self, parameters: Sequence[Tensor]) -> float:
        """The mean over samples and outputs, summed in float64."""
        state = dict(zip(self._names, parameters, strict=True))
        total = sum(self._squares(state, batch) for batch in self._batches)
        return total / sum(batch.y.numel() for batch in self._batches)

    def _squares(self, state: dict[str, Tensor], batch: TableBatch) -> float:
        outputs = functional_call(self._network, state, (batch.x,))
        return float((outputs.double() - batch.y).square().sum())
