"""A model folder of transformers at the border: its config and preprocessor, and shards held to their index."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import Refused
from assay.intake.plain import JSON, PlainValues
from assay.model_folder import CONFIG, INDEX, PREPROCESSOR, weight_files

if TYPE_CHECKING:
    from torch import Tensor

MAX_JSON_BYTES = 16 * 2**20


def shard_files(folder: Path) -> list[Path]:
    """The files with tensors.

    Raises:
        Refused: an index that names no shards.
    """
    files = weight_files(folder)
    if not files[0].name.endswith(INDEX):
        return files
    if len(files) == 1:
        raise Refused(f"{files[0].name} names no files of this folder, expected weight_map: tensor -> file.")
    return files[1:]


def joined_tensors(folder: Path, parts: Mapping[str, "Mapping[str, Tensor]"]) -> "dict[str, Tensor]":
    """The tensors of all shards, given by the names of their files.

    Raises:
        Refused: a tensor that is in two shards, or not where the index says; all of them listed.
    """
    index = weight_files(folder)[0]
    found = {(name, file) for file, tensors in parts.items() for name in tensors}
    if index.name.endswith(INDEX):
        said = set(_json(index)["weight_map"].items())
        lines = [f"missing: {name} in {file}" for name, file in sorted(said - found)]
        lines += [f"unexpected: {name} in {file}" for name, file in sorted(found - said)]
        if lines:
            raise Refused(f"{index.name} and its files disagree:\n  " + "\n  ".join(lines))
    return {name: tensor for tensors in parts.values() for name, tensor in tensors.items()}


def folder_hparams(folder: Path, values: PlainValues) -> dict[str, JSON]:
    """`class_path`, transformers' class by its name, and as `hyper_parameters` what both JSON files say.

    Raises:
        Refused: there is no config.json, a file is no JSON object, or names several classes.
    """
    config = _json(folder / CONFIG)
    has_preprocessor = (folder / PREPROCESSOR).exists()
    preprocessor = _json(folder / PREPROCESSOR) if has_preprocessor else {}
    hparams = values.convert({**preprocessor, **config}, "hyper_parameters")
    return {"class_path": _class_path(config.get("architectures")), "hyper_parameters": hparams}


def _class_path(architectures: Any) -> str | None:
    """The class; none in a config that another library wrote."""
    if architectures is None:
        return None
    if isinstance(architectures, list) and len(architectures) == 1 and isinstance(architectures[0], str):
        return f"transformers.{architectures[0]}"
    raise Refused(f"{CONFIG} has the architectures {str(architectures)[:80]}, expected a list of one name.")


def _json(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise Refused(
            f"it is a folder without {path.name}, expected a file, or a model folder of transformers."
        )
    if path.stat().st_size > MAX_JSON_BYTES:
        raise Refused(f"{path.name} has {path.stat().st_size:,} bytes, expected at most {MAX_JSON_BYTES:,}.")
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise Refused(f"{path.name} is no JSON, expected an object.") from None
    if not isinstance(value, dict):
        raise Refused(f"{path.name} holds a {type(value).__name__}, expected an object.")
    return value
