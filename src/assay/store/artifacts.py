"""Artifacts read back, typed, in a notebook or on a terminal."""

from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from assay import catalog
from assay.errors import AssayError
from assay.files import read_json
from assay.store import formats


def load_artifact(path: str | Path) -> Any:
    """The frozen result in an artifact's file, e.g. of `results/gat_s42/cka.json`.

    Raises:
        AssayError: no artifact of the table has a file of that name.
        Refused: the file is damaged.
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    module = import_module(catalog.artifacts()[artifact_of(path)].module)
    return formats.load(path, get_type_hints(module.compute)["return"])


def artifact_of(path: Path) -> str:
    """The name of the artifact that a file holds, by the file's name."""
    for name, row in catalog.artifacts().items():
        if path.name == Path(row.file).name:
            return name
    files = ", ".join(row.file for row in catalog.artifacts().values())
    raise AssayError(f"{path}: no artifact has a file of that name. Artifacts have: {files}.")


def record_of(path: Path) -> dict[str, Any]:
    """The record beside an artifact's file; empty where there is none."""
    artifact = artifact_of(path)
    depth = len(Path(catalog.artifacts()[artifact].file).parts)
    try:
        return read_json(path.parents[depth - 1] / "records" / f"{artifact}.json")
    except FileNotFoundError:
        return {}
