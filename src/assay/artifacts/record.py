"""Records of experiments: what a checkpoint and the files that training left around it say."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.artifacts.best_point import best_point
from assay.errors import ResultWarning
from assay.protocols import Origin
from assay.record.documents import CONFIG_PARTS, FILES, SCHEMA_VERSION
from assay.record.normalizers import Normalizer
from assay.record.plain import plain
from assay.record.provenance import seeds_in

Document = dict[str, Any]
UNKNOWN = "unknown"  # the status of a run that left no record
SCALED = {"x": "X", "y": "Y"}  # columns of a prepared data set -> the usual names of their normalisers
HELD = ("configs", "results", "normalizers")  # files beside info.json, by role


@dataclass(frozen=True, slots=True)
class ExperimentRecord:
    """The documents of one record, each a JSON object, and its normalisers."""

    info: Document
    configs: Document
    results: Document
    provenance: Document
    normalizers: dict[str, Normalizer]  # none where neither run nor data have one
    family: str
    data: str


def compute(origin: Origin) -> ExperimentRecord:
    """The record of a checkpoint; what its run folder does not say stays null or empty.

    Nothing in it depends on when or where the record is made.
    """
    _tell(origin)
    documents = {
        FILES["configs"]: plain(_configs(origin), FILES["configs"]),
        FILES["results"]: plain(_results(origin), FILES["results"]),
    }
    configs, results = (document for document, _ in documents.values())
    replaced = {file: {**_replaced(origin, file), **found} for file, (_, found) in documents.items()}
    return ExperimentRecord(
        info=_info(origin),
        configs=configs,
        results=results,
        provenance=_provenance(origin, configs, {file: found for file, found in replaced.items() if found}),
        normalizers=_normalizers(origin),
        family=origin.family,
        data=origin.data,
    )


def _tell(origin: Origin) -> None:
    """Warn of what was left out, and of hyper-parameters on which checkpoint and run folder disagree."""
    for file, why in origin.run["left_out"].items():
        warnings.warn(f"{file} of the run is left out: {why}", ResultWarning, stacklevel=3)
    own, said = origin.hparams.get("hyper_parameters") or {}, origin.run["config"]
    for key in sorted(own.keys() & said.keys()):
        if own[key] != said[key] and not isinstance(own[key], dict | list):
            text = f"{key} is {own[key]!r} in the checkpoint and {said[key]!r} in the run's configuration"
            warnings.warn(text, ResultWarning, stacklevel=3)


def _of_run(origin: Origin, document: str) -> Mapping[str, Any]:
    """A document of the record that lies beside the checkpoint; empty where there is none."""
    return origin.run["record"].get(document, {})


def _configs(origin: Origin) -> Document:
    written = _of_run(origin, "configs")
    empty: Document = {**dict.fromkeys(CONFIG_PARTS), "data_loading": {"dataloader": None}}
    empty["dataset_prep"] = dict.fromkeys(("build_xy", "cl", "condense"))
    configs = {**empty, **written, "schema_version": SCHEMA_VERSION}
    model = {name: origin.hparams.get(name) for name in ("class_path", "hyper_parameters")}
    training = {**origin.run["config"], **(written.get("training") or {})}
    return {
        **configs,
        "model": {**(written.get("model") or {}), "family": origin.family, **model},
        "training": training or None,
    }


def _results(origin: Origin) -> Document:
    written, curves = _of_run(origin, "results"), origin.run["curves"]
    reached = {name: origin.hparams.get(name) for name in ("epoch", "global_step")}
    return {
        "created_at": "",
        "dataset_prep_stats": {},
        "metrics": {},
        "status": UNKNOWN,
        **written,
        "history": {name: [float(value) for value in curve["value"]] for name, curve in curves.items()},
        "history_at": {
            name: {key: curve[key] for key in ("epoch", "step", "n")} for name, curve in curves.items()
        },
        "schema_version": SCHEMA_VERSION,
        "summary": {**written.get("summary", {}), **reached, "best": best_point(curves)},
    }


def _info(origin: Origin) -> Document:
    written = _of_run(origin, "info")
    name = written.get("run_id", origin.checkpoint)
    return {
        "artifacts": {role: FILES[role] for role in HELD},
        "created_at": written.get("created_at", ""),
        "dataset": _dataset(origin),
        "description": written.get("description"),
        "experiment_name": written.get("experiment_name", name),
        "run_id": name,
        "schema_version": SCHEMA_VERSION,
        "trained_on": written.get("dataset"),
    }


def _dataset(origin: Origin) -> Document:
    """The data set of the checkpoint's row: what the record's reader holds it against is its sha256."""
    content = origin.dataset
    sources, facts = content["sources"], content["facts"]
    named = {"param_names": facts.get("x_names"), "target_names": facts.get("y_names")}
    return {
        "name": origin.data,
        "source": content["source"],
        "options": content["options"],
        "path": next(iter(sources)) if len(sources) == 1 else None,
        "fingerprint": {"sha256": content["sha256"], "n_files": content["n_sources"]},
        "splits": content["splits"],
        **{name: names for name, names in named.items() if names is not None},
    }


def _provenance(origin: Origin, configs: Document, replaced: Document) -> Document:
    written, intake = _of_run(origin, "provenance"), origin.intake
    empty = {
        "created_at": "",
        "code": None,
        "dataset": None,
        "device": None,
        "environment": None,
        "error": None,
    }
    kept = {name: written.get(name, value) for name, value in empty.items()}
    return {
        **kept,
        "schema_version": SCHEMA_VERSION,
        "status": written.get("status", UNKNOWN),
        "seeds": {**dict(seeds_in(configs)), **written.get("seeds", {})},
        "replaced": replaced,
        "checkpoint": {
            "name": origin.checkpoint,
            "family": origin.family,
            "data": origin.data,
            "holds": intake["holds"],
            **{name: intake[name] for name in ("sha256", "bytes", "beside")},
        },
        "run": {
            "files": {path.rpartition("/")[2]: sha256 for path, sha256 in origin.training["sources"].items()},
            "left_out": origin.run["left_out"],
        },
        "made_with": dict(origin.versions),
    }


def _replaced(origin: Origin, file: str) -> dict[str, str]:
    """Where the record beside the checkpoint has a null for a number that was not finite."""
    written = _of_run(origin, "provenance").get("replaced", {}).get(file, {})
    return {place: was for place, was in written.items() if not place.startswith("/history/")}


def _normalizers(origin: Origin) -> dict[str, Normalizer]:
    """Those of the run, and those of the data where the run has none of the name."""
    ours, theirs = dict(_of_data(origin.dataset["facts"].get("scaler"))), origin.run["normalizers"]
    found = {name: Normalizer(np.array(one["mean"]), np.array(one["std"])) for name, one in theirs.items()}
    for name in sorted(found.keys() & ours.keys()):
        if not _close(found[name], ours[name]):
            text = f"normaliser {name} of the run is not that of data {origin.data}, which scale otherwise"
            warnings.warn(text, ResultWarning, stacklevel=4)
    return dict(sorted({**ours, **found}.items()))


def _of_data(scaler: Any) -> Iterator[tuple[str, Normalizer]]:
    """Of a table, where it is scaled at all."""
    for side, name in SCALED.items():
        moments = scaler.get(side) if isinstance(scaler, dict) else None
        if isinstance(moments, dict) and moments.keys() == {"mean", "std"}:
            one = Normalizer(np.array(moments["mean"]), np.array(moments["std"]))
            if one.mean.any() or (one.std != 1).any():
                yield name, one


def _close(one: Normalizer, other: Normalizer) -> bool:
    pairs = ((one.mean, other.mean), (one.std, other.std))
    return all(a.shape == b.shape and np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in pairs)
