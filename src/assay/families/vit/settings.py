"""The sizes of a vision transformer: read from its tensors, but for the heads, which no tensor shows."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from assay.errors import Refused
from assay.families.hyperparameters import HyperParameters
from assay.families.state_names import extent

MOST_HEADS = 1024
POOLINGS = ("cls", "mean", "cls+mean")


@dataclass(frozen=True, slots=True)
class VitSettings:
    """What decides the network."""

    width: int
    depth: int
    heads: int
    hidden: int  # of the perceptron in a block
    gated: bool  # whether it is silu(one half) times the other, in place of one GELU
    channels: int
    patch: tuple[int, int]
    class_token: bool
    registers: int
    positions: int  # that have an embedding; with or without those of class token and registers
    grid: tuple[int, int] | None  # of patches that it was trained on; None where that is not known
    interpolates: bool  # the positions, to other grids
    qkv_bias: bool
    layer_scale: bool
    pooling: str  # what the head reads: one of POOLINGS
    norm_after_pooling: bool
    classes: int  # 0: there is no head
    epsilon: float

    @property
    def of_signals(self) -> bool:
        """Whether patches are of one row of one plane, as those of signals [channels, time] are."""
        return self.channels == 1 and self.patch[0] == 1

    @property
    def prefix(self) -> int:
        """Tokens before those of the patches."""
        return int(self.class_token) + self.registers

    @property
    def poolings(self) -> tuple[str, ...]:
        """How tokens become one vector; `gap` is another name of the mean of the patches."""
        return (*(("cls",) if self.class_token else ()), "mean", "gap")


def settings_of(
    tensors: Mapping[str, Tensor], values: HyperParameters, class_path: str | None
) -> VitSettings:
    """The settings of a state dict with canonical names; hyper-parameters that say another size are refused.

    Raises:
        Refused: no patch embedding or block by which to know a transformer. Other problems are kept in `values`.
    """
    width, channels, *sides = _shape(tensors, "patch_embed.proj.weight", 4)
    hidden = _shape(tensors, "blocks.0.mlp.fc2.weight", 2)[1]
    patch, class_token = (sides[0], sides[1]), "cls_token" in tensors
    registers = extent(tensors, "reg_token", 1)
    positions = extent(tensors, "pos_embed", 1)
    interpolates = values.flag("dynamic_img_size", default="Dinov2" in str(class_path))
    result = VitSettings(
        width=width,
        depth=len({match[1] for name in tensors if (match := re.match(r"blocks\.(\d+)\.", name))}),
        heads=_heads(values, width),
        hidden=hidden,
        gated=extent(tensors, "blocks.0.mlp.fc1.weight", 0) == 2 * hidden,
        channels=channels,
        patch=patch,
        class_token=class_token,
        registers=registers,
        positions=positions,
        grid=_grid(values, patch, positions, prefix=registers + class_token, needed=interpolates),
        interpolates=interpolates,
        qkv_bias="blocks.0.attn.qkv.bias" in tensors,
        layer_scale="blocks.0.ls1.gamma" in tensors,
        pooling=_pooling(tensors, values, width),
        norm_after_pooling="fc_norm.weight" in tensors,
        classes=extent(tensors, "head.weight", 0),
        epsilon=_epsilon(values, 1e-12 if str(class_path).startswith("transformers.ViT") else 1e-6),
    )
    _refuse_other_sizes(result, values)
    values.choice("hidden_act", default="gelu", supported=("gelu",))
    return result


def _shape(tensors: Mapping[str, Tensor], name: str, n_axes: int) -> Sequence[int]:
    """The shape of a tensor by which a vision transformer is known."""
    if name not in tensors:
        found = ", ".join(ascii(name) for name in list(tensors)[:8])
        raise Refused(
            f"the state dict has no {name}, by which a vision transformer is known; it has {found}, ... "
            "Read are the names of timm, of the MAE paper, of transformers and of torchvision."
        )
    shape = list(tensors[name].shape)
    if len(shape) != n_axes or 0 in shape:
        raise Refused(
            f"{name} is {shape}; allowed: {n_axes} axes, none of them empty. A signal has patches of one row: "
            "patch_embed.proj.weight is [width, 1, 1, samples]."
        )
    return shape


def _heads(values: HyperParameters, width: int) -> int:
    """The number of heads that the hyper-parameters give under any of its names."""
    names = [key for key in ("num_heads", "num_attention_heads") if values.raw(key) is not None]
    for key in names or ["num_heads"]:
        found = values.raw(key)
        sound = isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= MOST_HEADS
        if not sound or width % found:
            values.problem(
                key,
                found,
                f"a number that divides the width {width}. No tensor shows it: name it in the checkpoint's "
                "hyper_parameters, or in the sheet's column hparams, as num_heads=12",
            )
            return 1
    if len({values.raw(key) for key in names}) > 1:
        values.problem(names[0], values.raw(names[0]), f"{names[1]}, which is {values.raw(names[1])}")
    return values.raw(names[0]) if names else 1


def _pooling(tensors: Mapping[str, Tensor], values: HyperParameters, width: int) -> str:
    """What the head reads; a head twice as wide as a token reads class token and mean, as that of DINOv2 does."""
    head = tensors.get("head.weight")
    if head is not None and head.ndim == 2 and head.shape[1] == 2 * width:
        return "cls+mean"
    averages = "fc_norm.weight" in tensors or "cls_token" not in tensors
    said = values.choice("global_pool", default="avg" if averages else "token", supported=("token", "avg"))
    if said == "token" and "cls_token" not in tensors:
        values.problem("global_pool", said, "avg, as the state dict has no cls_token")
    return "cls" if said == "token" else "mean"


def _grid(
    values: HyperParameters, patch: tuple[int, int], positions: int, *, prefix: int, needed: bool
) -> tuple[int, int] | None:
    """The grid of patches that `image_size` (timm: `img_size`) gives; the square one where one is needed."""
    key = "img_size" if values.raw("image_size") is None else "image_size"
    said, size = values.raw(key), _pair(values.listed(key))
    if size is not None:
        return size[0] // patch[0], size[1] // patch[1]
    if said is not None:
        values.problem(key, said, "a whole number, or two: rows and columns")
    squares = {math.isqrt(positions - n): n for n in (1, 0, prefix) if n <= positions}
    side = next((side for side, n in squares.items() if side * side == positions - n), 0)
    if needed and not side:
        values.problem("image_size", None, f"that of training, as {positions} positions are no square grid")
    return (side, side) if needed and side else None


def _pair(value: Any) -> tuple[int, int] | None:
    """Rows and columns, behind channels or not; None where it says no such numbers."""
    numbers: Sequence[Any] = value[-2:] if isinstance(value, list | tuple) else (value, value)
    sound = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in numbers)
    return (numbers[0], numbers[1]) if len(numbers) == 2 and sound else None


def _epsilon(values: HyperParameters, default: float) -> float:
    found = values.raw("layer_norm_eps")
    if found is None:
        return default
    if isinstance(found, int | float) and not isinstance(found, bool) and 0 < found < 1:
        return float(found)
    values.problem("layer_norm_eps", found, "a number between 0 and 1")
    return default


def _refuse_other_sizes(found: VitSettings, values: HyperParameters) -> None:
    values.refuse_other(
        {"hidden_size": found.width, "embed_dim": found.width}
        | {"num_hidden_layers": found.depth, "depth": found.depth, "intermediate_size": found.hidden}
        | {"num_channels": found.channels, "in_chans": found.channels}
        | {"num_register_tokens": found.registers, "reg_tokens": found.registers}
        | ({"num_labels": found.classes, "num_classes": found.classes} if found.classes else {})
    )
    patch = _pair(values.raw("patch_size"))
    if patch is not None and patch != found.patch:
        values.problem("patch_size", str(patch), f"{found.patch}, as patch_embed.proj.weight has")
    if found.grid is not None:
        n_patches = found.grid[0] * found.grid[1]
        if found.positions - n_patches not in {0, 1, found.prefix}:
            values.problem(
                "image_size",
                f"one of {n_patches} patches",
                f"one that fits pos_embed, which has {found.positions} positions with {found.prefix} tokens before",
            )
