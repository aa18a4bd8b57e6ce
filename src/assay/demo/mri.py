"""Slices of a small MRI series of one head, which nibabel ships for its tests: the demo's medical images."""

import gzip
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.errors import AssayError
from assay.files import publish_bytes

SERIES = "tests/data/example4d.nii.gz"  # in nibabel: 24 slices, twice, two seconds apart
THIRDS = ("lower", "middle", "upper")  # of the stack of slices
SPLITS = ("train", "val")  # by time
DISPLAYED = ("P", "L", "S")  # rows from front to back, columns from the patient's right, slices upwards


def write_mri(folder: Path) -> int:
    """Writes each slice as a NIfTI file of its own, and `labels.csv`; returns their number.

    The label of a slice is the third of the stack that it lies in. `train` is the first volume and `val` the second
    one: the same head two seconds later, so that a score on it says that the tools work, and nothing of other heads.

    Raises:
        AssayError: nibabel is not installed, or has no such file.
    """
    series = _series()
    n_slices, n_times = series.shape[2:]
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["file,record_id,label,split"]
    for time, split in zip(range(n_times), SPLITS, strict=True):
        for number in range(n_slices):
            name, record = f"t{time}_{number:02}.nii", f"slice {number} at t{time}"
            (folder / name).write_bytes(series.slicer[:, :, number : number + 1, time].to_bytes())
            lines.append(f"{name},{record},{THIRDS[number * len(THIRDS) // n_slices]},{split}")
    publish_bytes(folder / "labels.csv", "\n".join([*lines, ""]).encode())
    return n_slices * n_times


def _series() -> Any:
    """The series, turned as heads are displayed: a NIfTI image, whose package has no types."""
    try:
        import nibabel
        from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
    except ModuleNotFoundError as error:
        raise AssayError(f"The demo's MRI needs {error.name}: pip install 'assay[demo]'.") from None
    try:
        packed = (files("nibabel") / SERIES).read_bytes()
    except FileNotFoundError:
        raise AssayError(
            f"nibabel {nibabel.__version__} ships no {SERIES}; the tested version does."
        ) from None
    series = nibabel.Nifti1Image.from_bytes(gzip.decompress(packed))
    return series.as_reoriented(ornt_transform(io_orientation(series.affine), axcodes2ornt(DISPLAYED)))
