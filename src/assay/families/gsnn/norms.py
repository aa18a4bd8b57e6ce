"""The norms of a GSNN block, over channels that belong to functions; as they act when the network is evaluated.

In the formulas g is the function of a channel, and a mean over g is one over the channels of that function.
"""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from assay.families.gsnn.sparse import Arranged, Connections

LAYER_EPS = 0.1
RMS_EPS = 1e-6
SOFTMAX_EPS = 1e-8
RUNNING_EPS = 1e-5
BATCH_EPS = 1e-3

NORMS = (
    "layer",
    "batch",
    "batch++",
    "edgebatch",
    "groupbatch",
    "rms",
    "softmax",
    "ema",
    "channelema",
    "none",
)


def channel_norm(name: str, channels: int, groups: int) -> nn.Module:
    """The norm of the channels, by its published name."""
    return _CHANNEL_NORMS[name](channels, groups)


def edge_norm(name: str, edges: int) -> nn.Module | None:
    """The norm of what enters a block, an edge a number; None where there is none."""
    if name in ("batch++", "edgebatch"):
        return nn.BatchNorm1d(edges, eps=BATCH_EPS)
    return ChannelEmaNorm(edges) if name == "channelema" else None


class GroupNorm(Arranged):
    """What the norms within a function share: the function of each channel, sums over it and copies to it."""

    channel_groups: Int64[Tensor, " channels"]

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.groups = groups
        self.register_buffer("channel_groups", torch.empty(channels, dtype=torch.int64))
        self.to_groups, self.to_channels = Connections(), Connections()

    def arrange(self) -> None:
        """See `Arranged`."""
        channel = torch.arange(len(self.channel_groups), device=self.channel_groups.device)
        pairs = torch.stack([channel, self.channel_groups])
        self.to_groups.arrange(pairs, len(channel), self.groups)
        self.to_channels.arrange(pairs.flip(0), self.groups, len(channel))

    def _rescaled(
        self, x: Float[Tensor, "samples channels"], scale: Tensor, shift: Tensor
    ) -> Float[Tensor, "samples channels"]:
        return x * scale[self.channel_groups] + shift[self.channel_groups]


class CountedGroupNorm(GroupNorm):
    """One that also keeps how many channels each function has."""

    n_channels: Tensor

    def __init__(self, channels: int, groups: int):
        super().__init__(channels, groups)
        self.register_buffer("n_channels", torch.empty(groups, dtype=torch.int64))


class LayerNorm(CountedGroupNorm):
    """y = (x - mean_g) / (sd_g + 0.1) gamma_g + beta_g with n - 1 in sd; gradients take mean and sd for constants."""

    def __init__(self, channels: int, groups: int):
        super().__init__(channels, groups)
        self.gamma, self.beta = nn.Parameter(torch.empty(groups)), nn.Parameter(torch.empty(groups))

    def forward(self, x: Float[Tensor, "samples channels"]) -> Float[Tensor, "samples channels"]:
        """The normalised channels."""
        with torch.no_grad():
            mean = self.to_channels(self.to_groups(x) / self.n_channels)
            variance = self.to_groups((x - mean).square()) / (self.n_channels - 1)
            deviation = self.to_channels(variance.sqrt())
        return self._rescaled((x - mean) / (deviation + LAYER_EPS), self.gamma, self.beta)


class RmsNorm(CountedGroupNorm):
    """y = x / sqrt(mean_g x^2 + 1e-6) gamma_g."""

    def __init__(self, channels: int, groups: int):
        super().__init__(channels, groups)
        self.gamma = nn.Parameter(torch.empty(groups))

    def forward(self, x: Float[Tensor, "samples channels"]) -> Float[Tensor, "samples channels"]:
        """The normalised channels."""
        size = (self.to_groups(x.square()) / self.n_channels + RMS_EPS).sqrt()
        return x / self.to_channels(size) * self.gamma[self.channel_groups]


class SoftmaxNorm(CountedGroupNorm):
    """y = exp(x - max_g) / (sum_g exp(x - max_g) + 1e-8)."""

    def forward(self, x: Float[Tensor, "samples channels"]) -> Float[Tensor, "samples channels"]:
        """The softmax over the channels of each function."""
        group = self.channel_groups.expand_as(x)
        largest = x.new_full((len(x), self.groups), -torch.inf)
        largest = largest.scatter_reduce(1, group, x.detach(), "amax")
        raised = (x - largest.gather(1, group)).exp()
        return raised / self.to_channels(self.to_groups(raised) + SOFTMAX_EPS)


class RunningGroupNorm(GroupNorm):
    """y = (x - running mean_g) / sqrt(running variance_g + 1e-5) gamma_g + beta_g: groupbatch and ema."""

    gamma: Tensor
    beta: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, groups: int):
        super().__init__(channels, groups)
        _register_running(self, groups)

    def forward(self, x: Float[Tensor, "samples channels"]) -> Float[Tensor, "samples channels"]:
        """The normalised channels."""
        group = self.channel_groups
        scaled = (x - self.running_mean[group]) / (self.running_var[group] + RUNNING_EPS).sqrt()
        return self._rescaled(scaled, self.gamma, self.beta)


class ChannelEmaNorm(nn.Module):
    """y = (x - running mean) / sqrt(running variance + 1e-5) gamma + beta, each of a channel or edge of its own."""

    gamma: Tensor
    beta: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, size: int):
        super().__init__()
        _register_running(self, size)

    def forward(self, x: Float[Tensor, "samples size"]) -> Float[Tensor, "samples size"]:
        """The normalised numbers."""
        scaled = (x - self.running_mean) / (self.running_var + RUNNING_EPS).sqrt()
        return scaled * self.gamma + self.beta


def _register_running(norm: nn.Module, size: int) -> None:
    norm.gamma, norm.beta = nn.Parameter(torch.empty(size)), nn.Parameter(torch.empty(size))
    norm.register_buffer("running_mean", torch.empty(size))
    norm.register_buffer("running_var", torch.empty(size))
    norm.register_buffer("num_batches_tracked", torch.empty((), dtype=torch.int64))


def _batch_norm(channels: int, groups: int) -> nn.Module:
    return nn.BatchNorm1d(channels, eps=BATCH_EPS)


def _identity(channels: int, groups: int) -> nn.Module:
    return nn.Identity()


_CHANNEL_NORMS: Mapping[str, Callable[[int, int], nn.Module]] = {
    "layer": LayerNorm,
    "batch": _batch_norm,
    "batch++": _batch_norm,
    "edgebatch": _identity,
    "groupbatch": RunningGroupNorm,
    "rms": RmsNorm,
    "softmax": SoftmaxNorm,
    "ema": RunningGroupNorm,
    "channelema": lambda channels, groups: ChannelEmaNorm(channels),
    "none": _identity,
}
