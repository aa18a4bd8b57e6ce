"""A network that did what the test says, and samples of a table that number its rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from assay.protocols import TableBatch, Trace


@dataclass(frozen=True)
class RowSamples:
    """Samples whose only input is their row."""

    split: str
    index: np.ndarray
    attack_type: None = None
    record_id: None = None
    time: None = None
    unit: np.ndarray | None = None
    batch: np.ndarray | None = None

    @property
    def labels(self) -> np.ndarray:
        return np.zeros(len(self.index), dtype=np.int64)

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, size: int) -> Iterator[TableBatch]:
        for start in range(0, len(self.index), size):
            rows = torch.from_numpy(self.index[start : start + size]).float()[:, None]
            yield TableBatch(rows, torch.zeros(len(rows), 1))


@dataclass(frozen=True)
class RowData:
    n: int
    held_out: Sequence[tuple[str, str]] | None = None
    name: str = "rows"
    splits: Sequence[str] = ("val",)
    attack_names = {}  # noqa: RUF012

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> RowSamples:
        if max_samples is None or self.n <= max_samples:
            return RowSamples(split, np.arange(self.n))
        return RowSamples(
            split, np.sort(np.random.default_rng(seed).choice(self.n, max_samples, replace=False))
        )


@dataclass(frozen=True)
class Recorded:
    """A network whose activations and gradients, [layers, rows, channels], were written down beforehand."""

    activation: np.ndarray
    gradient: np.ndarray
    functions: Sequence[str]
    edges: np.ndarray
    channel_function: np.ndarray
    family: str = "echo"
    norm: str = "layer"

    def to(self, device: str) -> "Recorded":
        return self

    def trace(self, batch: TableBatch, *, criterion: str, prenorm: bool) -> Trace:
        rows = batch.x[:, 0].long().numpy()
        return Trace(
            *(torch.from_numpy(side[:, rows].astype(np.float32)) for side in (self.activation, self.gradient))
        )


def recorded(
    activation: np.ndarray, gradient: np.ndarray, edges: Sequence[tuple[int, int]] = ((0, 0),)
) -> Recorded:
    """A network of one channel a function; functions are named f0, f1, ..."""
    n = activation.shape[2]
    names = [f"f{i}" for i in range(n)]
    return Recorded(
        activation, gradient, names, np.array(edges, dtype=np.int64).reshape(-1, 2).T, np.arange(n)
    )


def noise(layers: int, samples: int, n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Independent activations and gradients."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((layers, samples, n)), rng.standard_normal((layers, samples, n))
