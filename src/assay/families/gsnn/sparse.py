"""Sparse linear maps of many samples: which inputs feed which outputs, as gathers that sum in a fixed order."""

from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding_bag


class Connections(nn.Module):
    """Entries from an input to an output, arranged by output for the product and by input for its gradient.

    The arrangement is no part of the state dict: `arrange` makes it, and it moves with the module.
    """

    target_order: Tensor
    target_partner: Tensor
    target_start: Tensor
    source_order: Tensor
    source_partner: Tensor
    source_start: Tensor

    def __init__(self) -> None:
        super().__init__()
        for side in ("target", "source"):
            for name in ("order", "partner", "start"):
                self.register_buffer(f"{side}_{name}", torch.empty(0, dtype=torch.int64), persistent=False)

    def arrange(self, indices: Int64[Tensor, "2 entries"], n_sources: int, n_targets: int) -> None:
        """Takes the entries (source, target); the outputs of a sum keep the order of the entries."""
        source, target = indices
        self.target_order, self.target_partner, self.target_start = _arranged(target, source, n_targets)
        self.source_order, self.source_partner, self.source_start = _arranged(source, target, n_sources)

    def forward(
        self, x: Float[Tensor, "samples sources"], values: Float[Tensor, " entries"] | None = None
    ) -> Float[Tensor, "samples targets"]:
        """The sum over the entries into each target of value times source; without values all are 1."""
        return _Product.apply(x, values, self)


class Arranged(nn.Module):
    """A module with sums whose connections follow from its buffers."""

    def arrange(self) -> None:
        """Makes what the sums need of the buffers; once, after they are loaded."""
        raise NotImplementedError


class SparseLinear(Arranged):
    """A linear map with few entries; parameters and buffer are named as published."""

    indices: Int64[Tensor, "2 entries"]  # source, target

    def __init__(self, sources: int, targets: int, entries: int, *, bias: bool, column: bool):
        super().__init__()
        self.sizes = sources, targets
        self.values = nn.Parameter(torch.empty((entries, 1) if column else (entries,)))
        self.bias = nn.Parameter(torch.empty(targets, 1)) if bias else None
        self.register_buffer("indices", torch.empty(2, entries, dtype=torch.int64))
        self.connections = Connections()

    def arrange(self) -> None:
        """See `Arranged`."""
        self.connections.arrange(self.indices, *self.sizes)

    def forward(self, x: Float[Tensor, "samples sources"]) -> Float[Tensor, "samples targets"]:
        """x times the sparse matrix, plus the bias."""
        product = self.connections(x, self.values.flatten())
        return product if self.bias is None else product + self.bias.flatten()


class _Product(torch.autograd.Function):
    """Differentiable in the samples and in the values, with sums in the same order on every device."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, values: Tensor | None, connections: Connections
    ) -> Float[Tensor, "samples targets"]:
        ctx.connections = connections
        ctx.save_for_backward(x if values is not None and values.requires_grad else None, values)
        order, partner, start = (
            connections.target_order,
            connections.target_partner,
            connections.target_start,
        )
        return _summed(x, None if values is None else values[order], partner, start)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        connections, (x, values) = ctx.connections, ctx.saved_tensors
        order, partner, start = (
            connections.source_order,
            connections.source_partner,
            connections.source_start,
        )
        of_x = of_values = None
        if ctx.needs_input_grad[0]:
            of_x = _summed(grad, None if values is None else values[order], partner, start)
        if ctx.needs_input_grad[1]:
            source = connections.target_partner
            target = torch.repeat_interleave(connections.target_start.diff())
            by_target = (x.t()[source] * grad.t()[target]).sum(1)
            of_values = torch.empty_like(by_target)
            of_values[connections.target_order] = by_target
        return of_x, of_values, None


def _summed(
    x: Float[Tensor, "samples sources"],
    weights: Float[Tensor, " entries"] | None,
    partner: Int64[Tensor, " entries"],
    start: Int64[Tensor, " targets_and_end"],
) -> Float[Tensor, "samples targets"]:
    rows = x.t().contiguous()
    return embedding_bag(
        partner, rows, start, mode="sum", per_sample_weights=weights, include_last_offset=True
    ).t()


def _arranged(
    key: Int64[Tensor, " entries"], partner: Int64[Tensor, " entries"], n: int
) -> tuple[Int64[Tensor, " entries"], Int64[Tensor, " entries"], Int64[Tensor, " targets_and_end"]]:
    order = key.argsort(stable=True)
    counts = torch.bincount(key, minlength=n)
    start = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return order, partner[order], start
