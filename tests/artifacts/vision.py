"""Small networks for tests of saliency, written here: a CNN, a ViT with a class token, and images in memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from lab import REFERENCE
from torch import Tensor, nn

from assay.protocols import Cut, ImageBatch, TokenAttention

SALIENCY = REFERENCE / "saliency"
PUBLISHED = {"gradcam++": "gradcampp"}  # method -> its name in the reference


class ConvNet(nn.Module):
    """Three convolutions, the mean over positions and a linear head, for images or, with `dims` 1, for signals."""

    def __init__(self, *, channels: int = 3, dims: int = 2):
        super().__init__()
        conv, norm = [(nn.Conv1d, nn.BatchNorm1d), (nn.Conv2d, nn.BatchNorm2d)][dims - 1]
        self.f = nn.Sequential(
            conv(channels, 8, 3, 2, 1),
            norm(8),
            nn.ReLU(),
            conv(8, 12, 3, 2, 1),
            norm(12),
            nn.ReLU(),
            conv(12, 16, 3, 2, 1),
            nn.ReLU(),
        )
        self.h = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.f(x))

    def tail(self, a: Tensor) -> Tensor:
        return self.h(a.flatten(2).mean(2))


class Block(nn.Module):
    def __init__(self, d: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def attention(self, normed: Tensor) -> tuple[Tensor, Tensor]:
        """The weights, and what they make of the values."""
        n, tokens, d = normed.shape
        q, k, v = self.qkv(normed).view(n, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.mT / (d // self.heads) ** 0.5).softmax(-1)
        return weights, self.proj((weights @ v).transpose(1, 2).reshape(n, tokens, d))

    def after_norm1(self, x: Tensor, normed: Tensor) -> Tensor:
        x = x + self.attention(normed)[1]
        return x + self.mlp(self.norm2(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.after_norm1(x, self.norm1(x))


class ViT(nn.Module):
    """Three blocks of three heads; patches of 8 x 8; the class token, then registers, then patches row by row."""

    def __init__(self, *, size: tuple[int, int] = (32, 48), registers: int = 0):
        super().__init__()
        self.grid = (size[0] // 8, size[1] // 8)
        self.patch_embed = nn.Conv2d(3, 24, 8, 8)
        self.prefix = nn.Parameter(torch.randn(1, 1 + registers, 24))
        self.pos = nn.Parameter(torch.randn(1, 1 + registers + self.grid[0] * self.grid[1], 24))
        self.blocks = nn.ModuleList(Block(24, 3) for _ in range(3))
        self.norm, self.head = nn.LayerNorm(24, eps=1e-6), nn.Linear(24, 5)

    def tokens(self, x: Tensor) -> Tensor:
        patches = self.patch_embed(x).flatten(2).mT
        return torch.cat([self.prefix.expand(len(x), -1, -1), patches], dim=1) + self.pos

    def forward(self, x: Tensor) -> Tensor:
        x = self.tokens(x)
        for block in self.blocks:
            x = block(x)
        return self.read(x)

    def read(self, x: Tensor) -> Tensor:
        return self.head(self.norm(x[:, 0]))


class ConvSubject:
    """Answers `explain`, cut behind any layer of `f`."""

    family = "fake_cnn"
    class_names = ("cat", "dog", "horse", "ship", "3rd rock")

    def __init__(self, network: ConvNet):
        self.network = network.eval()
        self.layer_names = tuple(f"f.{i}" for i in range(len(network.f)))
        self.default_layer = self.layer_names[-1]
        self.n_stages = 4

    def to(self, device: str) -> "ConvSubject":
        return self

    def cut(self, batch: ImageBatch, *, layer: str) -> Cut:
        at = int(layer.removeprefix("f.")) + 1
        activation = self.network.f[:at](batch.x)
        return Cut(activation, lambda a: self.network.tail(self.network.f[at:](a)), lambda a: a)

    def randomised(self, stages: int, *, seed: int) -> "ConvSubject":
        groups = [["h."], ["f.6."], ["f.3.", "f.4."], ["f.0.", "f.1."]][:stages]
        state = with_random(self.network.state_dict(), [p for group in groups for p in group], seed)
        other = ConvNet(channels=self.network.f[0].in_channels, dims=self.network.f[0].weight.ndim - 2)
        other.load_state_dict(state)
        return ConvSubject(other)


class VitSubject:
    """Answers `explain` and `attend_tokens`, cut behind the first norm of a block, or behind a block."""

    family = "fake_vit"
    class_names = ("0", "1", "2", "3", "4")
    n_stages = 5

    def __init__(self, network: ViT):
        self.network = network.eval()
        self.layer_names = tuple(f"blocks.{i}{end}" for i in range(3) for end in (".norm1", ""))
        self.default_layer = "blocks.2.norm1"

    def to(self, device: str) -> "VitSubject":
        return self

    def cut(self, batch: ImageBatch, *, layer: str) -> Cut:
        _, number, *norm = layer.split(".")
        at, x = int(number), self.network.tokens(batch.x)
        for block in self.network.blocks[:at]:
            x = block(x)
        here = self.network.blocks[at]

        def tail(a: Tensor) -> Tensor:
            y = here.after_norm1(x.repeat(len(a) // len(x), 1, 1), a) if norm else a
            for block in self.network.blocks[at + 1 :]:
                y = block(y)
            return self.network.read(y)

        return Cut(here.norm1(x) if norm else here(x), tail, self.on_grid)

    def on_grid(self, a: Tensor) -> Tensor:
        patches = a[:, self.network.prefix.shape[1] :]
        return patches.mT.reshape(len(a), -1, *self.network.grid)

    def randomised(self, stages: int, *, seed: int) -> "VitSubject":
        groups = ["head.", "blocks.2.", "blocks.1.", "blocks.0.", "patch_embed."][:stages]
        rows, columns = self.network.grid
        other = ViT(size=(8 * rows, 8 * columns), registers=self.network.prefix.shape[1] - 1)
        other.load_state_dict(with_random(self.network.state_dict(), groups, seed))
        return VitSubject(other)

    def attend_tokens(self, batch: ImageBatch) -> TokenAttention:
        x, weights = self.network.tokens(batch.x), []
        for block in self.network.blocks:
            weights.append(block.attention(block.norm1(x))[0])
            x = block(x)
        return TokenAttention(torch.stack(weights), self.network.prefix.shape[1], self.network.grid)


def with_random(state: Mapping[str, Tensor], prefixes: Sequence[str], seed: int) -> dict[str, Tensor]:
    """Normal weights in the place of those whose names begin so; statistics of norms stay."""
    draw = torch.Generator().manual_seed(seed)
    fresh = {
        name: 0.3 * torch.randn(t.shape, generator=draw) for name, t in state.items() if t.is_floating_point()
    }
    return {
        name: fresh[name]
        if name.startswith(tuple(prefixes)) and "running" not in name and name in fresh
        else t
        for name, t in state.items()
    }


def reference_cnn() -> ConvSubject:
    network = ConvNet()
    network.load_state_dict(torch.load(SALIENCY / "cnn.pt", weights_only=True))
    return ConvSubject(network)


def random_cnn(*, seed: int = 0, **shape: int) -> ConvSubject:
    torch.manual_seed(seed)
    network = ConvNet(**shape)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.4)
    return ConvSubject(network)


def random_vit(*, seed: int = 0, **shape) -> VitSubject:
    torch.manual_seed(seed)
    return VitSubject(ViT(**shape))


@dataclass(frozen=True)
class TinyImages:
    split: str
    index: np.ndarray
    x: Tensor
    labels: np.ndarray
    record_id: np.ndarray | None = None
    attack_type: None = None
    time: None = None

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, size: int) -> Iterator[ImageBatch]:
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield ImageBatch(self.x[rows], torch.from_numpy(self.labels[rows]))


@dataclass(frozen=True)
class TinyImageData:
    whole: Mapping[str, TinyImages]
    name: str = "tiny"
    attack_names: Mapping[int, str] = field(default_factory=dict)

    @property
    def splits(self) -> Sequence[str]:
        return tuple(self.whole)

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> TinyImages:
        whole = self.whole[split]
        if max_samples is None or len(whole) <= max_samples:
            return whole
        rows = np.sort(np.random.default_rng(seed).choice(len(whole), max_samples, replace=False))
        ids = None if whole.record_id is None else whole.record_id[rows]
        return TinyImages(split, whole.index[rows], whole.x[rows], whole.labels[rows], ids)


def images(x: Tensor, *, ids: Sequence[str] | None = None) -> TinyImageData:
    """The images as split `val` of a data set; labels count round."""
    n = len(x)
    record_id = None if ids is None else np.array(ids)
    return TinyImageData({"val": TinyImages("val", np.arange(n), x, np.arange(n) % 5, record_id)})


def random_images(n: int, *space: int, channels: int = 3, seed: int = 0) -> TinyImageData:
    """Noise, each record in a colour of its own."""
    draw = torch.Generator().manual_seed(seed)
    ids = [f"record {i}" for i in range(n)]
    tints = torch.rand(n, channels, *[1] * len(space), generator=draw)
    return images(tints * torch.rand(n, channels, *space, generator=draw), ids=ids)


class InMemory:
    """Answers `Parts` and keeps nothing."""

    def gather(self, n: int, part) -> list[np.ndarray]:
        return [part(i) for i in range(n)]
