"""A network whose weights near the head are new random numbers."""

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def with_random_weights(network: Network, groups: Sequence[Sequence[str]], *, seed: int) -> Network:
    """A copy in which every parameter named is drawn anew: normal, with the mean and deviation that it had.

    Groups are drawn in their order, so that the first ones get the same numbers however many follow. A parameter
    whose numbers are all equal stays as it is.
    """
    changed = copy.deepcopy(network)
    draw = torch.Generator().manual_seed(seed)
    for name in (name for group in groups for name in group):
        parameter = changed.get_parameter(name)
        normal = torch.randn(parameter.shape, generator=draw).to(parameter.device)
        parameter.copy_(parameter.mean() + parameter.std(correction=0) * normal)
    return changed
