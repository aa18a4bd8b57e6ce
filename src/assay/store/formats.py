"""Results and prepared arrays as files: npz, JSON and safetensors, one value one byte sequence."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import safetensors.numpy
import safetensors.torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from assay.errors import Refused
from assay.files import parse_json, publish, publish_bytes, publish_json, sha256_bytes

_AGAIN = "Delete it to have it made again."
Arrays = dict[str, dict[str, Any]]  # name -> dtype, shape


def save(result: Any, path: Path) -> Arrays:
    """Publish a result (a dataclass) in the format of the path's suffix; returns what arrays it holds."""
    if path.suffix == ".npz":
        return _save_npz(result, path)
    if path.suffix == ".json":
        publish_json(path, asdict(result))
        return {}
    raise ValueError(f"{path}: results are saved as .npz or .json")


def load(path: Path, kind: type) -> Any:
    """The result of type `kind` that `save` put at `path`.

    Raises:
        Refused: the file is damaged or holds something else.
    """
    if path.suffix == ".npz":
        return _load_npz(path, kind)
    try:
        return TypeAdapter(kind).validate_python(parse_json(path.read_bytes(), path))
    except ValidationError as error:
        raise Refused(f"{path} holds no {kind.__name__}: {_first_line(error)}. {_AGAIN}") from None


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Any]:
    """Publish tensors as safetensors; returns sha256 and bytes."""
    return _publish_safetensors(safetensors.torch.save(dict(tensors)), path)


def save_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> dict[str, Any]:
    """Publish arrays as safetensors; returns sha256 and bytes."""
    # safetensors writes the memory of an array as it lies, whatever its strides say
    rows = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return _publish_safetensors(safetensors.numpy.save(rows), path)


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


def _save_npz(result: Any, path: Path) -> Arrays:
    values = {field.name: getattr(result, field.name) for field in fields(result)}
    arrays = {name: np.asarray(value) for name, value in values.items() if value is not None}
    for name, array in arrays.items():
        if array.dtype == object:
            raise TypeError(f"{path}: {name} is no array of numbers or text")
    publish(path, lambda file: np.savez_compressed(file, allow_pickle=False, **arrays))
    return {name: {"dtype": str(a.dtype), "shape": list(a.shape)} for name, a in arrays.items()}


def _load_npz(path: Path, kind: type) -> Any:
    with path.open("rb") as file:
        try:
            archive = np.load(file, allow_pickle=False)
            arrays = {name: archive[name] for name in archive.files}
        except Exception as error:  # zip, zlib and numpy each have their own for a damaged file
            raise Refused(f"{path} is damaged: {error}. {_AGAIN}") from error
    needed = {name for name, hint in get_type_hints(kind).items() if type(None) not in get_args(hint)}
    if lacks := sorted(needed - arrays.keys()):
        raise Refused(f"{path} holds no {kind.__name__}: it lacks {', '.join(lacks)}. {_AGAIN}")
    values = {name: array if array.ndim else array.item() for name, array in arrays.items()}
    return kind(**{field.name: values.get(field.name) for field in fields(kind)})


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _publish_safetensors(content: bytes, path: Path) -> dict[str, Any]:
    publish_bytes(path, content)
    return {"sha256": sha256_bytes(content), "bytes": len(content)}


def _checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise Refused(f"{path} is missing. `assay make` and snakemake make it again.") from None
    if (found := sha256_bytes(content)) != sha256:
        raise Refused(
            f"{path} is not the file that was written: sha256 {found[:12]}, expected {sha256[:12]}. {_AGAIN}"
        )
    return content
