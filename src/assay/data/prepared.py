"""What a data source hands over: its splits, and what a reader must know of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64, Shaped


@runtime_checkable
class Split(Protocol):
    """One split, whatever kind of samples it holds; a column that is not known is None."""

    @property
    def y(self) -> Int64[np.ndarray, " n"]:
        """Labels; 0 is benign."""
        ...

    @property
    def attack_type(self) -> Int64[np.ndarray, " n"] | None:
        """Codes; 0 is benign."""
        ...

    @property
    def record_id(self) -> Shaped[np.ndarray, " n"] | None:
        """Text: where the sample stands in the raw data."""
        ...

    @property
    def time(self) -> Float64[np.ndarray, " n"] | None:
        """Seconds."""
        ...

    def __len__(self) -> int: ...

    def arrays(self) -> dict[str, np.ndarray]:
        """All that is known, as safetensors holds it."""
        ...

    def counts(self) -> dict[str, Any]:
        """How much there is of what, as JSON."""
        ...

    def select(self, index: Int64[np.ndarray, " n"]) -> "Split":
        """The samples at `index`, in its order."""
        ...

    def batch(self, device: str) -> Any:
        """All samples as the batch that families take."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """Splits by name, facts, which are JSON values with `warnings` among them, and what data of the source may lack."""

    splits: Mapping[str, Split]
    facts: Mapping[str, Any]  # any JSON value
    lacks: Mapping[str, str] = field(
        default_factory=dict
    )  # of what the source `may_hold` -> why it is not there


def one_class_warnings(splits: Mapping[str, Split]) -> list[str]:
    """A sentence for every split whose samples all have one label."""
    return [
        f"split {name}: all {len(split)} samples have label {split.y[0]}"
        for name, split in splits.items()
        if split.y.min() == split.y.max()
    ]
