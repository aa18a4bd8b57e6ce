"""The trunk of a ResNet, a wide one or a ResNeXt: depth, widths, groups and kind of block are in its tensors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from assay.errors import Refused
from assay.families.cnn.frozen_norm import FrozenNorm
from assay.families.hyperparameters import HyperParameters

STEM_KERNEL = 7  # with stride 2 and a pool behind it, in every published ResNet of this kernel
_CONVOLUTION = re.compile(r"trunk\.layer(\d+)\.(\d+)\.conv(\d)\.weight")


@dataclass(frozen=True, slots=True)
class ResidualSizes:
    """What decides the trunk."""

    channels: int
    stem_width: int
    stem_kernel: int
    stem_stride: int
    stem_pools: bool
    depths: tuple[int, ...]  # blocks of each stage
    inner: tuple[int, ...]  # width inside the blocks of each stage
    outer: tuple[int, ...]  # width between them
    groups: tuple[int, ...]  # of the 3 x 3 convolutions of each stage's bottlenecks
    bottleneck: bool
    first_stage_strides: bool
    first_convolution_strides: bool  # of a bottleneck; else the second, as in torchvision and timm


def residual_sizes(tensors: Mapping[str, Tensor], values: HyperParameters) -> ResidualSizes:
    """The sizes of canonical tensors; what the tensors do not show is a hyper-parameter.

    Raises:
        Refused: stages or blocks that do not follow each other.
    """
    blocks = {(int(m[1]), int(m[2])) for name in tensors if (m := _CONVOLUTION.fullmatch(name))}
    depths = _depths(blocks)
    bottleneck = "trunk.layer1.0.conv3.weight" in tensors
    last = "conv3" if bottleneck else "conv2"
    stages = range(1, len(depths) + 1)
    width, channels, kernel, _ = _kernel(tensors, "trunk.conv1.weight")
    inner = tuple(_kernel(tensors, f"trunk.layer{s}.0.conv1.weight")[0] for s in stages)
    usual = kernel == STEM_KERNEL
    sizes = ResidualSizes(
        channels=channels,
        stem_width=width,
        stem_kernel=kernel,
        stem_stride=values.integer("stem_stride", default=2 if usual else None, least=1, most=8),
        stem_pools=values.flag("stem_pool", default=usual),
        depths=depths,
        inner=inner,
        outer=tuple(_kernel(tensors, f"trunk.layer{s}.0.{last}.weight")[0] for s in stages),
        groups=tuple(
            _groups(tensors, f"trunk.layer{s}.0.conv2.weight", n) if bottleneck else 1
            for s, n in zip(stages, inner, strict=True)
        ),
        bottleneck=bottleneck,
        first_stage_strides=values.flag("downsample_in_first_stage", default=False),
        first_convolution_strides=values.flag("downsample_in_bottleneck", default=False),
    )
    if not usual and values.raw("stem_pool") is None:
        allowed = f"True or False, whether a pool follows the first convolution; its kernel of {kernel} does not tell"
        values.problem("stem_pool", None, allowed)
    _refuse_other_sizes(sizes, values)
    return sizes


def residual_trunk(sizes: ResidualSizes) -> nn.Sequential:
    """The trunk with the names of torchvision."""
    trunk = nn.Sequential()
    kernel, width = sizes.stem_kernel, sizes.stem_width
    stem = nn.Conv2d(sizes.channels, width, kernel, sizes.stem_stride, kernel // 2, bias=False)
    trunk.add_module("conv1", stem)
    trunk.add_module("bn1", FrozenNorm(width))
    trunk.add_module("relu", nn.ReLU())
    if sizes.stem_pools:
        trunk.add_module("maxpool", nn.MaxPool2d(3, stride=2, padding=1))
    for stage, depth in enumerate(sizes.depths):
        blocks = nn.Sequential()
        for index in range(depth):
            strides = index == 0 and (stage > 0 or sizes.first_stage_strides)
            blocks.append(ResidualBlock(sizes, width, stage, stride=2 if strides else 1))
            width = sizes.outer[stage]
        trunk.add_module(f"layer{stage + 1}", blocks)
    return trunk


class ResidualBlock(nn.Module):
    """relu(shortcut x + convolutions x): two of 3 x 3, or as a bottleneck 1 x 1, 3 x 3, 1 x 1."""

    def __init__(self, sizes: ResidualSizes, width: int, stage: int, *, stride: int):
        super().__init__()
        inner, outer = sizes.inner[stage], sizes.outer[stage]
        kernels, strides, widths, groups = [3, 3], [stride, 1], [width, inner, outer], [1, 1]
        if sizes.bottleneck:
            kernels, widths, groups = [1, 3, 1], [width, inner, inner, outer], [1, sizes.groups[stage], 1]
            strides = [stride, 1, 1] if sizes.first_convolution_strides else [1, stride, 1]
        self.n_convolutions = len(kernels)
        for i, kernel in enumerate(kernels):
            convolution = nn.Conv2d(
                widths[i], widths[i + 1], kernel, strides[i], kernel // 2, groups=groups[i], bias=False
            )
            self.add_module(f"conv{i + 1}", convolution)
            self.add_module(f"bn{i + 1}", FrozenNorm(widths[i + 1]))
        shortcut = nn.Conv2d(width, outer, 1, stride, bias=False)
        same = stride == 1 and width == outer
        self.downsample = nn.Identity() if same else nn.Sequential(shortcut, FrozenNorm(outer))

    def forward(
        self, x: Float[Tensor, "samples channels y x"]
    ) -> Float[Tensor, "samples outer rows columns"]:
        """The block's output, after its ReLU."""
        inner = x
        for i in range(1, self.n_convolutions + 1):
            inner = self.get_submodule(f"bn{i}")(self.get_submodule(f"conv{i}")(inner))
            inner = inner.relu() if i < self.n_convolutions else inner
        return (inner + self.downsample(x)).relu()


