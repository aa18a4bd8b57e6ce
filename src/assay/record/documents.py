"""What stands in configs.json, results.json and info.json: the published schema, version 1."""

from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import UTC, datetime
from typing import Any

SCHEMA_VERSION = 1
STATUSES = ("queued", "running", "failed", "completed")
FILES = {
    "configs": "configs.json",
    "results": "results.json",
    "normalizers": "normalizers.npz",
    "model_checkpoint": "model.pt",
}
CONFIG_PARTS = ("data_loading", "dataset_prep", "kfold", "model", "optimizer", "training", "tuning")
INFO = "info.json"  # written last by the published package: it marks a whole record
PROVENANCE = "provenance.json"  # ours: what the published files do not say
OWN_FILES = frozenset({*FILES.values(), INFO, PROVENANCE})


def now() -> str:
    """The time, UTC, ISO 8601 with microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def configs_document(parts: Mapping[str, Any]) -> dict[str, Any]:
    """configs.json; `parts` holds the arguments `condense_config` ... `tuning_config` of `save_record`."""
    names = ("condense", "cl", "build", "dataloader", "fit", "kfold", "model", "optimizer", "tuning")
    part = {name: _section(parts[f"{name}_config"], f"{name}_config") for name in names}
    return {
        "data_loading": {"dataloader": part["dataloader"]},
        "dataset_prep": {"build_xy": part["build"], "cl": part["cl"], "condense": part["condense"]},
        "kfold": part["kfold"],
        "model": part["model"],
        "optimizer": part["optimizer"],
        "schema_version": SCHEMA_VERSION,
        "training": part["fit"],
        "tuning": part["tuning"],
    }


def results_document(parts: Mapping[str, Any], *, status: str) -> dict[str, Any]:
    """results.json; `parts` holds `summary`, `metrics`, `history` and `dataset_prep_stats`.

    Raises:
        ValueError: a status that is none.
    """
    if status not in STATUSES:
        raise ValueError(f"status is {status!r}; allowed: {', '.join(STATUSES)}.")
    given = {name: _section(part, name) for name, part in parts.items()}
    sections = {name: {} if part is None else part for name, part in given.items()}
    return {**sections, "created_at": now(), "schema_version": SCHEMA_VERSION, "status": status}


def info_document(
    run_id: str,
    *,
    description: Any,
    dataset: Mapping[str, Any] | None,
    artifacts: Mapping[str, str | None],
    experiment_name: str | None = None,
) -> dict[str, Any]:
    """info.json; of `artifacts` only what was written.

    Raises:
        TypeError: a description that is no text.
    """
    if not isinstance(description, str | None):
        raise TypeError(f"description is of type {type(description).__name__}; allowed: text or None.")
    return {
        "artifacts": {name: file for name, file in artifacts.items() if file is not None},
        "created_at": now(),
        "dataset": dataset,
        "description": description,
        "experiment_name": run_id if experiment_name is None else experiment_name,
        "run_id": run_id,
        "schema_version": SCHEMA_VERSION,
    }


def _section(value: Any, name: str) -> Any:
    if value is None or isinstance(value, Mapping) or is_dataclass(value):
        return value
    raise TypeError(f"{name} is of type {type(value).__name__}; allowed: a mapping or a dataclass instance.")
