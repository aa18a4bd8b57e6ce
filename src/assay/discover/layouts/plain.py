"""Checkpoints in the folder of no run: what a training script left beside them."""

from assay.discover.documents import flat, json_map, table, yaml_map
from assay.discover.layouts import lightning
from assay.discover.runs import Run
from assay.discover.walking import Folder
from assay.errors import Refused

CONFIGS = ("config", "args", "hparams", "params")
TABLES = ("log.csv", "history.csv", "progress.csv", "results.csv")


def read(folder: Folder, home: Folder) -> Run:
    """What lies in `folder`, beside the checkpoints, or in `home`, one above; the first config that there is counts."""
    run = Run("plain", folder.path)
    for place in dict.fromkeys((folder, home)):
        names = [f"{name}{ending}" for name in CONFIGS for ending in (".yaml", ".yml", ".json")]
        if not run.config and (name := next((name for name in names if name in place.files), "")):
            path = place.path / name
            try:
                run.config = flat(json_map(path) if name.endswith(".json") else yaml_map(path))
            except Refused as refusal:
                run.left_out(path, refusal)
        for name in sorted({*TABLES} & place.files):
            try:
                run.history |= lightning.history(table(place.path / name))
            except Refused as refusal:
                run.left_out(place.path / name, refusal)
    return run
