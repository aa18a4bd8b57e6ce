"""Batch normalisation with the statistics of training, which no forward pass changes."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import batch_norm


class FrozenNorm(nn.Module):
    """Each channel less its mean, over its deviation, then scaled and shifted; by the names of nn.BatchNorm2d."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        self.register_buffer("running_mean", torch.empty(channels))
        self.register_buffer("running_var", torch.empty(channels))

    def forward(self, x: Float[Tensor, "samples channels y x"]) -> Float[Tensor, "samples channels y x"]:
        """The normalised channels."""
        return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias)
