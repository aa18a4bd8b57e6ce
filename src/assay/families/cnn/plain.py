"""The trunk of a plain convolutional network: one Sequential `f` of convolutions, norms and ReLUs."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from assay.errors import Refused
from assay.families.cnn.frozen_norm import FrozenNorm
from assay.families.hyperparameters import HyperParameters

_TENSOR = re.compile(r"trunk\.f\.(\d+)\.(\w+)")
LAYOUT = "convolutions of images, each followed by a batch norm or none, then by one module without tensors, the ReLU"


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution, its norm and its ReLU."""

    channels: int
    width: int
    kernel: tuple[int, int]
    stride: int
    bias: bool
    norm: bool


def plain_sizes(tensors: Mapping[str, Tensor], values: HyperParameters) -> tuple[Convolution, ...]:
    """The convolutions of canonical tensors, padded by half their kernels; `stride`, of all, is a hyper-parameter.

    Raises:
        Refused: modules in another order.
    """
    modules = sorted({int(match[1]) for name in tensors if (match := _TENSOR.fullmatch(name))})
    stride = values.integer("stride", default=None, least=1, most=64)
    found, place = [], 0
    while place <= modules[-1]:
        weight = tensors.get(f"trunk.f.{place}.weight")
        norm = f"trunk.f.{place + 1}.running_mean" in tensors
        if weight is None or weight.ndim != 4 or 0 in weight.shape or place + norm + 1 in modules:
            raise Refused(f"f has tensors in its modules {modules}, read up to {place}; allowed: {LAYOUT}")
        width, channels, *kernel = weight.shape
        bias = f"trunk.f.{place}.bias" in tensors
        found.append(Convolution(channels, width, (kernel[0], kernel[1]), stride, bias, norm))
        place += 2 + norm
    return tuple(found)


def plain_trunk(convolutions: tuple[Convolution, ...]) -> nn.Sequential:
    """The trunk, whose modules are numbered as in the file."""
    modules: list[nn.Module] = []
    for c in convolutions:
        padding = (c.kernel[0] // 2, c.kernel[1] // 2)
        modules.append(nn.Conv2d(c.channels, c.width, c.kernel, c.stride, padding, bias=c.bias))
        modules += [FrozenNorm(c.width)] if c.norm else []
        modules.append(nn.ReLU())
    return nn.Sequential(OrderedDict(f=nn.Sequential(*modules)))
