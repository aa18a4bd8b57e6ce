"""Results and prepared arrays as files: npz, Parquet, JSON and safetensors, one value one byte sequence."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass, make_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import safetensors.numpy
import safetensors.torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from assay.errors import Refused
from assay.files import Write, parse_json, publish, publish_bytes, publish_json, sha256_bytes, sha256_file
from assay.record.documents import INFO
from assay.store.experiments import load_experiment, save_experiment
from assay.store.tables import AGAIN, is_table, load_table, save_table

Arrays = dict[str, dict[str, Any]]  # name -> dtype, shape


def save(result: Any, path: Path, *, write: Write = publish) -> Arrays:
    """Publish a result (a dataclass) in the format of the path's suffix; returns what arrays it holds.

    A table inside a JSON result lies beside it as Parquet, under the same stem, and is published first. Of
    info.json the files are those of a record; see `experiments`.
    """
    if path.suffix == ".npz":
        return _save_npz(result, path, write)
    if path.suffix == ".parquet":
        return save_table(result, path, write=write)
    if path.name == INFO:
        return save_experiment(result, path, write)
    if path.suffix == ".json":
        return _save_json(result, path, write)
    raise ValueError(f"{path}: results are saved as .npz, .parquet or .json")


def load(path: Path, kind: type) -> Any:
    """The result of type `kind` that `save` put at `path`.

    Raises:
        Refused: the file is damaged or holds something else.
    """
    if path.suffix == ".npz":
        return _load_npz(path, kind)
    if path.suffix == ".parquet":
        return load_table(path, kind)
    if path.name == INFO:
        return load_experiment(path, kind)
    return _load_json(path, kind)


def save_tensors(tensors: Mapping[str, Tensor], path: Path, *, write: Write = publish) -> dict[str, Any]:
    """Publish tensors as safetensors; returns sha256 and bytes."""
    return _publish_safetensors(safetensors.torch.save(dict(tensors)), path, write)


def save_arrays(arrays: Mapping[str, np.ndarray], path: Path, *, write: Write = publish) -> dict[str, Any]:
    """Publish arrays as safetensors; returns sha256 and bytes."""
    # safetensors writes the memory of an array as it lies, whatever its strides say
    rows = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return _publish_safetensors(safetensors.numpy.save(rows), path, write)


def load_tensors(path: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file whose sha256 is known.

    Raises:
        Refused: the file is missing, or is not the one that was written.
    """
    return safetensors.torch.load(_checked(path, sha256))


