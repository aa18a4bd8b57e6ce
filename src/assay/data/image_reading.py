"""Image files of any format -> pictures in the frame; in worker processes, where that is asked for."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from assay.data import dicom, image_files, nifti
from assay.data.image_frame import Frame, framed
from assay.data.image_problems import Problem, Unreadable
from assay.data.image_volumes import Pictures, Reading
from assay.errors import AssayError

READERS: dict[str, Callable[[Path, Reading], Pictures]] = {
    ".png": image_files.pictures,
    ".jpg": image_files.pictures,
    ".jpeg": image_files.pictures,
    ".nii": nifti.pictures,
    ".nii.gz": nifti.pictures,
    ".dcm": dicom.pictures,
}
SHOWN = 160  # characters of what a reader says
NEEDS = {".nii": "nibabel", ".nii.gz": "nibabel", ".dcm": "pydicom"}
CHUNK = 16  # files that a worker is handed at a time


def pictures_of(
    files: Sequence[Path], reading: Reading, frame: Frame, *, num_workers: int
) -> list[Pictures | Problem]:
    """The pictures of each file, channels first, or why it has none; in the order of the files, whoever reads them.

    Raises:
        AssayError: a reader is not installed, or a worker process ended.
    """
    _need_readers(files)
    read = partial(_framed_pictures, reading=reading, frame=frame)
    if num_workers == 0 or len(files) <= CHUNK:
        return [read(file) for file in files]
    fresh = multiprocessing.get_context("spawn")  # a fork would inherit the threads of torch
    try:
        with ProcessPoolExecutor(num_workers, mp_context=fresh) as pool:
            return list(pool.map(read, files, chunksize=CHUNK))
    except BrokenProcessPool:
        raise AssayError(
            f"a worker process of {num_workers} ended while it read images; is there memory for as many?"
        ) from None


def format_of(file: Path) -> str:
    """The suffix by which a file is read; empty where it is none of an image."""
    return next((suffix for suffix in READERS if file.name.lower().endswith(suffix)), "")


def _framed_pictures(file: Path, reading: Reading, frame: Frame) -> Pictures | Problem:
    try:
        found = READERS[format_of(file)](file, reading)
        return Pictures(framed(found.pixels, frame), found.places)
    except Unreadable as problem:
        return Problem(problem.what, f"{file}: {problem.detail}" if problem.detail else str(file))
    except Exception as error:  # each reader has its own for a damaged file
        return Problem("files that cannot be read", f"{file}: {' '.join(str(error).split())[:SHOWN]}")


def _need_readers(files: Sequence[Path]) -> None:
    needed = {NEEDS[suffix] for suffix in {format_of(file) for file in files} if suffix in NEEDS}
    if missing := sorted(name for name in needed if find_spec(name) is None):
        raise AssayError(
            f"{' and '.join(missing)} must be installed to read these images: pip install 'assay[images]'."
        )
