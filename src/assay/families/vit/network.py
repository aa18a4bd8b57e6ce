"""A vision transformer, by timm's names: patches, blocks of attention and perceptron, a head."""

import math
from typing import cast

import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

from assay.errors import AssayError
from assay.families.image_subject import ImageNetwork
from assay.families.vit.settings import VitSettings
from assay.protocols import ImageBatch

Tokens = Float[Tensor, "samples tokens width"]


class VitNetwork(ImageNetwork):
    """The network of a state dict."""

    def __init__(self, settings: VitSettings):
        super().__init__()
        self.settings, self.classes = settings, settings.classes
        width = settings.width
        convolution = nn.Conv2d(settings.channels, width, settings.patch, stride=settings.patch)
        self.scale = nn.Identity()
        self.patch_embed = nn.ModuleDict({"proj": convolution})
        self.cls_token = nn.Parameter(torch.empty(1, 1, width)) if settings.class_token else None
        self.reg_token = (
            nn.Parameter(torch.empty(1, settings.registers, width)) if settings.registers else None
        )
        self.pos_embed = nn.Parameter(torch.empty(1, settings.positions, width))
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.depth))
        norm, none = nn.LayerNorm(width, eps=settings.epsilon), nn.Identity()
        self.norm: nn.Module = none if settings.norm_after_pooling else norm
        self.fc_norm: nn.Module = norm if settings.norm_after_pooling else none
        head_width = 2 * width if settings.pooling == "cls+mean" else width
        self.head = nn.Linear(head_width, settings.classes) if settings.classes else nn.Identity()

    def forward(self, batch: ImageBatch) -> Float32[Tensor, "samples classes"]:
        """Logits."""
        tokens, _ = self.entered(batch)
        return self.logits(self.through(tokens))

    def entered(self, batch: ImageBatch) -> tuple[Tokens, tuple[int, int]]:
        """The tokens before the first block, with their positions, and the grid of patches.

        Raises:
            AssayError: images of another number of channels, or of a size that patches or positions do not fit.
        """
        patches = self.patch_embed["proj"](self.scale(self._fitting(batch.x)))
        grid = (patches.shape[2], patches.shape[3])
        prefix = [token for token in (self.cls_token, self.reg_token) if token is not None]
        tokens = [token.expand(len(patches), -1, -1) for token in prefix] + [
            patches.flatten(2).transpose(1, 2)
        ]
        return torch.cat(tokens, dim=1) + self._positions(grid), grid

    def through(self, tokens: Tokens, first: int = 0, last: int | None = None) -> Tokens:
        """The tokens after the blocks from `first` to before `last`."""
        for block in self.depths()[first:last]:
            tokens = block(tokens)
        return tokens

    def depths(self) -> "list[Block]":
        """The blocks, input side first."""
        return [cast(Block, block) for block in self.blocks]

    def logits(self, tokens: Tokens) -> Float32[Tensor, "samples classes"]:
        """The logits of the tokens after the last block."""
        return self.head(self.features(tokens, self.settings.pooling))

    def features(self, tokens: Tokens, pooling: str) -> Float32[Tensor, "samples d"]:
        """One vector a sample of the tokens after the last block, as the head takes it."""
        return self.fc_norm(pooled(self.norm(tokens), pooling, self.settings))

    def stages(self) -> list[list[str]]:
        """Names of parameters in groups, from the head back: head and last norm, each block, tokens and patches."""
        names = [name for name, _ in self.named_parameters()]
        last = [name for name in names if name.startswith(("head.", "norm.", "fc_norm."))]
        blocks = [
            [name for name in names if name.startswith(f"blocks.{i}.")]
            for i in reversed(range(len(self.blocks)))
        ]
        return [
            last,
            *blocks,
            [name for name in names if name not in last and not name.startswith("blocks.")],
        ]

    def _fitting(
        self, x: Float32[Tensor, "samples channels *space"]
    ) -> Float32[Tensor, "samples planes y x"]:
        """The images; signals [samples, channels, time] become images of one plane, a row for each channel."""
        sizes = self.settings
        images = x[:, None] if x.ndim == 3 else x
        got = f"images of {' x '.join(map(str, x.shape[1:]))}"
        if images.ndim != 4 or images.shape[1] != sizes.channels:
            signals = ", or signals [samples, channels, time]" if sizes.channels == 1 else ""
            raise AssayError(
                f"{got} for a network of {sizes.channels} channels (patch_embed.proj.weight); "
                f"allowed: [samples, {sizes.channels}, rows, columns]{signals}"
            )
        if images.shape[2] % sizes.patch[0] or images.shape[3] % sizes.patch[1]:
            raise AssayError(
                f"{got} for patches of {sizes.patch[0]} x {sizes.patch[1]}; allowed: multiples of them"
            )
        return images

    def _positions(self, grid: tuple[int, int]) -> Float[Tensor, "1 tokens width"]:
        """The embedding of every token's position; zeros for tokens before the patches that have none."""
        sizes, base = self.settings, self.settings.grid
        stored = _resized(self.pos_embed, base, grid) if sizes.interpolates and base else self.pos_embed
        n_before = stored.shape[1] - grid[0] * grid[1]
        if n_before not in {0, 1, sizes.prefix} or n_before > sizes.prefix or self._trained_on_other(grid):
            trained = f" on a grid of {sizes.grid[0]} x {sizes.grid[1]}" if sizes.grid else ""
            raise AssayError(
                f"images of {grid[0]} x {grid[1]} patches for {sizes.positions} positions (pos_embed){trained}, "
                f"of which {sizes.prefix} or fewer are no patches. Give the data the size of the network's training."
            )
        missing = stored.new_zeros(1, sizes.prefix - n_before, sizes.width)
        return torch.cat([stored[:, :n_before], missing, stored[:, n_before:]], dim=1)

    def _trained_on_other(self, grid: tuple[int, int]) -> bool:
        return not self.settings.interpolates and self.settings.grid not in (None, grid)


