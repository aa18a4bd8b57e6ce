"""Images, or signals, that were made into arrays elsewhere: one npz file a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from assay.data.image_frame import Frame, framed
from assay.data.image_problems import Unreadable
from assay.data.image_volumes import refuse_not_finite
from assay.errors import Refused
from assay.raw.npz import read_npz

FIELDS = ("images", "signals", "labels", "record_id", "class_names")
MOST_CHANNELS = (
    16  # above it, behind one or three rows, they are the columns of images with their channels first
)
KINDS = ("uint8", "uint16", "float32", "float64")


@dataclass(frozen=True, slots=True)
class Found:
    """The samples of one split, their labels as they are written."""

    x: Shaped[np.ndarray, "n channels *space"]  # uint8 or float32
    labels: tuple[str, ...]
    record_id: tuple[str, ...]
    class_names: tuple[str, ...] = ()  # that the split itself gives


def has_arrays(paths: Sequence[Path]) -> bool:
    """Whether a split is given as arrays."""
    return any(path.suffix.lower() == ".npz" for path in paths)


def found_in(split: str, paths: Sequence[Path], frame: Frame) -> Found:
    """The samples of an npz file; floats keep their units, 16 bits become 0 to 1.

    Fields: `images` [n, h, w] or [n, h, w, channels], or `signals` [n, channels, time]; and where known `labels` [n]
    (numbers or names), `record_id` [n] and `class_names`.

    Raises:
        Refused: other files beside it, a damaged file, or a field that is missing, unknown or unsound.
    """
    if len(paths) != 1:
        raise Refused(f"split {split} has {len(paths)} files; allowed: 1 npz file, or images.")
    arrays = read_npz(paths[0], _refuse_names)
    try:
        x = _samples(arrays, frame)
    except Unreadable as problem:
        raise Refused(f"{paths[0]}: {problem.what}{problem.detail and f' ({problem.detail})'}.") from None
    n = len(x)
    return Found(
        x=x,
        labels=_texts(arrays, "labels", paths[0], n) or ("",) * n,
        record_id=_texts(arrays, "record_id", paths[0], n) or tuple(map(str, range(n))),
        class_names=_texts(arrays, "class_names", paths[0]),
    )


def _refuse_names(names: Mapping[str, object], where: str) -> None:
    if unknown := sorted(set(names) - set(FIELDS)):
        raise Refused(f"{where} has unknown fields: {', '.join(unknown)}; allowed: {', '.join(FIELDS)}.")
    if len({"images", "signals"} & set(names)) != 1:
        raise Refused(f"{where} must hold images or signals; got {', '.join(names) or 'no field'}.")


def _samples(arrays: Mapping[str, np.ndarray], frame: Frame) -> Shaped[np.ndarray, "n channels *space"]:
    name = "images" if "images" in arrays else "signals"
    values = arrays[name]
    allowed = (3, 4) if name == "images" else (3,)
    if values.dtype.newbyteorder("=") not in KINDS or values.ndim not in allowed or values.size == 0:
        shapes = "[n, h, w] or [n, h, w, channels]" if name == "images" else "[n, channels, time]"
        raise Unreadable(
            f"{name} is {values.dtype} {list(values.shape)}; allowed: {shapes} of {', '.join(KINDS)}"
        )
    if values.ndim == 4 and values.shape[1] in (1, 3) and values.shape[3] > MOST_CHANNELS:
        raise Unreadable(
            f"images is {values.dtype} {list(values.shape)}, channels first; allowed: [n, h, w, channels], as "
            "images.transpose(0, 2, 3, 1) gives"
        )
    refuse_not_finite(values)
    if name == "images":
        pictures = values if values.ndim == 4 else values[..., None]
        return framed(_in_units(pictures), frame)
    if frame.height or frame.channels not in (0, values.shape[1]):
        raise Unreadable("signals, which have no height, width or channels to set; leave these options at 0")
    return _in_units(values)


def _in_units(values: np.ndarray) -> np.ndarray:
    """uint8 as it is, uint16 from 0 to 1, floats as float32."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "u":
        return values.astype(np.float32) / np.float32(65535)
    return values.astype(np.float32)


def _texts(arrays: Mapping[str, np.ndarray], name: str, path: Path, n: int | None = None) -> tuple[str, ...]:
    """The texts of a field, its numbers as text; none where the file has no such field."""
    if name not in arrays:
        return ()
    array = arrays[name]
    if array.ndim != 1 or array.dtype.kind not in "iuU" or n not in (None, len(array)):
        size = "" if n is None else f" [{n}]"
        raise Refused(
            f"{path}: {name} is {array.dtype} {list(array.shape)}; allowed: whole numbers or text{size}."
        )
    return tuple(map(str, array.tolist()))
