"""Results of columns as Parquet, every page with a checksum; what is no column stands in the file's metadata."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assay.errors import Refused
from assay.files import compact_json, publish, sha256_bytes

AGAIN = "Delete it to have it made again."
CHECKSUM = (
    "sha256"  # of columns and notes: pages have checksums, but neither their headers nor the metadata do
)


def save_table(result: Any, path: Path) -> dict[str, Any]:
    """Publish a result whose arrays are its columns; returns what columns it holds."""
    values = {field.name: getattr(result, field.name) for field in fields(result)}
    columns = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    notes = {name: _text(value) for name, value in values.items() if name not in columns}
    table = pa.table(columns).replace_schema_metadata({**notes, CHECKSUM: _checksum(columns, notes)})
    publish(path, lambda file: pq.write_table(table, file, compression="zstd", write_page_checksum=True))
    return {name: {"dtype": str(a.dtype), "shape": list(a.shape)} for name, a in columns.items()}


def load_table(path: Path, kind: type) -> Any:
    """The result of type `kind` that `save_table` put at `path`.

    Raises:
        Refused: the file is damaged or holds something else.
    """
    columns, notes = _read(path)
    hints = get_type_hints(kind)
    if lacks := sorted(hints.keys() - notes.keys() - columns.keys()):
        raise Refused(f"{path} holds no {kind.__name__}: it lacks {', '.join(lacks)}. {AGAIN}")
    return kind(
        **{name: columns[name] if name in columns else _value(notes[name], hints[name]) for name in hints}
    )


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with path.open("rb") as file:
        try:
            table = pq.read_table(file, page_checksum_verification=True)
            notes = {name.decode(): text.decode() for name, text in (table.schema.metadata or {}).items()}
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise Refused(f"{path} is damaged: {error}. {AGAIN}") from error
    columns = {name: table[name].to_numpy() for name in table.column_names}
    if notes.pop(CHECKSUM, None) != _checksum(columns, notes):
        raise Refused(f"{path} is damaged: it does not hold what was written. {AGAIN}")
    return columns, notes


def _checksum(columns: Mapping[str, np.ndarray], notes: Mapping[str, str]) -> str:
    contents = {name: [str(a.dtype), sha256_bytes(a.tobytes())] for name, a in columns.items()}
    return sha256_bytes(compact_json([contents, dict(notes)]).encode())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return repr(value) if isinstance(value, float) else compact_json(value)


def _value(text: str, kind: Any) -> Any:
    if kind in (str, float):
        return kind(text)
    value = json.loads(text)
    return tuple(value) if get_origin(kind) is tuple else value
