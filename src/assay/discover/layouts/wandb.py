"""W&B: `wandb/run-<time>-<id>/files` with config.yaml and wandb-summary.json."""

import re
from typing import Any

from assay.discover.documents import flat, json_map, number, yaml_map
from assay.discover.runs import Point, Run, first_text
from assay.discover.walking import Folder, Tree
from assay.errors import Refused
from assay.training_files import WANDB_RUN

CONFIG = "config.yaml"
SUMMARY = "wandb-summary.json"
RUN = WANDB_RUN
_NAMES = ("run_name", "name", "experiment", "model_name", "model.name", "model", "arch", "architecture")


def claims(folder: Folder, tree: Tree) -> bool:
    """Whether the folder is a run."""
    return bool(RUN.fullmatch(folder.path.name)) and "files" in folder.folders


def read(folder: Folder, tree: Tree) -> Run:
    """The run; its summary gives the last value of each metric."""
    run = Run("wandb", folder.path)
    files = tree.folders.get(folder.path / "files")
    names = files.files if files else frozenset()
    if CONFIG in names:
        try:
            run.config = flat(settings(yaml_map(folder.path / "files" / CONFIG)))
        except Refused as refusal:
            run.left_out(folder.path / "files" / CONFIG, refusal)
    if SUMMARY in names:
        try:
            run.history = _history(json_map(folder.path / "files" / SUMMARY))
        except Refused as refusal:
            run.left_out(folder.path / "files" / SUMMARY, refusal)
    match = RUN.fullmatch(folder.path.name)
    own_id = match[1] if match else folder.path.name
    run.name = "_".join(filter(None, (first_text(run.config, _NAMES), own_id)))
    return run


def settings(config: dict[str, Any]) -> dict[str, Any]:
    """The config without W&B's own keys; a value stands below `value`, beside its description."""
    own = {
        key: value for key, value in config.items() if not str(key).startswith(("_wandb", "wandb_version"))
    }
    return {
        key: value["value"] if isinstance(value, dict) and "value" in value else value
        for key, value in own.items()
    }


def run_id(folder: str) -> str:
    """The id of the run whose checkpoints a folder of this name holds: `<id>` or `model-<id>:v3`."""
    return re.sub(r"^model-(\w+):v\d+$", r"\1", folder)


def _history(summary: dict[str, Any]) -> dict[str, list[Point]]:
    counts = [number(summary.get(key)) for key in ("epoch", "trainer/global_step")]
    epoch, step = (-1 if count is None else int(count) for count in counts)
    plain = {
        name: value
        for name, value in summary.items()
        if not name.startswith("_") and not isinstance(value, bool)
    }
    return {
        name: [Point(value, epoch, step)]
        for name, text in plain.items()
        if isinstance(text, int | float) and (value := number(text)) is not None
    }
