"""Results of columns as Parquet, every page with a checksum; what is no column stands in the file's metadata."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import AbstractArray
from pydantic import TypeAdapter

from assay.errors import Refused
from assay.files import Write, compact_json, publish, sha256_bytes
from assay.numerics.coded_text import CodedText, coded_text

AGAIN = "Delete it to have it made again."
CHECKSUM = (
    "sha256"  # of columns and notes: pages have checksums, but neither their headers nor the metadata do
)
Column = np.ndarray | CodedText | None
Columns = Mapping[str, Column]


def save_table(result: Any, path: Path, *, write: Write = publish) -> dict[str, Any]:
    """Publish a result whose arrays are its columns, [n], text [n] or [n, k]; returns what columns it holds.

    A column that is None is one of nulls; one of coded text is a dictionary in the file, too. A mapping of arrays
    is columns by its keys, for one field.
    """
    hints = get_type_hints(type(result))
    values = {field.name: getattr(result, field.name) for field in fields(result)}
    keyed = _keyed(hints)
    columns = {name: value for name, value in values.items() if _is_column(hints[name])}
    columns |= values[keyed] if keyed else {}
    notes = {name: _text(_plain(values[name])) for name in values if name not in {*columns, keyed}}
    n = next(len(column) for column in columns.values() if column is not None)
    table = pa.table({name: _arrow(column, n) for name, column in columns.items()})
    table = table.replace_schema_metadata({**notes, CHECKSUM: _checksum(columns, notes)})
    write(path, lambda file: pq.write_table(table, file, compression="zstd", write_page_checksum=True))
    return {name: _described(column) for name, column in columns.items() if column is not None}


def load_table(path: Path, kind: type) -> Any:
    """The result of type `kind` that `save_table` put at `path`.

    Raises:
        Refused: the file is damaged or holds something else.
    """
    columns, notes = _read(path)
    hints = get_type_hints(kind)
    found: dict[str, Any] = dict(columns)
    if keyed := _keyed(hints):
        found[keyed] = {name: column for name, column in columns.items() if name not in hints}
    if lacks := sorted(hints.keys() - notes.keys() - found.keys()):
        raise Refused(f"{path} holds no {kind.__name__}: it lacks {', '.join(lacks)}. {AGAIN}")
    return kind(
        **{name: found[name] if name in found else _value(notes[name], hints[name]) for name in hints}
    )


def is_table(kind: Any) -> bool:
    """Whether a type is one of results that have columns."""
    return is_dataclass(kind) and any(map(_is_column, get_type_hints(kind).values()))


def _is_column(hint: Any) -> bool:
    return get_origin(hint) is not dict and _has_array(hint)


def _keyed(hints: Mapping[str, Any]) -> str:
    """The field that is a mapping of columns, where there is one."""
    return next((name for name, hint in hints.items() if get_origin(hint) is dict and _has_array(hint)), "")


def _has_array(hint: Any) -> bool:
    parts = [part for part in (hint, *get_args(hint)) if isinstance(part, type)]
    return any(issubclass(part, AbstractArray | CodedText) for part in parts)


def _described(column: np.ndarray | CodedText) -> dict[str, Any]:
    if isinstance(column, CodedText):
        return {"dtype": "text", "shape": [len(column)]}
    return {"dtype": str(column.dtype), "shape": list(column.shape)}


def _arrow(column: Column, n: int) -> pa.Array:
    if column is None:
        return pa.nulls(n, pa.float32())
    if isinstance(column, CodedText):
        return pa.DictionaryArray.from_arrays(pa.array(column.codes), pa.array(column.texts, pa.string()))
    if column.dtype.kind == "U":
        return pa.array(column.tolist(), pa.string())
    if column.ndim == 2:
        return pa.FixedSizeListArray.from_arrays(pa.array(column.ravel()), column.shape[1])
    return pa.array(column)


def _array(column: pa.ChunkedArray) -> Column:
    if len(column) and column.null_count == len(column):
        return None
    if pa.types.is_dictionary(column.type):
        whole = column.unify_dictionaries().combine_chunks()
        return coded_text(whole.dictionary.to_pylist(), whole.indices.to_numpy())
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=np.str_)
    if pa.types.is_fixed_size_list(column.type):
        return column.combine_chunks().flatten().to_numpy().reshape(len(column), column.type.list_size)
    return column.to_numpy()


def _read(path: Path) -> tuple[Columns, dict[str, str]]:
    with path.open("rb") as file:
        try:
            table = pq.read_table(file, page_checksum_verification=True)
            notes = {name.decode(): text.decode() for name, text in (table.schema.metadata or {}).items()}
            columns = {name: _array(table[name]) for name in table.column_names}
        except (pa.ArrowException, OSError, ValueError) as error:
            raise Refused(f"{path} is damaged: {error}. {AGAIN}") from error
    if notes.pop(CHECKSUM, None) != _checksum(columns, notes):
        raise Refused(f"{path} is damaged: it does not hold what was written. {AGAIN}")
    return columns, notes


def _checksum(columns: Columns, notes: Mapping[str, str]) -> str:
    contents = {name: _content(column) for name, column in columns.items()}
    return sha256_bytes(compact_json([contents, dict(notes)]).encode())


def _content(column: Column) -> list[Any]:
    if column is None:
        return []
    if isinstance(column, CodedText):
        return ["coded", list(column.texts), sha256_bytes(column.codes.tobytes())]
    if column.dtype.kind == "U":
        return ["text", sha256_bytes(compact_json(column.tolist()).encode())]
    return [str(column.dtype), list(column.shape), sha256_bytes(column.tobytes())]


def _plain(value: Any) -> Any:
    """A value with the results inside it as maps."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return repr(value) if isinstance(value, float) else compact_json(value)


def _value(text: str, kind: Any) -> Any:
    return kind(text) if kind in (str, float) else TypeAdapter(kind).validate_python(json.loads(text))