class Block(nn.Module):
    """x + attention(norm1 x), then x + perceptron(norm2 x), each scaled where the network has such scales."""

    def __init__(self, settings: VitSettings):
        super().__init__()
        self.norm1 = nn.LayerNorm(settings.width, eps=settings.epsilon)
        self.attn = Attention(settings)
        self.ls1 = LayerScale(settings.width) if settings.layer_scale else nn.Identity()
        self.norm2 = nn.LayerNorm(settings.width, eps=settings.epsilon)
        self.mlp = Perceptron(settings)
        self.ls2 = LayerScale(settings.width) if settings.layer_scale else nn.Identity()

    def forward(self, x: Tokens) -> Tokens:
        """The tokens after the block."""
        return self.after_norm1(x, self.norm1(x))

    def after_norm1(self, x: Tokens, normed: Tokens) -> Tokens:
        """The tokens after the block, of those that enter it and what norm1 made of them."""
        attended = self.attended(x, normed)
        return self.fed(attended, self.norm2(attended))

    def attended(self, x: Tokens, normed: Tokens) -> Tokens:
        """The tokens after the attention, of those that enter the block and what norm1 made of them."""
        return x + self.ls1(self.attn(normed))

    def fed(self, x: Tokens, normed: Tokens) -> Tokens:
        """The tokens after the block, of those after its attention and what norm2 made of them."""
        return x + self.ls2(self.mlp(normed))


class Attention(nn.Module):
    """Every head's attention from each token to each."""

    def __init__(self, settings: VitSettings):
        super().__init__()
        self.heads = settings.heads
        self.qkv = nn.Linear(settings.width, 3 * settings.width, bias=settings.qkv_bias)
        self.proj = nn.Linear(settings.width, settings.width)

    def forward(self, x: Tokens) -> Tokens:
        """What the heads read, side by side, projected."""
        read = scaled_dot_product_attention(*self._queries_keys_values(x))
        return self.proj(read.transpose(1, 2).flatten(2))

    def weights(self, x: Tokens) -> Float[Tensor, "samples heads tokens tokens"]:
        """softmax(q k' / sqrt(d)), a row for each query, which `forward` computes without storing it."""
        queries, keys, _ = self._queries_keys_values(x)
        return (queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[-1])).softmax(-1)

    def _queries_keys_values(self, x: Tokens) -> tuple[Tensor, Tensor, Tensor]:
        n, tokens, width = x.shape
        split = self.qkv(x).view(n, tokens, 3, self.heads, width // self.heads)
        queries, keys, values = split.permute(2, 0, 3, 1, 4)  # (samples, heads, tokens, d) each
        return queries, keys, values


class Perceptron(nn.Module):
    """Two linear maps with GELU between them; a gated one multiplies silu of one half by the other."""

    def __init__(self, settings: VitSettings):
        super().__init__()
        self.gated = settings.gated
        self.fc1 = nn.Linear(settings.width, settings.hidden * (2 if settings.gated else 1))
        self.fc2 = nn.Linear(settings.hidden, settings.width)

    def forward(self, x: Tokens) -> Tokens:
        """The tokens, each by itself."""
        inner = self.fc1(x)
        if not self.gated:
            return self.fc2(nn.functional.gelu(inner))
        gate, value = inner.chunk(2, dim=-1)
        return self.fc2(silu(gate) * value)


class LayerScale(nn.Module):
    """One factor a channel."""

    def __init__(self, width: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.empty(width))

    def forward(self, x: Tokens) -> Tokens:
        """The tokens, scaled."""
        return x * self.gamma


def pooled(tokens: Tokens, pooling: str, settings: VitSettings) -> Float[Tensor, "samples d"]:
    """The class token, the mean of the patches (`gap` is another name of it), or both side by side."""
    mean = tokens[:, settings.prefix :].mean(1)
    words = {"cls": tokens[:, 0], "mean": mean, "gap": mean}
    return torch.cat([words[word] for word in pooling.split("+")], dim=1)


def _resized(
    positions: Float[Tensor, "1 tokens width"], base: tuple[int, int], grid: tuple[int, int]
) -> Float[Tensor, "1 resized width"]:
    """The positions of a grid interpolated (bicubic, antialiased) to another, as DINOv2 and timm do."""
    if base == grid:
        return positions
    n_before = positions.shape[1] - base[0] * base[1]
    image = positions[:, n_before:].reshape(1, *base, -1).permute(0, 3, 1, 2)
    image = interpolate(image, size=grid, mode="bicubic", align_corners=False, antialias=True)
    return torch.cat([positions[:, :n_before], image.flatten(2).transpose(1, 2)], dim=1)
