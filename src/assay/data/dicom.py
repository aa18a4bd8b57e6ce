"""DICOM files, read by pydicom: one picture a file, or a frame each."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped

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

GREY = ("MONOCHROME1", "MONOCHROME2")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def pictures(file: Path, reading: Reading) -> Pictures:
    """The picture, or the frames; grey values rescaled, then windowed; colours as RGB.

    Raises:
        Unreadable: no pixels, more than allowed, a palette, or a window that is none.
        Exception: whatever pydicom raises for a file that is damaged or that it cannot decode.
    """
    import pydicom

    dataset = pydicom.dcmread(file)
    if not any(name in dataset for name in PIXELS):
        raise Unreadable("DICOM without pixels", str(dataset.get("Modality", "no modality")))
    frames = int(dataset.get("NumberOfFrames") or 1)
    refuse_large(frames * dataset.Rows * dataset.Columns, reading.max_pixels)
    index = chosen(reading.slices, frames) if frames > 1 else np.array([0])
    pixels = _pixels(dataset, frames, reading.intensities)[index]
    return Pictures(pixels, tuple(f"#{number}" for number in index) if len(index) > 1 else ("",))


def _pixels(dataset: Any, frames: int, intensities: str) -> Shaped[np.ndarray, "frames h w c"]:
    from pydicom.pixels import apply_modality_lut, pixel_array

    kind = dataset.PhotometricInterpretation
    if kind not in GREY and not kind.startswith(("RGB", "YBR")):
        raise Unreadable(f"DICOM colours {kind}; allowed: grey, RGB and YBR")
    stored = pixel_array(dataset).reshape(frames, dataset.Rows, dataset.Columns, -1)  # YBR as RGB
    if kind not in GREY:
        return _colours(stored, dataset.BitsStored)
    values = apply_modality_lut(stored, dataset)
    refuse_not_finite(values)
    if intensities == "none":
        return values.astype(np.float32)
    grey = _grey(values, dataset, intensities)
    return 1 - grey if kind == "MONOCHROME1" else grey


def _colours(stored: np.ndarray, bits: int) -> np.ndarray:
    if stored.dtype == np.uint8:
        return stored
    if stored.dtype == np.uint16:
        return stored / np.float32(2**bits - 1)
    raise Unreadable(f"DICOM colours of type {stored.dtype}; allowed: 8 or 16 bits")


def _grey(values: np.ndarray, dataset: Any, intensities: str) -> Float32[np.ndarray, "frames h w c"]:
    if intensities == "window" and "WindowWidth" in dataset:
        return _windowed(values, dataset)
    return between(values, *limits(values, intensities))


def _windowed(values: np.ndarray, dataset: Any) -> Float32[np.ndarray, "frames h w c"]:
    """The first window, as DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3 define it, from 0 to 1."""
    centre, width = _first(dataset.WindowCenter), _first(dataset.WindowWidth)
    function = dataset.get("VOILUTFunction", "LINEAR")
    if width <= 0 or (function == "LINEAR" and width < 1):
        raise Unreadable("a DICOM window without width", str(width))
    if function == "SIGMOID":
        return (1 / (1 + np.exp(-4 * (values - centre) / width))).astype(np.float32)
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return (values > centre).astype(np.float32)
    return between(values, centre - width / 2, centre + width / 2)


def _first(window: Any) -> float:
    return float(window) if isinstance(window, str | float | int) else float(window[0])
