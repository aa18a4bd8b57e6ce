"""The data set that a model was trained on: where it lies, which bytes it has, and what a condensed HDF5 file holds."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.hdf5 import attribute, dataset_in, group_in, is_hdf5, numbers, open_hdf5, texts

if TYPE_CHECKING:
    import h5py

ATTRIBUTES = ("y_source", "y_transform", "eps")


def file_fingerprint(path: Path | str) -> dict[str, Any]:
    """Path, size and time of change of a file, as the published package writes them; no proof of its content.

    Raises:
        FileNotFoundError: there is no such file.
    """
    file = _file(path)
    state = file.stat()
    return {
        "path": str(file),
        "file_size_bytes": state.st_size,
        "modified_at": datetime.fromtimestamp(state.st_mtime, UTC).isoformat(timespec="microseconds"),
    }


def dataset_summary(h5_path: Path | str) -> dict[str, Any]:
    """Path and fingerprint of a data set and, of a condensed HDF5 file, what its group `/training` holds.

    Raises:
        FileNotFoundError: there is no such file.
        Refused: an HDF5 file that is damaged, or that would have other files read.
        AssayError: it is HDF5 and h5py is not installed.
    """
    file = _file(h5_path)
    summary = {"path": str(file), "fingerprint": file_fingerprint(file)}
    if not is_hdf5(file):
        return summary
    with open_hdf5(file) as opened:
        return {**summary, **_training(opened)}


def shown_path(path: str, base: Path | str | None) -> str:
    """A path as a record shows it: relative to `base`, else absolute, the home folder as `~`."""
    if base is not None:
        return os.path.relpath(path, Path(base).expanduser().resolve())
    home = Path("~").expanduser().resolve()
    inside = Path(path).is_relative_to(home) and home != Path(home.anchor)
    return str(Path("~") / Path(path).relative_to(home)) if inside else path


def _file(path: Path | str) -> Path:
    """The file itself, absolute, without links.

    Raises:
        FileNotFoundError, IsADirectoryError: there is none.
    """
    given = Path(path).expanduser()
    if not given.exists():
        raise FileNotFoundError(f"The data set {path} does not exist; nothing was written.")
    if given.is_dir():
        raise IsADirectoryError(f"The data set {path} is a folder; a fingerprint is of one file.")
    return given.resolve()


def _training(file: "h5py.File") -> dict[str, Any]:
    group = group_in(file, "training")
    if group is None:
        return {}
    found: dict[str, Any] = {}
    if (x := dataset_in(file, "training/X")) is not None:
        found |= {"n_samples": _length(x, 0), "n_parameters": _length(x, 1)}
    if (y := dataset_in(file, "training/Y")) is not None:
        found["n_targets"] = _length(y, 1)
    if (names := dataset_in(file, "training/param_names")) is not None:
        found["param_names"] = list(texts(names))
    if (ell := dataset_in(file, "training/ell")) is not None:
        found["ell"] = numbers(ell).tolist()
    held = {name: attribute(group, name) for name in ATTRIBUTES}
    return found | {name: value for name, value in held.items() if value is not None}


def _length(dataset: "h5py.Dataset", axis: int) -> int:
    """Of a matrix; a vector is one column."""
    return dataset.shape[axis] if axis < dataset.ndim else 1
