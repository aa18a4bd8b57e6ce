"""Tables in memory for tests of regressions, and a subject that predicts what it is fed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from assay.artifacts.regression import Regression, compute
from assay.protocols import TableBatch


@dataclass(frozen=True)
class TinyRows:
    """Predictions as the inputs, targets as the outputs."""

    predictions: np.ndarray
    targets: np.ndarray
    split: str = "val"
    attack_type = record_id = time = unit = batch = None

    @property
    def index(self) -> np.ndarray:
        return np.arange(len(self))

    @property
    def labels(self) -> np.ndarray:
        return np.zeros(len(self), np.int64)

    def __len__(self) -> int:
        return len(self.targets)

    def batches(self, size: int) -> Iterator[TableBatch]:
        for start in range(0, len(self), size):
            rows = slice(start, start + size)
            yield TableBatch(
                torch.tensor(self.predictions[rows], dtype=torch.float32),
                torch.tensor(self.targets[rows], dtype=torch.float32),
            )


@dataclass(frozen=True)
class TinyTables:
    whole: Mapping[str, TinyRows]
    name: str = "can"
    attack_names: Mapping[int, str] = field(default_factory=dict)

    @property
    def splits(self) -> Sequence[str]:
        return tuple(self.whole)

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> TinyRows:
        return replace(self.whole[split], split=split)


@dataclass(frozen=True)
class Oracle:
    """Predicts its inputs."""

    outputs: Sequence[str]
    family: str = "echo"

    def to(self, device: str) -> "Oracle":
        return self

    def regress(self, batch: TableBatch) -> Tensor:
        return batch.x

    def targets(self, batch: TableBatch) -> Tensor:
        return batch.y


def regression(
    splits: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    names: Sequence[str] | None = None,
    batch_size: int = 7,
    family: str = "echo",
) -> Regression:
    """The result of (targets, predictions) by split."""
    whole = {split: TinyRows(predictions, targets, split) for split, (targets, predictions) in splits.items()}
    width = next(iter(splits.values()))[0].shape[1] if splits else 1
    subject = Oracle(tuple(names or (f"out{k}" for k in range(width))), family)
    return compute(subject, TinyTables(whole), splits=(), batch_size=batch_size)


def noisy(seed: int, n: int, k: int, *, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Targets, and predictions that are off by noise."""
    draw = np.random.default_rng(seed)
    targets = draw.normal(size=(n, k)) * np.arange(1, k + 1) + 5
    return targets, targets + noise * draw.normal(size=(n, k))
