"""Tables of one split, what goes into a network and what should come out, and their draws and batches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Int64, Shaped

from assay.data.collated import decoded_text, text_bytes
from assay.data.draws import DrawnSamples, SplitData, picked
from assay.errors import Refused
from assay.protocols import TableBatch, TargetUnits

PER_SAMPLE = {"x": "float32", "y": "float32", "unit": "int64", "batch": "int64", "record_id": "uint8"}
PER_OUTPUT = {"y_mean": "float32", "y_std": "float32"}
TEXT = ("record_id", "x_names", "y_names", "y_transform", "held_out_source", "held_out_target")


@dataclass(frozen=True, slots=True)
class Table:
    """One split, one row a sample. What the source does not know is None."""

    x: Float32[np.ndarray, "n inputs"]
    targets: Float32[np.ndarray, "n outputs"]
    x_names: Shaped[np.ndarray, " inputs"] | None = None
    y_names: Shaped[np.ndarray, " outputs"] | None = None
    y_transform: Shaped[np.ndarray, " one"] | None = None  # ln, log10 or none: of quantities, before scaling
    y_mean: Float32[np.ndarray, " outputs"] | None = None  # that scaling took away
    y_std: Float32[np.ndarray, " outputs"] | None = None  # that it divided by
    unit: Int64[np.ndarray, " n"] | None = None  # replicates of one unit share its code
    measured: Int64[np.ndarray, " n"] | None = None  # samples of one batch share its code
    record_id: Shaped[np.ndarray, " n"] | None = None
    held_out_source: Shaped[np.ndarray, " edges"] | None = None  # of the edges removed before training
    held_out_target: Shaped[np.ndarray, " edges"] | None = None

    @property
    def y(self) -> Int64[np.ndarray, " n"]:
        """Labels, which a table has none of: 0."""
        return np.zeros(len(self.x), np.int64)

    @property
    def attack_type(self) -> None:
        """None."""
        return

    @property
    def time(self) -> None:
        """None."""
        return

    @property
    def held_out(self) -> tuple[tuple[str, str], ...] | None:
        """The removed edges by (source, target)."""
        if self.held_out_source is None or self.held_out_target is None:
            return None
        return tuple(zip(self.held_out_source.tolist(), self.held_out_target.tolist(), strict=True))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], where: str) -> "Table":
        """The table that `arrays()` gave, checked.

        Raises:
            Refused: a column is missing, unknown, or of another type or length; the text begins with `where`.
        """
        for name, array in arrays.items():
            kind = (PER_SAMPLE | PER_OUTPUT).get(name, "uint8" if name in TEXT else "")
            per_sample = name not in PER_SAMPLE or len(array) == len(arrays["x"])
            per_output = name not in PER_OUTPUT or array.shape == arrays["y"].shape[1:]
            if array.dtype != kind or not (per_sample and per_output):
                raise Refused(f"{where}: {name} is {array.dtype} {list(array.shape)}, no column of a table.")
        known: dict[str, Any] = dict(arrays)
        known |= {name: decoded_text(known[name], where) for name in TEXT if name in known}
        return cls(**{_FIELDS.get(name, name): array for name, array in known.items()})

    def arrays(self) -> dict[str, np.ndarray]:
        """All that is known by name; text as zero-padded UTF-8."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        known = {_NAMES.get(name, name): array for name, array in held.items() if array is not None}
        return {name: text_bytes(array) if name in TEXT else array for name, array in known.items()}

    def counts(self) -> dict[str, Any]:
        """How much there is of what, as JSON."""
        return {"n_samples": len(self), "n_inputs": self.x.shape[1], "n_outputs": self.targets.shape[1]}

    def __len__(self) -> int:
        return len(self.x)

    def select(self, index: Int64[np.ndarray, " n"]) -> "Table":
        """The samples at `index`, in its order."""
        return Table(
            x=self.x[index],
            targets=self.targets[index],
            x_names=self.x_names,
            y_names=self.y_names,
            y_transform=self.y_transform,
            y_mean=self.y_mean,
            y_std=self.y_std,
            unit=picked(self.unit, index),
            measured=picked(self.measured, index),
            record_id=picked(self.record_id, index),
            held_out_source=self.held_out_source,
            held_out_target=self.held_out_target,
        )

    def batch(self, device: str) -> TableBatch:
        """All samples as tensors of their own memory."""
        return TableBatch(
            x=torch.tensor(self.x, device=device),
            y=torch.tensor(self.targets, device=device),
            x_names=() if self.x_names is None else tuple(self.x_names.tolist()),
            y_names=() if self.y_names is None else tuple(self.y_names.tolist()),
            y_units=self._units(device),
        )

    def _units(self, device: str) -> TargetUnits | None:
        if self.y_mean is None or self.y_std is None:
            return None
        transform = "" if self.y_transform is None else str(self.y_transform[0])
        mean, std = (torch.tensor(part, device=device) for part in (self.y_mean, self.y_std))
        return TargetUnits(transform, mean, std)


@dataclass(frozen=True, slots=True)
class DrawnRows(DrawnSamples):
    """Samples drawn from one table; answers `assay.protocols.TableSamples`."""

    unit: Int64[np.ndarray, " n"] | None
    batch: Int64[np.ndarray, " n"] | None


@dataclass(frozen=True, slots=True)
class Tables(SplitData):
    """One prepared data set of tables; answers `assay.protocols.TableData`."""

    @property
    def held_out(self) -> tuple[tuple[str, str], ...] | None:
        """The edges that were removed before training, by (source, target); None where nothing says so."""
        return self.load(self.splits[0]).held_out  # type: ignore[attr-defined]

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> DrawnRows:
        """See `SplitData.draw`."""
        drawn = SplitData.draw(self, split, max_samples=max_samples, seed=seed)
        whole: Any = drawn.whole
        held = {field.name: getattr(drawn, field.name) for field in fields(drawn)}
        return DrawnRows(
            **held, unit=picked(whole.unit, drawn.index), batch=picked(whole.measured, drawn.index)
        )


def open_data(
    name: str,
    load: Callable[[str], Mapping[str, np.ndarray]],
    *,
    splits: Sequence[str],
    attack_names: Mapping[int, str],
    device: str,
) -> Tables:
    """The data set `name`, the arrays of whose split s are `load(s)`, with batches on `device`."""

    def table(split: str) -> Table:
        return Table.from_arrays(load(split), f"data {name}, split {split}")

    return Tables(name, table, tuple(splits), attack_names, device)


_NAMES = {"targets": "y", "measured": "batch"}  # field -> name in the file
_FIELDS = {name: field for field, name in _NAMES.items()}
