"""Hugging Face: a folder of `save_pretrained`, alone or as `checkpoint-<step>` of a Trainer."""

import re
from pathlib import Path

from assay.discover.documents import json_map
from assay.discover.runs import Run
from assay.discover.walking import Folder
from assay.errors import Refused
from assay.model_folder import CONFIG, INDEX, WEIGHTS

TRAINER = "trainer_state.json"
STEP = re.compile(r"checkpoint-(\d{1,12})")


def is_model(folder: Folder) -> bool:
    """Whether the folder is a checkpoint."""
    return CONFIG in folder.files and bool({*WEIGHTS, *(f"{name}{INDEX}" for name in WEIGHTS)} & folder.files)


def read(folder: Folder) -> Run:
    """The run of a model folder; the steps of a Trainer are one run, which may name its best."""
    stepped = STEP.fullmatch(folder.path.name)
    home = folder.path.parent if stepped else folder.path
    run = Run("hugging_face", home, home.name)
    if TRAINER in folder.files:
        try:
            best = json_map(folder.path / TRAINER).get("best_model_checkpoint")
            run.best = Path(best).name if isinstance(best, str) else ""
        except Refused as refusal:
            run.left_out(folder.path / TRAINER, refusal)
    return run
