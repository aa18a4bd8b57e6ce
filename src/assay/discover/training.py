"""What training left around one checkpoint, read within limits; what is damaged or too large is left out, and why."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from assay.discover.curves import NOT_FINITE, Curves, Row, as_json, curves
from assay.discover.documents import Plain, flat, json_map, table, yaml_map
from assay.discover.trackers import mlflow_rows, mlflow_settings, refuse_deleted, wandb_row, wandb_settings
from assay.errors import Refused
from assay.record.reading import load_record
from assay.training_files import (
    CONFIG,
    HPARAMS,
    INFO,
    METRICS,
    MLFLOW,
    OF_RECORD,
    TRAINER,
    WANDB_CONFIG,
    WANDB_SUMMARY,
)

MOST_RECORD_BYTES = 2**20  # of each file of a record
MOST_CONFIG_BYTES = 100_000
MOST_NUMBERS = 10_000  # of all normalisers together


@dataclass(frozen=True, slots=True)
class Training:
    """What is known of a training. All of it fits into a file below 1 MB, which Snakemake compares by content.

    Attributes:
        config: of Lightning, Hydra, MLflow and W&B, the first of them that has a key; plain values by dotted key.
        curves: metric -> its values.
        record: info, configs, results and provenance of a record, without its history; empty where there is none.
        normalizers: name -> mean and std.
        left_out: file, or part of one -> why it is not here.
    """

    config: dict[str, Plain] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    normalizers: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def read_training(files: Mapping[str, Path]) -> dict[str, Any]:
    """What the files of `training_files` say, as JSON values; see `Training`."""
    found = Training()
    for name, read in READERS.items():
        if name in files:
            try:
                read(files, found)
            except Refused as refusal:
                found.left_out[name] = str(refusal)
            except OSError as error:
                found.left_out[name] = f"cannot be read ({error.strerror})"
    config = _within(found.config, MOST_CONFIG_BYTES, "config", found.left_out)
    shown = as_json(found.curves, found.left_out)
    return _writable({**asdict(replace(found, curves={})), "config": config, "curves": shown})


def _record(files: Mapping[str, Path], found: Training) -> None:
    """A record whose files are those that were written."""
    for name in OF_RECORD:
        if name in files and files[name].stat().st_size > MOST_RECORD_BYTES:
            raise Refused(f"its {name} has more than {MOST_RECORD_BYTES:,} bytes")
    folder = files[INFO].parent
    try:
        record = load_record(folder)
    except Refused as refusal:
        raise Refused(str(refusal).removeprefix(f"{folder} ")) from None
    results = {name: part for name, part in record.results.items() if name != "history"}
    parts = {
        "info": record.info,
        "configs": record.configs,
        "results": results,
        "provenance": record.provenance,
    }
    kept = _within(parts, MOST_CONFIG_BYTES, INFO, found.left_out)
    found.record.update(kept)
    replaced = _map(_map(record.provenance.get("replaced")).get("results.json"))
    found.curves.update(_epochs(_map(record.results.get("history")), replaced))
    if "normalizers" in record.files:
        _normalizers(record.files["normalizers"], found)


def _normalizers(path: Path, found: Training) -> None:
    from assay.record.normalizers import load_normalizers

    read = load_normalizers(path)
    if sum(one.mean.size + one.std.size for one in read.values()) > MOST_NUMBERS:
        raise Refused(f"{path.name} holds more than {MOST_NUMBERS:,} numbers")
    for name, one in read.items():
        found.normalizers[name] = {"mean": one.mean.tolist(), "std": one.std.tolist()}


def _metrics(files: Mapping[str, Path], found: Training) -> None:
    _add(table(files[METRICS]), found)


def _trainer(files: Mapping[str, Path], found: Training) -> None:
    log = json_map(files[TRAINER]).get("log_history")
    _add([row for row in log if isinstance(row, dict)] if isinstance(log, list) else [], found)


def _hparams(files: Mapping[str, Path], found: Training) -> None:
    found.config.update(flat(yaml_map(files[HPARAMS])))


def _hydra(files: Mapping[str, Path], found: Training) -> None:
    """References such as `${seed}` are not followed, their keys are left out."""
    for key, value in flat(yaml_map(files[CONFIG])).items():
        if "${" not in str(value):
            found.config.setdefault(key, value)


def _mlflow(files: Mapping[str, Path], found: Training) -> None:
    refuse_deleted(files)
    found.config.update({**mlflow_settings(files, found.left_out), **found.config})
    _add(mlflow_rows(files, found.left_out), found)


def _wandb_config(files: Mapping[str, Path], found: Training) -> None:
    found.config.update({**wandb_settings(files), **found.config})


def _wandb_summary(files: Mapping[str, Path], found: Training) -> None:
    _add([wandb_row(files, found.left_out)], found)


def _add(rows: Iterable[Row], found: Training) -> None:
    """Curves of metrics that no reader before this one had."""
    for name, curve in curves(rows).items():
        found.curves.setdefault(name, curve)


READERS: Mapping[str, Callable[[Mapping[str, Path], Training], None]] = {
    INFO: _record,
    METRICS: _metrics,
    TRAINER: _trainer,
    HPARAMS: _hparams,
    CONFIG: _hydra,
    MLFLOW: _mlflow,
    WANDB_CONFIG: _wandb_config,
    WANDB_SUMMARY: _wandb_summary,
}


def _epochs(history: Mapping[str, Any], replaced: Mapping[str, str]) -> Curves:
    """A record's history: lists of numbers, one an epoch, in which null stands for what is in `replaced`."""
    rows: list[Row] = []
    for name, values in history.items():
        if isinstance(values, list):
            places = (replaced.get(f"/history/{name}/{i}", value) for i, value in enumerate(values))
            rows += [{"epoch": i, name: value} for i, value in enumerate(places)]
    return curves(rows)


def _within(parts: Mapping[str, Any], most_bytes: int, what: str, left_out: dict[str, str]) -> dict[str, Any]:
    """The parts, in their order, that fit into so many bytes of JSON."""
    kept, left, room = {}, list[str](), most_bytes
    for name, part in parts.items():
        size = len(json.dumps({name: part}))
        if size > room:
            left.append(name)
            continue
        kept[name], room = part, room - size
    if left:
        left_out[what] = f"{_some(left)} would make it larger than {most_bytes:,} bytes"
    return kept


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _writable(value: Any) -> Any:
    """The value as strict JSON can hold it: text for numbers that are not finite, and no lone surrogates."""
    if isinstance(value, dict):
        return {_writable(name): _writable(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(part) for part in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return NOT_FINITE.get(str(value), value) if isinstance(value, float) else value


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:5]) + (f" and {len(listed) - 5} more" if len(listed) > 5 else "")
