"""States of one split, what the experts of a fusion policy say of its samples, and their draws and batches."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, Shaped

from assay.data.collated import decoded_text, tally, text_bytes
from assay.data.draws import drawn_index, picked
from assay.errors import AssayError, Refused
from assay.numerics.fusion_states import STATE_DIM
from assay.protocols import StateBatch

COLUMNS = {
    "features": "float32",
    "y": "int64",
    "attack_type": "int64",
    "record_id": "uint8",
    "time": "float64",
}


@dataclass(frozen=True, slots=True)
class States:
    """One split, one row a sample. What the source does not know is None."""

    features: Float32[np.ndarray, "n 18"]
    y: Int64[np.ndarray, " n"]
    attack_type: Int64[np.ndarray, " n"] | None = None
    record_id: Shaped[np.ndarray, " n"] | None = None  # text
    time: Float64[np.ndarray, " n"] | None = None  # seconds

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], where: str) -> "States":
        """The states that `arrays()` gave, checked.

        Raises:
            Refused: a column is missing, unknown, or of another type or length; the text begins with `where`.
        """
        for name, array in arrays.items():
            if array.dtype != COLUMNS.get(name) or len(array) != len(arrays["y"]):
                raise Refused(f"{where}: {name} is {array.dtype} {list(array.shape)}, no column of states.")
        known: dict[str, Any] = dict(arrays)
        if "record_id" in known:
            known["record_id"] = decoded_text(known["record_id"], where)
        if known["features"].shape[1:] != (STATE_DIM,):
            raise Refused(f"{where}: features is {list(known['features'].shape)}; allowed: [n, {STATE_DIM}].")
        return cls(**known)

    def arrays(self) -> dict[str, np.ndarray]:
        """The known columns by name; `record_id` as zero-padded UTF-8."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        known = {name: array for name, array in held.items() if array is not None}
        if self.record_id is not None:
            known["record_id"] = text_bytes(self.record_id)
        return known

    def counts(self) -> dict[str, Any]:
        """How much there is of what, as JSON."""
        kinds = {} if self.attack_type is None else {"attack_types": tally(self.attack_type[self.y > 0])}
        return {"n_samples": len(self), "labels": tally(self.y), **kinds}

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, slots=True)
class StateSamples:
    """States drawn from one split; answers `assay.protocols.Samples`."""

    split: str
    index: Int64[np.ndarray, " n"]  # in the split, ascending
    labels: Int64[np.ndarray, " n"]
    attack_type: Int64[np.ndarray, " n"] | None
    record_id: Shaped[np.ndarray, " n"] | None
    time: Float64[np.ndarray, " n"] | None
    states: States  # the whole split
    device: str

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, size: int) -> Iterator[StateBatch]:
        """The states in order, `size` at a time; the last batch may be smaller."""
        for start in range(0, len(self), size):
            rows = self.index[start : start + size]
            features = torch.tensor(self.states.features[rows], device=self.device)
            yield StateBatch(features, torch.tensor(self.states.y[rows], device=self.device))


@dataclass(frozen=True, slots=True)
class StateData:
    """One set of states; answers `assay.protocols.Data`. A split is read when it is drawn from."""

    name: str
    load: Callable[[str], States]
    splits: Sequence[str]
    attack_names: Mapping[int, str]
    device: str = "cpu"

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> StateSamples:
        """`max_samples` states without replacement, in the order of the split; all where it has no more.

        Raises:
            AssayError: there is no such split.
        """
        if split not in self.splits:
            raise AssayError(f"data {self.name} has no split {split!r}; it has: {', '.join(self.splits)}.")
        states = self.load(split)
        index = drawn_index(len(states), max_samples, seed)
        return StateSamples(
            split=split,
            index=index,
            labels=states.y[index],
            attack_type=picked(states.attack_type, index),
            record_id=picked(states.record_id, index),
            time=picked(states.time, index),
            states=states,
            device=self.device,
        )


def open_data(
    name: str,
    load: Callable[[str], Mapping[str, np.ndarray]],
    *,
    splits: Sequence[str],
    attack_names: Mapping[int, str],
    device: str,
) -> StateData:
    """The data set `name`, the arrays of whose split s are `load(s)`, with batches on `device`."""

    def states(split: str) -> States:
        return States.from_arrays(load(split), f"data {name}, split {split}")

    return StateData(name, states, tuple(splits), attack_names, device)


def open_made(name: str, made: Any, *, attack_names: Mapping[int, str], device: str) -> StateData:
    """The states that the artifact `fusion_states` holds, as a data set of its splits."""

    def states(split: str) -> States:
        rows = np.flatnonzero(made.split == split)
        return States(
            features=made.features[rows],
            y=made.labels[rows],
            attack_type=picked(made.attack_type, rows),
            record_id=picked(made.record_id, rows),
            time=picked(made.time, rows),
        )

    return StateData(name, states, tuple(dict.fromkeys(made.split.tolist())), attack_names, device)
