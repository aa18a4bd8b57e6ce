"""What an artifact may ask of prepared data: draws of samples, and what is known of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float64, Int64, Shaped


@runtime_checkable
class Samples(Protocol):
    """Samples drawn from one split; what the source does not know is None."""

    split: str
    index: Int64[np.ndarray, " n"]  # in the split, ascending
    labels: Int64[np.ndarray, " n"]
    attack_type: Int64[np.ndarray, " n"] | None
    record_id: Shaped[np.ndarray, " n"] | None  # text: where the sample stands in the raw data
    time: Float64[np.ndarray, " n"] | None  # seconds

    def __len__(self) -> int: ...

    def batches(self, size: int) -> Iterator[Any]:
        """The samples in order, `size` at a time, on the subject's device: what the family takes."""
        ...


@runtime_checkable
class TableSamples(Samples, Protocol):
    """Samples of a table; `labels` are 0. What the source does not know is None."""

    unit: Int64[np.ndarray, " n"] | None  # replicates of one unit share its code
    batch: Int64[np.ndarray, " n"] | None  # samples measured together share its code


@runtime_checkable
class ImageSamples(Samples, Protocol):
    """Images or signals."""

    class_names: Sequence[str]  # of the data set, by number; none where no label is known


@runtime_checkable
class Data(Protocol):
    """One prepared data set."""

    name: str
    splits: Sequence[str]
    attack_names: Mapping[int, str]

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> Samples:
        """A draw without replacement that only (split, max_samples, seed) decide; all where it is smaller."""
        ...


@runtime_checkable
class TableData(Data, Protocol):
    """One prepared data set of tables."""

    held_out: Sequence[tuple[str, str]] | None  # by (source, target), removed before training; None: unsaid

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> TableSamples:
        """As that of `Data`."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of where a checkpoint comes from, as JSON values; nothing of it needs its weights.

    Attributes:
        checkpoint: its name in the sheet.
        intake: intake.json.
        hparams: hparams.json.
        training: training.json.
        run: run.json; see `discover.training.Training`.
        dataset: data.json.
        versions: of Python and of the packages with which the artifact is made.
    """

    checkpoint: str
    family: str
    data: str
    intake: Mapping[str, Any]
    hparams: Mapping[str, Any]
    training: Mapping[str, Any]
    run: Mapping[str, Any]
    dataset: Mapping[str, Any]
    versions: Mapping[str, str]


@runtime_checkable
class Parts(Protocol):
    """The parts of a long result; those that an interrupted job has finished are not computed again."""

    def gather(self, n: int, part: Callable[[int], Float[np.ndarray, " m"]]) -> list[Float[np.ndarray, " m"]]:
        """`part(0)` to `part(n - 1)`, in order, each of the type that it has."""
        ...
