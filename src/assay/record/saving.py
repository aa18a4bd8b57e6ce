"""A record of what was trained: a folder that appears whole or not at all."""

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.files import write_new
from assay.record.checkpoint import device_of, write_checkpoint
from assay.record.documents import (
    FILES,
    INFO,
    OWN_FILES,
    PROVENANCE,
    SCHEMA_VERSION,
    configs_document,
    info_document,
    now,
    results_document,
)
from assay.record.naming import checked_name
from assay.record.plain import Replaced, plain, record_json
from assay.record.provenance import code_state, content_of, device_state, environment, seeds_in
from assay.record.publishing import publish_folder, refuse_taken, staged_folder
from assay.record.writing import shown_summary


def save_record(
    name: str,
    root_dir: Path | str,
    *,
    dataset_path: Path | str | None = None,
    condense_config: Any = None,
    cl_config: Any = None,
    build_config: Any = None,
    dataloader_config: Any = None,
    fit_config: Any = None,
    kfold_config: Any = None,
    model_config: Any = None,
    optimizer_config: Any = None,
    tuning_config: Any = None,
    results_summary: Any = None,
    metrics: Any = None,
    history: Any = None,
    dataset_prep_stats: Any = None,
    normalizers: Mapping[str, Any] | None = None,
    checkpoint: Any = None,
    description: str | None = None,
    status: str = "completed",
    error: str | BaseException | None = None,
    seeds: Mapping[str, Any] | None = None,
    device: Any = None,
    dataset_base: Path | str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write the record of a run; returns its folder, `root_dir`/`name`.

    The arguments up to `description` are those of the published `save_artifact`. The configs, `results_summary`,
    `metrics`, `history` and `dataset_prep_stats` are mappings or dataclass instances of what `plain` takes.
    Numbers that are not finite become null; provenance.json says where. `normalizers` maps names to None or to
    what has `mean` and `std`; `checkpoint` is a state dict, or a module, of which the state dict is kept.

    `error` belongs to status failed. `seeds` are added to those in the configs. `device` is by default that of
    `fit_config`, else that of the checkpoint. The path of the data set is written relative to `dataset_base`,
    else absolute, with `~` for the home folder. `overwrite` replaces a record of that name, all of it.

    Raises:
        TypeError, ValueError: an argument that cannot be written, or a name that is no plain file name.
        FileExistsError: there is a record of the name and `overwrite` is not set, or other files would be lost.
        FileNotFoundError: there is no such data set.
        Refused: the data set is an HDF5 file that is damaged, or that would have other files read.

    All of these leave everything as it was.
    """
    given = locals()
    target = Path(root_dir).expanduser() / checked_name(name, "name")
    refuse_taken(target, overwrite=overwrite, own=OWN_FILES)
    documents = {file: plain(document, file) for file, document in _documents(given).items()}
    facts, _ = plain(_facts(given, documents), PROVENANCE)
    with staged_folder(target) as folder:
        _write_published(folder, documents, normalizers, checkpoint)
        _write_provenance(folder, facts)
        publish_folder(folder, target, overwrite=overwrite)
    return target


save_artifact = save_record


def _documents(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The three published files, not yet converted, in the order in which they were made."""
    parts = {name: given[name] for name in ("metrics", "history", "dataset_prep_stats")}
    configs = configs_document(given)
    results = results_document({"summary": given["results_summary"], **parts}, status=given["status"])
    held = {
        "configs": True,
        "results": True,
        "normalizers": any(one is not None for one in (given["normalizers"] or {}).values()),
        "model_checkpoint": given["checkpoint"] is not None,
    }
    info = info_document(
        given["name"],
        description=given["description"],
        dataset=shown_summary(given["dataset_path"], given["dataset_base"]),
        artifacts={role: FILES[role] for role in held if held[role]},
    )
    return {FILES["configs"]: configs, FILES["results"]: results, INFO: info}


def _facts(given: Mapping[str, Any], documents: Mapping[str, tuple[Any, Replaced]]) -> dict[str, Any]:
    """provenance.json but for the files."""
    configs = documents[FILES["configs"]][0]
    dataset = given["dataset_path"]
    return {
        "schema_version": SCHEMA_VERSION,
        "created_at": now(),
        "status": given["status"],
        "error": _error_text(given["status"], given["error"]),
        "dataset": None if dataset is None else content_of(Path(dataset).expanduser()),
        "replaced": {file: replaced for file, (_, replaced) in documents.items() if replaced},
        "seeds": {**dict(seeds_in(configs)), **(given["seeds"] or {})},
        "device": device_state(_device(given, configs)),
        "code": code_state(),
        "environment": environment(),
    }


def _error_text(status: str, error: str | BaseException | None) -> str | None:
    if (status == "failed") != (error is not None):
        raise ValueError(
            f"status is {status!r} and error {error!r}; a failed run has an error, and no other."
        )
    if isinstance(error, BaseException):
        return "".join(traceback.format_exception_only(error)).strip()
    return error


def _device(given: Mapping[str, Any], configs: Mapping[str, Any]) -> str | None:
    device = given["device"] or (configs["training"] or {}).get("device")
    if device is None and given["checkpoint"] is not None:
        return device_of(given["checkpoint"])
    return None if device is None else str(device)


def _write_published(
    folder: Path,
    documents: Mapping[str, tuple[Any, Replaced]],
    normalizers: Mapping[str, Any] | None,
    checkpoint: Any,
) -> None:
    """The files that the published package knows; numpy and torch are imported only for arrays and a checkpoint."""
    for file, (value, _) in documents.items():
        _write_json(folder / file, value)
    if normalizers:
        from assay.record.normalizers import save_normalizers

        save_normalizers(folder, normalizers)
    if checkpoint is not None:
        write_checkpoint(folder / FILES["model_checkpoint"], checkpoint)


def _write_provenance(folder: Path, facts: Mapping[str, Any]) -> None:
    files = {file.name: content_of(file) for file in folder.iterdir()}
    _write_json(folder / PROVENANCE, {**facts, "files": files})


def _write_json(path: Path, value: Any) -> None:
    content = record_json(value)
    write_new(path, lambda file: file.write(content))
