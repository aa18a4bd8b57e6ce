"""What is known of a checkpoint, made by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.artifacts.record import ExperimentRecord, compute
from assay.protocols import Origin


def curve(values: Sequence[float | str], epochs: Sequence[float | None] | None = None) -> dict[str, Any]:
    """A curve of run.json, a value an epoch."""
    n = len(values)
    return {"value": list(values), "epoch": list(epochs or range(n)), "step": [None] * n, "n": n}


def origin(
    *,
    curves: Mapping[str, Any] | None = None,
    hparams: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
    name: str = "one",
    **run: Any,
) -> Origin:
    """A checkpoint of which no more is known than what is given."""
    empty = {"config": {}, "curves": dict(curves or {}), "record": {}, "normalizers": {}, "left_out": {}}
    return Origin(
        checkpoint=name,
        family="gat",
        data="can",
        intake={"sha256": "ab", "bytes": 7, "beside": {}, "holds": {"n_parameters": 625}},
        hparams={"class_path": None, "hyper_parameters": {}, **(hparams or {})},
        training={"sources": {"runs/a/metrics.csv": "cd"}},
        run={**empty, **run},
        dataset={
            "source": "table",
            "options": {},
            "sources": {"a.h5": "ef"},
            "n_sources": 1,
            "sha256": "01",
            "splits": {"train": {"n_samples": 3}},
            "facts": dict(facts or {}),
        },
        versions={"python": "3"},
    )


def record(**given: Any) -> ExperimentRecord:
    """The record of such a checkpoint."""
    return compute(origin(**given))
