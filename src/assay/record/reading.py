"""Records read back: those of `save_record`, and those of the published package, which have no provenance.json."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import Refused
from assay.files import parse_json
from assay.record.documents import INFO, PROVENANCE, SCHEMA_VERSION
from assay.record.naming import checked_name

ADVICE = "Take a copy of the record that is whole, or write it again with save_record."
KEYS: Mapping[str, Mapping[str, tuple[type, ...]]] = {  # of each document, and what they may be
    "info": {
        "artifacts": (dict,),
        "created_at": (str,),
        "dataset": (dict, type(None)),
        "description": (str, type(None)),
        "experiment_name": (str,),
        "run_id": (str,),
    },
    "configs": {
        "data_loading": (dict,),
        "dataset_prep": (dict,),
        "kfold": (dict, type(None)),
        "model": (dict, type(None)),
        "optimizer": (dict, type(None)),
        "training": (dict, type(None)),
        "tuning": (dict, type(None)),
    },
    "results": {
        "created_at": (str,),
        "dataset_prep_stats": (dict,),
        "history": (dict,),
        "metrics": (dict,),
        "status": (str,),
        "summary": (dict,),
    },
    "provenance": {"files": (dict,)},
}


@dataclass(frozen=True, slots=True)
class Record:
    """What stands in a record; `provenance` is empty where the published package wrote it."""

    path: Path
    info: Mapping[str, Any]
    configs: Mapping[str, Any]
    results: Mapping[str, Any]
    provenance: Mapping[str, Any]

    @property
    def files(self) -> dict[str, Path]:
        """The files that info.json lists, by role: configs, results, normalizers, model_checkpoint."""
        return {role: self.path / name for role, name in self.info["artifacts"].items()}


def load_record(path: Path | str) -> Record:
    """The record in a folder, its JSON whole and of the schema, every listed file there and of its size.

    `verify_record` looks into all files.

    Raises:
        Refused: it is half a record, or a file is not the one that was written.
    """
    folder = Path(path)
    if not (folder / INFO).is_file():
        raise Refused(f"{folder} holds no whole record: it lacks {INFO}, which is written last. {ADVICE}")
    info = _document("info", folder / INFO)
    files = {role: folder / _listed(name, folder) for role, name in info["artifacts"].items()}
    if gone := [file.name for file in files.values() if not file.is_file()]:
        raise Refused(f"{folder} lacks {', '.join(gone)}, which {INFO} lists. {ADVICE}")
    held = {role: _document(role, files[role]) if role in files else {} for role in ("configs", "results")}
    provenance = _document("provenance", folder / PROVENANCE) if (folder / PROVENANCE).exists() else {}
    record = Record(folder, info, held["configs"], held["results"], provenance)
    _refuse_other_sizes(record)
    return record


def read_json(path: Path | str) -> dict[str, Any]:
    """The JSON object of a file of a record.

    Raises:
        FileNotFoundError: there is no such file.
        Refused: it is no JSON object, repeats a key, or holds a number that is not finite.
    """
    return parse_json(Path(path).read_bytes(), Path(path), advice=ADVICE)


def _document(role: str, path: Path) -> dict[str, Any]:
    document = read_json(path)
    if (found := document.get("schema_version")) != SCHEMA_VERSION or isinstance(found, bool):
        raise Refused(f"{path}: schema_version is {found!r}; this reader knows {SCHEMA_VERSION}.")
    for key, kinds in KEYS[role].items():
        if key not in document:
            raise Refused(f"{path} lacks {key}. {ADVICE}")
        if not isinstance(document[key], kinds):
            allowed = " or ".join(kind.__name__ for kind in kinds)
            raise Refused(f"{path}: {key} is of type {type(document[key]).__name__}; expected {allowed}.")
    return document


def _listed(name: Any, folder: Path) -> str:
    try:
        return checked_name(name, "the file")
    except (TypeError, ValueError) as error:
        raise Refused(f"{folder / INFO}, artifacts: {error}") from None


def _refuse_other_sizes(record: Record) -> None:
    """Refuse files that are not those of provenance.json, by name and size."""
    if not record.provenance:
        return
    sizes = {file.name: file.stat().st_size for file in (record.path / INFO, *record.files.values())}
    written = {name: content.get("bytes") for name, content in record.provenance["files"].items()}
    if sizes != written:
        different = sorted(
            name for name in sizes.keys() | written.keys() if sizes.get(name) != written.get(name)
        )
        raise Refused(f"{record.path}: {', '.join(different)} is not what {PROVENANCE} says. {ADVICE}")
