"""Records of experiments as files: those of `assay.record`, which reads and verifies them."""

from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import AssayError, Refused
from assay.files import AGAIN, Write, publish_bytes, sha256_bytes, sha256_file
from assay.record.documents import FILES, INFO, PROVENANCE
from assay.record.normalizers import load_normalizers, normalizer_arrays
from assay.record.plain import record_json
from assay.record.reading import load_record


def save_experiment(result: Any, path: Path, write: Write) -> dict[str, dict[str, Any]]:
    """Publish the documents and normalisers of a result beside `path`, which is info.json and written last."""
    if path.name != INFO:
        raise AssayError(
            f"{path}: a record is a folder of files, the last of which is {INFO}. Name that file."
        )
    arrays = normalizer_arrays(result.normalizers)
    contents = {
        FILES["configs"]: record_json(result.configs),
        FILES["results"]: record_json(result.results),
        FILES["normalizers"]: _npz(arrays),
        INFO: record_json(result.info),
    }
    files = {name: {"sha256": sha256_bytes(held), "bytes": len(held)} for name, held in contents.items()}
    info = contents.pop(INFO)
    contents[PROVENANCE] = record_json({**result.provenance, "files": files})
    for name, content in {**contents, INFO: info}.items():
        publish_bytes(path.with_name(name), content, write=write)
    return {name: {"dtype": str(a.dtype), "shape": list(a.shape)} for name, a in arrays.items()}


def load_experiment(path: Path, kind: type) -> Any:
    """The result of type `kind` whose files lie beside `path`.

    Raises:
        Refused: a file is missing or is not the one that was written.
    """
    record = load_record(path.parent)
    for name, held in record.provenance.get("files", {}).items():
        if sha256_file(path.with_name(name)) != held["sha256"]:
            raise Refused(f"{path.with_name(name)} is not the file that was written. {AGAIN}")
    provenance = {name: part for name, part in record.provenance.items() if name != "files"}
    about = provenance.get("checkpoint", {})
    held = {
        "info": record.info,
        "configs": record.configs,
        "results": record.results,
        "provenance": provenance,
        "normalizers": load_normalizers(record.files["normalizers"]),
        "family": about.get("family"),
        "data": about.get("data"),
    }
    return kind(**{field.name: held[field.name] for field in fields(kind)})


def _npz(arrays: dict[str, np.ndarray]) -> bytes:
    """Also of none, since the files of an artifact are always the same ones."""
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
