"""Feature-wise normalisers, and the npz file that keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Real

from assay.errors import Refused
from assay.files import publish
from assay.record.documents import FILES
from assay.record.naming import checked_name

MEAN, STD = "_mean", "_std"
MOST_BYTES = 64 * 2**20
NUMBERS = "iuf"  # numpy's kinds


@dataclass(frozen=True, slots=True)
class Normalizer:
    """x -> (x - mean) / std, feature by feature."""

    mean: Real[np.ndarray, "*features"]
    std: Real[np.ndarray, "*features"]

    def transform(self, x: Real[np.ndarray, "..."]) -> Real[np.ndarray, "..."]:
        """`x` in units of `std` around `mean`; its last axis holds the features."""
        return (x - self.mean) / self.std

    def inverse(self, x: Real[np.ndarray, "..."]) -> Real[np.ndarray, "..."]:
        """`x` in its own units again."""
        return x * self.std + self.mean


def save_normalizers(
    artifact_dir: Path | str, normalizers: Mapping[str, Any], *, filename: str = FILES["normalizers"]
) -> Path | None:
    """Write the normalisers, which have `mean` and `std`, leaving out those that are None; None where all are.

    Raises:
        TypeError: one has no `mean` and `std` that are numbers.
    """
    if not (arrays := normalizer_arrays(normalizers)):
        return None
    path = Path(artifact_dir, checked_name(filename, "filename"))
    publish(path, lambda file: np.savez(file, **arrays))
    return path


def normalizer_arrays(normalizers: Mapping[str, Any]) -> dict[str, Any]:
    """`<name>_mean` and `<name>_std` of those that are not None; errors as `save_normalizers`."""
    return {
        name + ending: value
        for name, normalizer in normalizers.items()
        if normalizer is not None
        for ending, value in _moments(name, normalizer).items()
    }


def load_normalizers(path: Path | str) -> dict[str, Normalizer]:
    """The normalisers of a file by name, in the order of the names.

    Raises:
        Refused: the file is damaged, or a mean has no std of its shape.
    """
    arrays = _arrays(Path(path))
    names = sorted(key.removesuffix(MEAN) for key in arrays if key.endswith(MEAN))
    if lone := arrays.keys() - {name + ending for name in names for ending in (MEAN, STD)}:
        raise Refused(f"{path}: {', '.join(sorted(lone))} is neither a mean nor the std of one.")
    found = {}
    for name in names:
        mean, std = arrays[name + MEAN], arrays.get(name + STD)
        if std is None or std.shape != mean.shape or {mean.dtype.kind, std.dtype.kind} - set(NUMBERS):
            raise Refused(
                f"{path}: {name}{MEAN} has no {name}{STD} of its shape, or they are no real numbers."
            )
        found[name] = Normalizer(mean, std)
    return found


def _moments(name: str, normalizer: Any) -> dict[str, np.ndarray]:
    try:
        moments = {MEAN: np.asarray(normalizer.mean), STD: np.asarray(normalizer.std)}
    except AttributeError:
        raise TypeError(
            f"normalizers: {name} is of type {type(normalizer).__name__}; allowed: None, or what has mean and std."
        ) from None
    for ending, value in moments.items():
        if value.dtype.kind not in NUMBERS:
            raise TypeError(f"normalizers: {name}{ending} is of {value.dtype}; allowed: real numbers.")
    return moments


def _arrays(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                if sum(member.file_size for member in archive.zip.infolist()) > MOST_BYTES:
                    raise ValueError(f"it unfolds to more than {MOST_BYTES:,} bytes")
                return {
                    name: np.lib.format.read_array(archive.zip.open(f"{name}.npy")) for name in archive.files
                }
        except Exception as error:  # zip, zlib and numpy each have their own for a damaged file
            raise Refused(f"{path} is not a readable npz file: {error}.") from error
