"""Images and signals: PNG, JPEG, NIfTI and DICOM files with a table or in class folders, and npz arrays."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from assay.data.image_arrays import Found, found_in, has_arrays
from assay.data.image_frame import Frame, unit_range
from assay.data.image_labels import class_names_of, class_numbers, label_warnings
from assay.data.image_problems import Problem, refuse_all
from assay.data.image_reading import pictures_of
from assay.data.image_splits import Images
from assay.data.image_table import Listed, listed
from assay.data.image_volumes import Pictures, Reading, is_slices
from assay.data.prepared import Prepared
from assay.errors import AssayError, Refused


def prepare(
    files: Mapping[str, Sequence[Path]],
    *,
    height: int,
    width: int,
    channels: int,
    resize: str,
    crop_fraction: float,
    interpolation: str,
    intensities: str,
    slice_axis: int,
    slices: str,
    class_names: tuple[str, ...],
    max_pixels: int,
    num_workers: int,
) -> Prepared:
    """The splits as the model takes them: one size, one number of channels, classes numbered over all splits.

    Raises:
        Refused: everything that is wrong with tables, files or labels, each kind with its count and first names.
        AssayError: options that contradict each other, or a reader that is not installed.
    """
    _refuse_options(height, width, slices)
    frame = Frame(height, width, channels, resize, interpolation, crop_fraction)
    reading = Reading(slice_axis, slices, intensities, max_pixels)
    listing = listed({split: paths for split, paths in files.items() if not has_arrays(paths)})
    read = _read(listing, reading, frame, num_workers)
    found = {
        split: read[split] if split in read else found_in(split, paths, frame)
        for split, paths in files.items()
    }
    _refuse_other_shapes((samples.x.shape[1:], f"split {split}") for split, samples in found.items())
    return _prepared(found, class_names)


def _refuse_options(height: int, width: int, slices: str) -> None:
    if (height == 0) != (width == 0):
        raise AssayError(f"height {height} and width {width}: set both, or leave both at 0.")
    if not is_slices(slices):
        raise AssayError(f"slices {slices!r}; allowed: all, middle, or start:stop:step as in Python.")


def _read(
    listing: Mapping[str, Sequence[Listed]], reading: Reading, frame: Frame, num_workers: int
) -> dict[str, Found]:
    """The samples of all files, after every file was looked at."""
    entries = [entry for split in listing.values() for entry in split]
    results = pictures_of([entry.file for entry in entries], reading, frame, num_workers=num_workers)
    refuse_all(result for result in results if isinstance(result, Problem))
    pictures = [result for result in results if isinstance(result, Pictures)]
    _refuse_other_shapes(
        (found.pixels.shape[1:], str(entry.file)) for entry, found in zip(entries, pictures, strict=True)
    )
    rest = iter(pictures)
    return {split: _found(split, rows, [next(rest) for _ in rows]) for split, rows in listing.items()}


def _refuse_other_shapes(shapes: Iterable[tuple[tuple[int, ...], str]]) -> None:
    by_shape: dict[tuple[int, ...], list[str]] = {}
    for shape, name in shapes:
        by_shape.setdefault(shape, []).append(name)
    if len(by_shape) > 1:
        refuse_all(
            Problem(f"of shape {list(shape)} beside others; set channels, or height and width", name)
            for shape, names in by_shape.items()
            for name in names
        )


def _found(split: str, rows: Sequence[Listed], pictures: Sequence[Pictures]) -> Found:
    ids = [f"{row.record_id}{place}" for row, of in zip(rows, pictures, strict=True) for place in of.places]
    labels = [row.label for row, of in zip(rows, pictures, strict=True) for _ in of.places]
    return Found(_joined([of.pixels for of in pictures]), tuple(labels), tuple(ids))


def _joined(parts: Sequence[np.ndarray]) -> Shaped[np.ndarray, "n channels *space"]:
    """uint8 where all are; else all as float32."""
    kinds = {part.dtype for part in parts}
    return np.concatenate(parts if kinds == {np.dtype(np.uint8)} else [unit_range(part) for part in parts])


def _prepared(found: Mapping[str, Found], class_names: tuple[str, ...]) -> Prepared:
    names = class_names_of(
        {label for samples in found.values() for label in samples.labels}, _given(found, class_names)
    )
    splits = {split: _images(split, samples, names) for split, samples in found.items()}
    any_split = next(iter(splits.values()))
    facts = {
        "attack_names": {},
        "class_names": list(names),
        "channels": any_split.x.shape[1],
        "space": list(any_split.x.shape[2:]),
        "warnings": label_warnings({split: images.y for split, images in splits.items()}),
    }
    return Prepared(splits, facts, _lacks(splits))


def _lacks(splits: Mapping[str, Images]) -> dict[str, str]:
    if any((images.y >= 0).any() for images in splits.values()):
        return {}
    return {"labels": "no table, folder or array names the class of any image"}


def _given(found: Mapping[str, Found], class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The class names of the config and of the files, which must be the same."""
    given = {samples.class_names for samples in found.values()} | {class_names}
    given.discard(())
    if len(given) > 1:
        raise Refused(f"class_names differ between files, or from the option: {sorted(given)}.")
    names = given.pop() if given else ()
    refuse_all(
        Problem("class_names given more than once", n) for n, times in Counter(names).items() if times > 1
    )
    return names


def _images(split: str, samples: Found, names: tuple[str, ...]) -> Images:
    times = Counter(samples.record_id)
    refuse_all(
        Problem(f"split {split}: record_ids of more than one sample", record_id)
        for record_id, n in times.items()
        if n > 1
    )
    y = class_numbers(samples.labels, names)
    return Images(samples.x, y, np.array(samples.record_id), np.array(names, np.str_))
