"""States of one split, what the experts of a fusion policy say of its samples, and their draws and batches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, Shaped

from assay.data.collated import decoded_text, tally, text_bytes
from assay.data.draws import SplitData, picked
from assay.errors import Refused
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

    def select(self, index: Int64[np.ndarray, " n"]) -> "States":
        """The states at `index`, in its order."""
        return States(
            features=self.features[index],
            y=self.y[index],
            attack_type=picked(self.attack_type, index),
            record_id=picked(self.record_id, index),
            time=picked(self.time, index),
        )

    def batch(self, device: str) -> StateBatch:
        """All states as tensors of their own memory."""
        return StateBatch(torch.tensor(self.features, device=device), torch.tensor(self.y, device=device))


def open_data(
    name: str,
    load: Callable[[str], Mapping[str, np.ndarray]],
    *,
    splits: Sequence[str],
    attack_names: Mapping[int, str],
    device: str,
) -> SplitData:
    """The data set `name`, the arrays of whose split s are `load(s)`, with batches on `device`."""

    def states(split: str) -> States:
        return States.from_arrays(load(split), f"data {name}, split {split}")

    return SplitData(name, states, tuple(splits), attack_names, device)


def open_made(name: str, made: Any, *, attack_names: Mapping[int, str], device: str) -> SplitData:
    """The states that the artifact `fusion_states` holds, as a data set of its splits."""

    whole = States(made.features, made.labels, made.attack_type, made.record_id, made.time)

    def states(split: str) -> States:
        return whole.select(np.flatnonzero(made.split == split))

    return SplitData(name, states, tuple(dict.fromkeys(made.split.tolist())), attack_names, device)
