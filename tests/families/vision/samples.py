"""Images in memory as samples of a split."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from assay.protocols import ImageBatch


@dataclass(frozen=True)
class ImageSamples:
    split: str
    x: Tensor
    labels: np.ndarray
    attack_type: np.ndarray | None = None
    record_id: np.ndarray | None = None
    time: np.ndarray | None = None
    class_names: tuple[str, ...] = ()

    @property
    def index(self) -> np.ndarray:
        return np.arange(len(self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int) -> Iterator[ImageBatch]:
        for x, y in zip(self.x.split(size), torch.tensor(self.labels).split(size), strict=True):
            yield ImageBatch(x, y)
