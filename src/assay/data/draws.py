"""Draws of samples from prepared splits, the same whatever kind of samples they hold."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from assay.data.prepared import Split
from assay.errors import AssayError


@dataclass(frozen=True, slots=True)
class DrawnSamples:
    """Samples drawn from one split; answers `assay.protocols.Samples`."""

    split: str
    index: Int64[np.ndarray, " n"]  # in the split, ascending
    labels: Int64[np.ndarray, " n"]
    attack_type: Int64[np.ndarray, " n"] | None
    record_id: Shaped[np.ndarray, " n"] | None
    time: Float64[np.ndarray, " n"] | None
    whole: Split
    device: str

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, size: int) -> Iterator[Any]:
        """The samples in order, `size` at a time; the last batch may be smaller."""
        for start in range(0, len(self), size):
            yield self.whole.select(self.index[start : start + size]).batch(self.device)


@dataclass(frozen=True, slots=True)
class SplitData:
    """One prepared data set; answers `assay.protocols.Data`. A split is read when it is drawn from."""

    name: str
    load: Callable[[str], Split]
    splits: Sequence[str]
    attack_names: Mapping[int, str]
    device: str = "cpu"

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> DrawnSamples:
        """`max_samples` samples without replacement, in the order of the split; all where it has no more.

        Raises:
            AssayError: the data set has no such split.
        """
        if split not in self.splits:
            raise AssayError(f"data {self.name} has no split {split!r}; it has: {', '.join(self.splits)}.")
        whole = self.load(split)
        index = _drawn(len(whole), max_samples, seed)
        return DrawnSamples(
            split=split,
            index=index,
            labels=whole.y[index],
            attack_type=picked(whole.attack_type, index),
            record_id=picked(whole.record_id, index),
            time=picked(whole.time, index),
            whole=whole,
            device=self.device,
        )


def picked(known: np.ndarray | None, index: Int64[np.ndarray, " n"]) -> np.ndarray | None:
    """The rows at `index` of a column that may not be known."""
    return None if known is None else known[index]


def _drawn(n: int, max_samples: int | None, seed: int) -> Int64[np.ndarray, " drawn"]:
    if max_samples is None or n <= max_samples:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, max_samples, replace=False))
