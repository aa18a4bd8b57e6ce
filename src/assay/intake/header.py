"""The header of a .safetensors file, held to its format before the library reads a tensor."""

import json
from collections.abc import Sequence
from io import BufferedIOBase
from math import prod
from typing import Any

from assay.errors import Refused
from assay.intake.standins import COPY_AGAIN

MAX_HEADER_BYTES = 100 * 10**6  # the format's own limit

_LENGTH_BYTES = 8
_ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4,
    "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip


def safetensors_metadata(file: BufferedIOBase) -> dict[str, str]:
    """The `__metadata__` of a .safetensors file whose tensors fill its bytes without hole or overlap.

    Raises:
        Refused: a length, name, dtype, shape or place that the format does not allow.
    """
    size = file.seek(0, 2)
    file.seek(0)
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    room = min(MAX_HEADER_BYTES, size - _LENGTH_BYTES)
    if length > room:
        raise Refused(
            f"the safetensors header claims {length:,} bytes, expected at most {room:,}. {COPY_AGAIN}"
        )
    entries = _entries(file.read(length))
    metadata = entries.pop("__metadata__", {})
    if not _is_text_map(metadata):
        raise Refused("the safetensors __metadata__ is no map of text to text.")
    _check_places([_place(name, entry) for name, entry in entries.items()], size - _LENGTH_BYTES - length)
    return metadata


def _entries(header: bytes) -> dict[str, Any]:
    try:
        entries = json.loads(header, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise Refused(f"the safetensors header is no JSON. {COPY_AGAIN}") from None
    if not isinstance(entries, dict):
        raise Refused(f"the safetensors header is no JSON object. {COPY_AGAIN}")
    return entries


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise Refused("the safetensors header names a tensor or a key twice, expected each once.")
    return entries


def _is_text_map(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _place(name: str, entry: Any) -> tuple[int, int, str]:
    """Where a tensor's bytes begin and end, and its name."""
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)], **rest}:
            if dtype not in _ITEM_BYTES:
                raise Refused(
                    f"tensor {name!r} has dtype {dtype!r}, expected one of {', '.join(_ITEM_BYTES)}."
                )
            whole = all(type(number) is int and number >= 0 for number in (*shape, begin, end))
            if whole and not rest and end - begin == prod(shape) * _ITEM_BYTES[dtype]:
                return begin, end, name
            raise Refused(
                f"tensor {name!r} has shape {shape} of {dtype} in bytes {begin} to {end}, which do not agree. "
                f"{COPY_AGAIN}"
            )
    raise Refused(
        f"tensor {name!r} is described by {str(entry)[:80]}, expected dtype, shape and data_offsets."
    )


def _check_places(places: Sequence[tuple[int, int, str]], size: int) -> None:
    position = 0
    for begin, end, name in sorted(places):
        if begin != position:
            raise Refused(f"tensor {name!r} begins at byte {begin:,}, expected {position:,}. {COPY_AGAIN}")
        position = end
    if position != size:
        raise Refused(f"the tensors take {position:,} bytes, the file holds {size:,}. {COPY_AGAIN}")