def _depths(blocks: set[tuple[int, int]]) -> tuple[int, ...]:
    stages = {stage for stage, _ in blocks}
    depths = tuple(sum(stage == s for stage, _ in blocks) for s in sorted(stages))
    if blocks != {(s + 1, b) for s, depth in enumerate(depths) for b in range(depth)}:
        found = ", ".join(f"layer{stage}.{block}" for stage, block in sorted(blocks))
        raise Refused(
            f"the blocks do not follow each other: {found}; allowed: layer1.0, layer1.1, ..., layer2.0, ..."
        )
    return depths


def _kernel(tensors: Mapping[str, Tensor], name: str) -> tuple[int, int, int, int]:
    """The shape of a convolution's weight."""
    if name not in tensors or tensors[name].ndim != 4 or 0 in tensors[name].shape:
        got = f"is {list(tensors[name].shape)}" if name in tensors else "is missing"
        raise Refused(
            f"{name.removeprefix('trunk.')} {got}; allowed: a convolution of images, of 4 axes, none empty"
        )
    out, channels, rows, columns = tensors[name].shape
    return out, channels, rows, columns


def _groups(tensors: Mapping[str, Tensor], name: str, width: int) -> int:
    """The groups of a convolution from `width` channels to as many: a ResNeXt has several."""
    entering = _kernel(tensors, name)[1]
    if width % entering:
        raise Refused(
            f"{name.removeprefix('trunk.')} takes {entering} channels a group, of {width}; allowed: a number that "
            "divides them"
        )
    return width // entering


def _refuse_other_sizes(sizes: ResidualSizes, values: HyperParameters) -> None:
    kind = "bottleneck" if sizes.bottleneck else "basic"
    said: dict[str, object] = {
        "depths": list(sizes.depths),
        "hidden_sizes": list(sizes.outer),
        "embedding_size": sizes.stem_width,
        "layer_type": kind,
    }
    for key, found in said.items():
        if values.raw(key) is not None and values.raw(key) != found:
            values.problem(key, str(values.raw(key)), f"{found}, as the tensors have")
    values.choice("hidden_act", default="relu", supported=("relu",))
