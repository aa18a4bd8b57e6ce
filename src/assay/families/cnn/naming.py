"""The namings of convolutional networks' state dicts, each translated to that of torchvision below `trunk`."""

import re
from collections.abc import Mapping

from torch import Tensor

from assay.families.state import cleaned
from assay.families.state_names import Named, parted, refuse_doubles, renamed, without_prefixes

LEFT_OUT = r"decoder[._].*"
COUNTS = r"(?:.*\.)?num_batches_tracked"  # of a norm in training; nothing reads them
TRANSFORMERS = re.compile(r"encoder\.stages\.(\d+)\.layers\.(\d+)\.(?:layer\.(\d+)|shortcut)\.(\w+)\.(\w+)")
RENAMES = [
    (r"embedder\.embedder\.convolution\.(.*)", r"trunk.conv1.\1"),
    (r"embedder\.embedder\.normalization\.(.*)", r"trunk.bn1.\1"),
    (r"(?:fc|head|classifier|h)\.(?:\d+\.)?(weight|bias)", r"head.\1"),
    (r"((?:conv1|bn1|layer\d+|f)\..*)", r"trunk.\1"),
]


def canonical(tensors: Mapping[str, Tensor]) -> Named:
    """The tensors by torchvision's names below `trunk`, and those of the head; counts of batches are dropped.

    Raises:
        Refused: two names that mean one tensor.
    """
    bare, prefix = without_prefixes(cleaned(tensors))
    counted, _ = parted(bare, COUNTS)
    kept, left_out = parted(renamed(counted, [(r"resnet\.(.*)", r"\1")]), LEFT_OUT)
    names = [_as_torchvision(name) for name in kept]
    refuse_doubles(names, list(kept))
    return Named(renamed(dict(zip(names, kept.values(), strict=True)), RENAMES), prefix, left_out)


def _as_torchvision(name: str) -> str:
    """A name of transformers, which counts stages and convolutions from 0, as torchvision's; others as they are."""
    match = TRANSFORMERS.fullmatch(name)
    if match is None:
        return name
    stage, block, convolution, kind, tensor = match.groups()
    part = {"convolution": ("conv", "downsample.0"), "normalization": ("bn", "downsample.1")}.get(kind)
    if part is None:
        return name
    place = part[1] if convolution is None else f"{part[0]}{int(convolution) + 1}"
    return f"layer{int(stage) + 1}.{block}.{place}.{tensor}"
