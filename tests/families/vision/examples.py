"""Small networks of images with random weights, by the names of timm and of torchvision."""

from typing import Any

import torch
from torch import Tensor

from assay.families.vit.network import VitNetwork
from assay.families.vit.settings import VitSettings
from assay.protocols import ImageBatch

VIT = {
    "width": 12,
    "depth": 3,
    "heads": 2,
    "hidden": 20,
    "gated": False,
    "channels": 3,
    "patch": (8, 4),
    "class_token": True,
    "registers": 0,
    "positions": 1 + 4 * 6,
    "grid": None,
    "interpolates": False,
    "qkv_bias": True,
    "layer_scale": False,
    "pooling": "cls",
    "norm_after_pooling": False,
    "classes": 4,
    "epsilon": 1e-6,
}
VIT_IMAGE = (3, 32, 24)
HEADS = {"num_heads": 2}
AS_THEY_ARE = {"image_mean": 0, "image_std": 1}  # pixels are not normalised
OTHERWISE = {*AS_THEY_ARE, "pretrained_cfg"}
RESNET_IMAGE = (3, 40, 56)


def hparams(class_path: str | None = None, **values: Any) -> dict[str, Any]:
    """What the border writes of a checkpoint with these hyper-parameters, pixels as they are by default."""
    scale = {} if OTHERWISE & values.keys() else AS_THEY_ARE
    return {"class_path": class_path, "hyper_parameters": scale | values}


def batch(n: int = 2, shape: tuple[int, ...] = VIT_IMAGE, *, seed: int = 0, classes: int = 4) -> ImageBatch:
    """Images, or signals, of numbers from 0 to 1."""
    draw = torch.Generator().manual_seed(seed)
    return ImageBatch(torch.rand(n, *shape, generator=draw), torch.arange(n) % classes)


def vit_state(*, seed: int = 0, **changes: Any) -> dict[str, Tensor]:
    """The state dict of a small ViT by timm's names."""
    return _random(VitNetwork(VitSettings(**{**VIT, **changes})).state_dict(), seed)


def resnet_state(
    *,
    seed: int = 0,
    depths: tuple[int, ...] = (1, 2, 1, 1),
    bottleneck: bool = False,
    groups: int = 1,
    inner: int = 0,
    classes: int = 4,
) -> dict[str, Tensor]:
    """The state dict of a small ResNet by torchvision's names, counts of batches included.

    `inner` is the width of a bottleneck's 3 x 3 convolution, a quarter of the outer one where it is 0.
    """
    widths = (8, 8, 12, 16, 20)
    shapes: dict[str, tuple[int, ...]] = {"conv1.weight": (8, 3, 7, 7), **_norm("bn1", 8)}
    for stage, depth in enumerate(depths, start=1):
        for block in range(depth):
            entering, width = widths[stage - (block == 0)], widths[stage]
            shapes |= _block(
                f"layer{stage}.{block}",
                (entering, bottleneck * (inner or width // 4), width),
                strides=stage > 1,
                groups=groups,
            )
    if classes:
        shapes |= {"fc.weight": (classes, widths[len(depths)]), "fc.bias": (classes,)}
    blank = {name: torch.zeros(shape) for name, shape in shapes.items()}
    counts = {name: torch.tensor(7) for name in blank if name.endswith("num_batches_tracked")}
    return _random(blank | counts, seed)


def plain_state(*, seed: int = 0, channels: int = 3, classes: int = 4) -> dict[str, Tensor]:
    """The state dict of a plain network: two convolutions, the first with a norm."""
    shapes = {"f.0.weight": (6, channels, 3, 3), "f.0.bias": (6,), **_norm("f.1", 6)}
    shapes |= {"f.3.weight": (8, 6, 3, 3), "f.3.bias": (8,)}
    head = {"h.weight": (classes, 8), "h.bias": (classes,)} if classes else {}
    return _random({name: torch.zeros(shape) for name, shape in (shapes | head).items()}, seed)


def _block(
    place: str, widths: tuple[int, int, int], *, strides: bool, groups: int
) -> dict[str, tuple[int, ...]]:
    entering, inner, width = widths  # inner is 0 in a basic block
    convolutions = [(width, entering, 3, 3), (width, width, 3, 3)]
    if inner:
        convolutions = [(inner, entering, 1, 1), (inner, inner // groups, 3, 3), (width, inner, 1, 1)]
    shapes: dict[str, tuple[int, ...]] = {}
    for i, shape in enumerate(convolutions, start=1):
        shapes |= {f"{place}.conv{i}.weight": shape, **_norm(f"{place}.bn{i}", shape[0])}
    if place.endswith(".0") and (strides or entering != width):
        shapes |= {f"{place}.downsample.0.weight": (width, entering, 1, 1)} | _norm(
            f"{place}.downsample.1", width
        )
    return shapes


def _norm(place: str, width: int) -> dict[str, tuple[int, ...]]:
    names = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{place}.{name}": (width,) for name in names}, f"{place}.num_batches_tracked": ()}


def _random(state: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Every tensor normal, biases too, so that each is seen in the output; a variance is positive."""
    draw = torch.Generator().manual_seed(seed)
    filled = {}
    for name, like in state.items():
        fan_in = like[0].numel() if name.endswith(".weight") and like.ndim > 1 else 12
        normal = torch.randn(like.shape, generator=draw) * 1.4 / fan_in**0.5
        filled[name] = like if name.endswith("num_batches_tracked") else normal
        if name.endswith("running_var"):
            filled[name] = normal.square() + 0.5
        if name.endswith((".weight", ".gamma")) and like.ndim == 1:
            filled[name] = 1 + normal
    return filled