def load_arrays(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file whose sha256 is known; errors as `load_tensors`."""
    return safetensors.numpy.load(_checked(path, sha256))


def load_json(path: Path, sha256: str) -> dict[str, Any]:
    """The JSON object of a file whose sha256 is known; errors as `load_tensors`."""
    return parse_json(_checked(path, sha256), path)


def _save_json(result: Any, path: Path, write: Write) -> Arrays:
    content, arrays = asdict(result), {}
    if name := _table_field(type(result)):
        beside = path.with_suffix(".parquet")
        arrays = save_table(getattr(result, name), beside, write=write)
        content[name] = {"file": beside.name, "sha256": sha256_file(beside)}
    publish_json(path, content, write=write)
    return arrays


def _load_json(path: Path, kind: type) -> Any:
    content, name = parse_json(path.read_bytes(), path), _table_field(kind)
    hints = get_type_hints(kind)
    tables = {name: _load_beside(path, content.get(name), hints.pop(name))} if name else {}
    inside = make_dataclass(kind.__name__, hints.items()) if tables else kind
    try:
        found: Any = TypeAdapter(inside).validate_python(content)
    except ValidationError as error:
        raise Refused(f"{path} holds no {kind.__name__}: {_first_line(error)}. {AGAIN}") from None
    return kind(**{name: getattr(found, name) for name in hints}, **tables) if tables else found


def _load_beside(path: Path, reference: Any, kind: type) -> Any:
    """The table of a JSON result, which names the sha256 that it must have."""
    beside = path.with_suffix(".parquet")
    if not isinstance(reference, dict) or not isinstance(reference.get("sha256"), str):
        raise Refused(f"{path} names no sha256 of {beside.name}. {AGAIN}")
    _checked(beside, reference["sha256"])
    return load_table(beside, kind)


def _table_field(kind: type) -> str:
    """The field of a result that is a table; nothing where there is none."""
    return next((name for name, hint in get_type_hints(kind).items() if is_table(hint)), "")


def _save_npz(result: Any, path: Path, write: Write) -> Arrays:
    arrays = {name: np.asarray(value) for name, value in _flat(result) if value is not None}
    for name, array in arrays.items():
        if array.dtype == object:
            raise TypeError(f"{path}: {name} is no array of numbers or text")
    write(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    return {name: {"dtype": str(a.dtype), "shape": list(a.shape)} for name, a in arrays.items()}


def _flat(result: Any) -> Iterator[tuple[str, Any]]:
    """The fields by name; those of member i of a tuple `samples` of results as `sample_{i}_<field>`."""
    for field in fields(result):
        value = getattr(result, field.name)
        if not _member(get_type_hints(type(result))[field.name]):
            yield field.name, value
            continue
        for i, member in enumerate(value):
            yield from (
                (f"{field.name.removesuffix('s')}_{i}_{name}", inner) for name, inner in _flat(member)
            )


def _load_npz(path: Path, kind: type) -> Any:
    with path.open("rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            arrays = {name: archive[name] for name in archive.files}
        except Exception as error:  # zip, zlib and numpy each have their own for a damaged file
            raise Refused(f"{path} is damaged: {error}. {AGAIN}") from error
    try:
        return _nested(kind, arrays)
    except KeyError as error:
        raise Refused(f"{path} holds no {kind.__name__}: it lacks {error.args[0]}. {AGAIN}") from None


def _nested(kind: type, arrays: Mapping[str, np.ndarray]) -> Any:
    hints = get_type_hints(kind)
    members = {name: member for name, hint in hints.items() if (member := _member(hint))}
    optional = {name for name, hint in hints.items() if type(None) in get_args(hint)}
    if lacks := sorted(hints.keys() - members.keys() - optional - arrays.keys()):
        raise KeyError(", ".join(lacks))
    values: dict[str, Any] = dict.fromkeys(optional)
    values |= {name: a if a.ndim else a.item() for name, a in arrays.items() if name in hints}
    for name, member in members.items():
        values[name] = tuple(_nested(member, group) for group in _groups(name.removesuffix("s"), arrays))
    return kind(**values)


def _groups(name: str, arrays: Mapping[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """The arrays `{name}_0_...`, `{name}_1_...`, each group by what follows."""
    groups: dict[int, dict[str, np.ndarray]] = {}
    for key in arrays:
        if found := re.fullmatch(rf"{name}_(\d+)_(.+)", key):
            groups.setdefault(int(found[1]), {})[found[2]] = arrays[key]
    return [groups[i] for i in sorted(groups)]


def _member(hint: Any) -> type | None:
    """X where a field is a tuple of results X, else None."""
    inner = get_args(hint)[0] if get_origin(hint) is tuple else None
    return inner if is_dataclass(inner) else None  # type: ignore[return-value]


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _publish_safetensors(content: bytes, path: Path, write: Write) -> dict[str, Any]:
    publish_bytes(path, content, write=write)
    return {"sha256": sha256_bytes(content), "bytes": len(content)}


def _checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise Refused(f"{path} is missing. `assay make` and snakemake make it again.") from None
    if (found := sha256_bytes(content)) != sha256:
        raise Refused(
            f"{path} is not the file that was written: sha256 {found[:12]}, expected {sha256[:12]}. {AGAIN}"
        )
    return content
