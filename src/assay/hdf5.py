"""HDF5 files of others: only data that lies in the file itself, of a size that its bytes on disk make likely."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import AssayError, Refused

if TYPE_CHECKING:
    import h5py
    import numpy as np

SIGNATURE = b"\x89HDF\r\n\x1a\n"
SUFFIXES = (".h5", ".hdf5", ".he5")
BUILT_IN_FILTERS = frozenset(
    {1, 2, 3, 4, 5, 6, 32000}
)  # deflate, shuffle, fletcher32, szip, nbit, offset, lzf
SMALL_BYTES = 16 * 2**20  # of these any filter may make what it likes
MOST_EXPANSION = 100  # of larger ones: bytes in memory for one on disk; noise-like numbers have about 1
MOST_TEXTS = 100_000


def is_hdf5(path: Path) -> bool:
    """Whether a file says that it is HDF5, by its name or by its first bytes."""
    if path.suffix.lower() in SUFFIXES:
        return True
    with path.open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


@contextmanager
def open_hdf5(path: Path) -> "Iterator[h5py.File]":
    """The file, open for reading; no link out of it is followed by `dataset_in` and `group_in`.

    Raises:
        Refused: it is no HDF5 file, is truncated, or what is read of it inside the block is damaged.
        AssayError: h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise AssayError(f"{path} is HDF5, which needs h5py: pip install 'assay[hdf5]'.") from None
    try:
        with h5py.File(path, "r") as file:
            yield file
    except AssayError:
        raise
    except Exception as error:  # h5py has no error of its own for a damaged file
        raise Refused(f"{path} is not a readable HDF5 file: {error}") from error


def group_in(file: "h5py.File", name: str) -> "h5py.Group | None":
    """The group at `name`, a path from the root; None where there is none.

    Raises:
        Refused: a link on the way leaves the file, or is no hard link, or there is something else.
    """
    import h5py

    found = _found(file, name)
    if found is not None and not isinstance(found, h5py.Group):
        raise Refused(f"{file.filename}: {name} is a {type(found).__name__}; expected a group.")
    return found


def dataset_in(file: "h5py.File", name: str) -> "h5py.Dataset | None":
    """The dataset at `name`, a path from the root, whose size is safe to read; None where there is none.

    Raises:
        Refused: a link on the way leaves the file, its bytes lie elsewhere (external storage, a virtual dataset)
            or nowhere, need a filter that is no part of HDF5, or are far fewer than they unfold to.
    """
    import h5py

    found = _found(file, name)
    if found is None:
        return None
    if not isinstance(found, h5py.Dataset):
        raise Refused(f"{file.filename}: {name} is a {type(found).__name__}; expected a dataset.")
    if reason := _reason_against(found):
        raise Refused(f"{file.filename}: {name} {reason}.")
    return found


def numbers(dataset: "h5py.Dataset") -> "np.ndarray":
    """The numbers of a dataset from `dataset_in`.

    Raises:
        Refused: it holds something else.
    """
    if dataset.dtype.kind not in "biuf":
        raise Refused(
            f"{dataset.file.filename}: {dataset.name} is of {dataset.dtype}; allowed: real numbers."
        )
    return dataset[()]


def texts(dataset: "h5py.Dataset") -> tuple[str, ...]:
    """The texts of a one-dimensional dataset from `dataset_in`.

    Raises:
        Refused: it holds something else, or too many.
    """
    import h5py

    if h5py.check_string_dtype(dataset.dtype) is None or dataset.ndim != 1 or len(dataset) > MOST_TEXTS:
        raise Refused(
            f"{dataset.file.filename}: {dataset.name} is {dataset.dtype} of shape {dataset.shape}; allowed: "
            f"one dimension of at most {MOST_TEXTS:,} texts."
        )
    if dataset.dtype.kind != "O":
        return tuple(dataset.asstr()[()].tolist())
    return tuple(_texts_one_by_one(dataset))


def attribute(group: "h5py.Group", name: str) -> str | int | float | None:
    """The attribute, one text or one number; None where there is none.

    Raises:
        Refused: it is something else.
    """
    if name not in group.attrs:
        return None
    kept = group.attrs.get_id(name)
    value = group.attrs[name] if kept.shape == () else None
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    value = value.item() if kept.dtype.kind in "biuf" and value is not None else value
    if not isinstance(value, str | int | float):
        raise Refused(
            f"{group.file.filename}: attribute {name} of {group.name} is {kept.dtype} of shape {kept.shape}; "
            "allowed: one text or one number."
        )
    return value


def _texts_one_by_one(dataset: "h5py.Dataset") -> Iterator[str]:
    """Texts of any length, which may all be the same long one."""
    total = 0
    for i in range(len(dataset)):
        text = dataset.asstr()[i]
        if (total := total + len(text)) > SMALL_BYTES:
            raise Refused(f"{dataset.file.filename}: {dataset.name} holds more than {SMALL_BYTES:,} letters.")
        yield text


def _found(file: "h5py.File", name: str) -> Any:
    import h5py

    here: Any = file
    for part in name.strip("/").split("/"):
        if not isinstance(here, h5py.Group) or (link := here.get(part, getlink=True)) is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise Refused(
                f"{file.filename}: {part} of {name} is a {type(link).__name__}; allowed: what lies in the file."
            )
        here = here[part]
    return here


def _reason_against(dataset: "h5py.Dataset") -> str:
    """Why a dataset is not read, from its header alone; empty where it is."""
    if dataset.shape is None:
        return "holds nothing"
    if dataset.external:
        return f"is kept in other files ({dataset.external[0][0]}); allowed: what lies in the file"
    if dataset.is_virtual:
        return "is a view of other files; allowed: what lies in the file"
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(i) for i in range(plist.get_nfilters())]
    if unknown := [number for number, *_ in filters if number not in BUILT_IN_FILTERS]:
        return f"needs the filter {unknown[0]}, a plug-in; allowed: those of HDF5 itself"
    stored = dataset.id.get_storage_size()
    if dataset.size and not stored:
        return "was never written"
    chunk = prod(dataset.chunks or ()) * dataset.dtype.itemsize
    claimed = max(dataset.nbytes, chunk)
    if claimed > max(SMALL_BYTES, MOST_EXPANSION * stored):
        return f"unfolds {stored:,} bytes to {claimed:,}; allowed: {MOST_EXPANSION} times"
    return ""
