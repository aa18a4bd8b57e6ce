"""NIfTI volumes, read by nibabel, as slices."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from assay.data.image_problems import Unreadable
from assay.data.image_volumes import (
    Pictures,
    Reading,
    between,
    chosen,
    limits,
    refuse_large,
    refuse_not_finite,
)

CHUNK = 1 << 20


def pictures(file: Path, reading: Reading) -> Pictures:
    """The slices of a volume, or of each volume of a series, as the array lies: no axis is turned or flipped.

    A picture has the two axes that are left, in their order. One range of values holds for the whole file.

    Raises:
        Unreadable: no NIfTI image of 3 or 4 axes, more voxels than allowed, or values that are no real numbers.
        Exception: whatever nibabel raises for a file that is damaged.
    """
    values = _volumes(file, reading)
    refuse_not_finite(values)
    slices = np.moveaxis(values, reading.slice_axis, 0)  # (slices, h, w, volumes)
    index = chosen(reading.slices, len(slices))
    taken = np.moveaxis(slices[index], -1, 0)  # (volumes, slices, h, w)
    if reading.intensities == "none":
        pixels = taken.astype(np.float32)
    else:
        pixels = between(taken, *limits(values, reading.intensities))
    return Pictures(pixels.reshape(-1, *pixels.shape[2:], 1), _places(len(taken), index))


def _volumes(file: Path, reading: Reading) -> Shaped[np.ndarray, "x y z volumes"]:
    import nibabel

    image: Any = nibabel.load(file)
    if not isinstance(image, nibabel.Nifti1Image) or len(image.shape) not in (3, 4):
        raise Unreadable("no NIfTI volume of 3 axes, nor series of 4", _found(image))
    if image.get_data_dtype().kind not in "iuf":
        raise Unreadable(f"NIfTI of type {image.get_data_dtype()}; allowed: real numbers")
    refuse_large(int(np.prod(image.shape, dtype=np.int64)), reading.max_pixels)
    if file.suffix.lower() == ".gz":
        _read_to_its_end(file)
    values = np.asarray(image.dataobj)
    return values if values.ndim == 4 else values[..., None]


def _found(image: Any) -> str:
    return f"{type(image).__name__} of shape {tuple(image.shape)}"


def _read_to_its_end(file: Path) -> None:
    """nibabel reads no further than the last voxel; gzip's checksum comes after it."""
    with gzip.open(file) as stream:
        while stream.read(CHUNK):
            pass


def _places(volumes: int, index: np.ndarray) -> tuple[str, ...]:
    series = [f"t{t}-" for t in range(volumes)] if volumes > 1 else [""]
    places = tuple(f"#{volume}{number}" for volume in series for number in index)
    return places if len(places) > 1 else ("",)
