"""Random directions in parameter space, scaled filter by filter to the parameters that they move."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


def filter_normalised(parameters: Sequence[Tensor], *, seed: int) -> list[Tensor]:
    """One normal direction per parameter; each of its filters has the norm of the parameter's filter.

    A filter is a row of the first dimension; a parameter of fewer than two dimensions is one filter. Where a
    filter of the parameter is zero, so is the direction's. One generator of the CPU draws all of them in order,
    so that a parameter's direction depends on the seed and on the shapes before it.

    Source: Li et al. 2018 (arXiv:1712.09913), section 4, but for biases and gains, which Li et al. leave out.
    """
    draw = torch.Generator().manual_seed(seed)
    return [_scaled(torch.randn(p.shape, generator=draw, dtype=p.dtype).to(p.device), p) for p in parameters]


def _scaled(direction: Tensor, parameter: Tensor) -> Tensor:
    lengths, wanted = _filter_norms(direction), _filter_norms(parameter)
    factors = torch.where(lengths > 0, wanted / lengths, 0.0)
    return (_filters(direction).double() * factors[:, None]).to(direction.dtype).reshape(direction.shape)


def _filter_norms(parameter: Tensor) -> Float[Tensor, " filters"]:
    return _filters(parameter).double().norm(dim=1)


def _filters(parameter: Tensor) -> Float[Tensor, "filters size"]:
    return parameter.reshape(len(parameter), -1) if parameter.ndim > 1 else parameter.reshape(1, -1)
