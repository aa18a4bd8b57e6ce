"""What files of many pictures share: which slices are taken, and how values without a range become 0 to 1."""

import re
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from assay.data.image_problems import Unreadable

SLICES = r"all|middle|-?\d*:-?\d*(:-?[1-9]\d*)?"
PERCENTILES = (1, 99)


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read: the options of the source that speak of a file."""

    slice_axis: int
    slices: str
    intensities: str
    max_pixels: int


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of one file: uint8, or float32."""

    pixels: Shaped[np.ndarray, "n h w c"]  # as read; once in the frame [n, c, h, w]
    places: tuple[str, ...]  # where each stands in the file; empty where it is the only one


def chosen(slices: str, n: int) -> Int64[np.ndarray, " chosen"]:
    """The numbers of the slices among n that `slices` names: all, the middle one, or start:stop:step as in Python."""
    if slices == "middle":
        return np.array([n // 2])
    if slices == "all":
        return np.arange(n)
    index = np.arange(n)[slice(*(int(part) if part else None for part in slices.split(":")))]
    if len(index) == 0:
        raise Unreadable(f"no slice at {slices}", f"{n} slices")
    return index


def is_slices(text: str) -> bool:
    """Whether `chosen` can read it."""
    return re.fullmatch(SLICES, text) is not None


def limits(values: Shaped[np.ndarray, "*any"], intensities: str) -> tuple[float, float]:
    """The values that become 0 and 1."""
    if intensities == "percentile":
        low, high = np.percentile(values, PERCENTILES)
        return float(low), float(high)
    return float(values.min()), float(values.max())


def between(values: Shaped[np.ndarray, "*any"], low: float, high: float) -> Float32[np.ndarray, "*any"]:
    """`values` from `low` as 0 to `high` as 1, and no further; all 0 where these are equal."""
    span = high - low if high > low else np.inf
    return ((values.astype(np.float64) - low) / span).clip(0, 1).astype(np.float32)


def refuse_not_finite(values: Shaped[np.ndarray, "*any"]) -> None:
    """Raises Unreadable where a value is NaN or infinite."""
    if values.dtype.kind == "f" and (bad := int((~np.isfinite(values)).sum())):
        raise Unreadable("NaN or infinite values", f"{bad:,} of {values.size:,}")


def refuse_large(n_pixels: int, max_pixels: int) -> None:
    """Raises Unreadable where a file holds more pixels than one may."""
    if n_pixels > max_pixels:
        raise Unreadable(f"more than max_pixels, {max_pixels:,}, in a file", f"{n_pixels:,}")
