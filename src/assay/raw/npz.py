"""npz files of the user, read member by member so that damage and claims of size are seen."""

import zipfile
from collections.abc import Callable, Sequence
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from assay.errors import Refused


def read_npz(
    path: Path, refuse_names: Callable[[dict[str, None], str], None], *, most_bytes: int | None = None
) -> dict[str, np.ndarray]:
    """The arrays of an untrusted npz file; nothing in it is unpickled.

    `refuse_names` sees the names, and the path, before any array is read.

    Raises:
        Refused: the file or a member is damaged, is no array of numbers or text, a name occurs twice, or all
            arrays together have more than `most_bytes`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename.removesuffix(".npy") for member in members]
            _refuse_repeated(names, path)
            refuse_names(dict.fromkeys(names), str(path))
            _refuse_large(members, path, most_bytes)
            return {name: _member(archive, member, path) for name, member in zip(names, members, strict=True)}
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise Refused(f"{path} is not a readable npz file: {error}.") from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> np.ndarray:
    """The array, read to its end so that the zip checks its CRC."""
    try:
        with archive.open(member) as stream:
            shape, fortran, dtype = _header(stream)
            content = stream.read()
            _refuse_other_length(shape, dtype, len(content))
            return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
    except Exception as error:  # every failure of a hostile member is the same refusal
        raise Refused(f"{path}: field {member.filename} cannot be read: {error}.") from error


def _header(stream: IO[bytes] | zipfile.ZipExtFile) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = npy.read_magic(stream)
    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"npy version {version}; allowed: 1.0 and 2.0")
    return readers[version](stream)


def _refuse_other_length(shape: tuple[int, ...], dtype: np.dtype, n_bytes: int) -> None:
    if dtype.hasobject:
        raise ValueError("it holds Python objects; allowed: numbers and text")
    if min(shape, default=0) < 0 or prod(shape) * dtype.itemsize != n_bytes:
        raise ValueError(f"{n_bytes} bytes for shape {shape} of {dtype}")


def _refuse_large(members: Sequence[zipfile.ZipInfo], path: Path, most_bytes: int | None) -> None:
    claimed = sum(member.file_size for member in members)
    if most_bytes is not None and claimed > most_bytes:
        raise Refused(f"{path} unfolds to {claimed:,} bytes; allowed: {most_bytes:,}.")


def _refuse_repeated(names: Sequence[str], path: Path) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise Refused(f"{path} has more than one field of the name {', '.join(repeated)}.")
