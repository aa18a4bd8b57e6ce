"""The files of a record one by one, each whole or not at all, as the published package writes them."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assay.errors import ResultWarning
from assay.files import publish_bytes
from assay.record.dataset import dataset_summary, shown_path
from assay.record.documents import FILES, INFO, configs_document, info_document, results_document
from assay.record.naming import checked_name
from assay.record.plain import Replaced, plain, record_json


def create_artifact_dir(name: str, root_dir: Path | str) -> Path:
    """The folder of a record, made where it is missing. `save_record` makes its own, whole.

    Raises:
        ValueError: a name that is no plain file name.
    """
    folder = Path(root_dir).expanduser() / checked_name(name, "name")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def save_configs(
    artifact_dir: Path | str,
    *,
    condense_config: Any = None,
    cl_config: Any = None,
    build_config: Any = None,
    dataloader_config: Any = None,
    fit_config: Any = None,
    kfold_config: Any = None,
    model_config: Any = None,
    optimizer_config: Any = None,
    tuning_config: Any = None,
) -> Path:
    """Write configs.json; each part is a mapping, a dataclass instance or None."""
    parts = {name: value for name, value in locals().items() if name.endswith("_config")}
    return _write(artifact_dir, FILES["configs"], configs_document(parts))


def save_results(
    artifact_dir: Path | str,
    *,
    summary: Any = None,
    metrics: Any = None,
    history: Any = None,
    dataset_prep_stats: Any = None,
    status: str = "completed",
) -> Path:
    """Write results.json; each part is a mapping, a dataclass instance or None."""
    parts = {
        "summary": summary,
        "metrics": metrics,
        "history": history,
        "dataset_prep_stats": dataset_prep_stats,
    }
    return _write(artifact_dir, FILES["results"], results_document(parts, status=status))


def save_info(
    artifact_dir: Path | str,
    *,
    run_id: str,
    experiment_name: str | None = None,
    description: str | None = None,
    dataset_path: Path | str | None = None,
    artifacts: Mapping[str, str | None] | None = None,
) -> Path:
    """Write info.json, the last file of a record; `artifacts` maps what was written to file names."""
    document = info_document(
        run_id,
        experiment_name=experiment_name,
        description=description,
        dataset=shown_summary(dataset_path, None),
        artifacts=artifacts or {},
    )
    return _write(artifact_dir, INFO, document)


def shown_summary(dataset_path: Path | str | None, base: Path | str | None) -> dict[str, Any] | None:
    """The summary of a data set with its paths as a record shows them; None where there is none."""
    if dataset_path is None:
        return None
    summary = dataset_summary(dataset_path)
    path = shown_path(summary["path"], base)
    return {**summary, "path": path, "fingerprint": {**summary["fingerprint"], "path": path}}


def _write(artifact_dir: Path | str, name: str, document: dict[str, Any]) -> Path:
    path = Path(artifact_dir, name)
    value, replaced = plain(document, name)
    publish_bytes(path, record_json(value))
    _warn_of_replaced(name, replaced)
    return path


def _warn_of_replaced(name: str, replaced: Replaced) -> None:
    if replaced:
        places = ", ".join(f"{place} ({was})" for place, was in replaced.items())
        warnings.warn(f"{name}: null stands for {places}.", ResultWarning, stacklevel=4)
