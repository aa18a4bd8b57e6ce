"""Lightning: `version_*` with checkpoints, hparams.yaml and metrics.csv."""

import re

from assay.discover.documents import flat, number, table, yaml_map
from assay.discover.runs import Point, Run
from assay.discover.walking import Folder, Tree
from assay.errors import Refused

HPARAMS = "hparams.yaml"
METRICS = "metrics.csv"
_NO_EXPERIMENT = ("lightning_logs", "tensorboard", "csv", "logs", "csv_logs")


def claims(folder: Folder, tree: Tree) -> bool:
    """Whether the folder is a run."""
    return bool({HPARAMS, METRICS} & folder.files) or bool(re.fullmatch(r"version_\d+", folder.path.name))


def read(folder: Folder, tree: Tree) -> Run:
    """The run: `hparams.yaml` is its config, `metrics.csv` its history."""
    run = Run("lightning", folder.path, _name(folder))
    if HPARAMS in folder.files:
        try:
            run.config = flat(yaml_map(folder.path / HPARAMS))
        except Refused as refusal:
            run.left_out(folder.path / HPARAMS, refusal)
    if METRICS in folder.files:
        try:
            run.history = history(table(folder.path / METRICS))
        except Refused as refusal:
            run.left_out(folder.path / METRICS, refusal)
    return run


def history(rows: list[dict[str, str]]) -> dict[str, list[Point]]:
    """The metrics of `metrics.csv`, in which a row has empty cells for what was not logged."""
    found: dict[str, list[Point]] = {}
    for row in rows:
        epoch, step = (
            int(value) if (value := number(row.get(key))) is not None else -1 for key in ("epoch", "step")
        )
        for name, text in row.items():
            value = number(text) if name not in (None, "epoch", "step") else None
            if value is not None:
                found.setdefault(name, []).append(Point(value, epoch, step))
    return found


def _name(folder: Folder) -> str:
    """`<experiment>_v<version>`, where the experiment has a name of its own."""
    version = re.fullmatch(r"version_(\d+)", folder.path.name)
    if version is None:
        return folder.path.name
    experiment = folder.path.parent.name
    if experiment in _NO_EXPERIMENT:
        experiment = folder.path.parent.parent.name
    return f"{experiment}_v{version[1]}" if experiment else folder.path.name
