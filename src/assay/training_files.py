"""The files that training leaves around a checkpoint, known by their names. Standard library only."""

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

METRICS, HPARAMS = "metrics.csv", "hparams.yaml"  # Lightning's
TRAINER = "trainer_state.json"  # that of transformers' Trainer
CONFIG, OVERRIDES = ".hydra/config.yaml", ".hydra/overrides.yaml"  # Hydra's
INFO = "info.json"  # of a record, as `assay.record` writes it
MLFLOW = "meta.yaml"  # of a run in MLflow's file store, beside folders of params and metrics, a file each
TRACKED = ("params/", "metrics/")
MOST_TRACKED = 500  # of these files
WANDB_RUN = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-(\w+)")  # with its id
WANDB_CONFIG, WANDB_SUMMARY = "files/config.yaml", "files/wandb-summary.json"
OF_RECORD = (INFO, "configs.json", "results.json", "provenance.json", "normalizers.npz")

LEVELS = 4  # the folder of a checkpoint, and those above it in which its run may be
_VERSIONED = (f"version_*/{METRICS}", f"*/version_*/{METRICS}")  # below a run of Hydra with Lightning


def training_files(checkpoint: Path) -> dict[str, Path]:
    """What is known of the training by name: the files of the nearest folder that has any, and above it those of
    Hydra and of the run of MLflow or W&B.

    A run folder may hold several checkpoints: its files are then of all of them.
    """
    folders = list(_folders(checkpoint))
    own = next((found for folder in folders if (found := _known(folder))), {})
    above = (_there(folder, (CONFIG, OVERRIDES)) for folder in folders)
    hydra = next((found for found in above if CONFIG in found), {})
    tracked = next((found for folder in folders if (found := _tracked(folder))), {})
    found = {**own, **hydra, **tracked}
    if METRICS not in found and CONFIG in found and (metrics := _versioned(found[CONFIG].parents[1])):
        found[METRICS] = metrics
    return found


def training_watched(checkpoint: Path) -> list[Path]:
    """What to look at to see that any of it changed: the folders in which a nearer file may appear, and the files."""
    folders = [folder for folder in _folders(checkpoint) if folder.is_dir()]
    nearest = next((place for place, folder in enumerate(folders) if _known(folder)), len(folders))
    files = training_files(checkpoint)
    parts = {path.parent for name, path in files.items() if name.startswith(TRACKED)}
    return [*folders[: nearest + 1], *sorted(parts - set(folders)), *files.values()]


def _folders(checkpoint: Path) -> Iterator[Path]:
    """The folder of a checkpoint and those above it; not the working folder, nor what is above that."""
    first = checkpoint if checkpoint.is_dir() else checkpoint.parent
    yield first
    yield from [folder for folder in first.parents if folder.name not in ("", "..")][: LEVELS - 1]


def _known(folder: Path) -> dict[str, Path]:
    found = {**_there(folder, (METRICS, HPARAMS, TRAINER, CONFIG, *OF_RECORD)), **_tracked(folder)}
    if INFO in found and "results.json" in found:
        return found
    return {name: path for name, path in found.items() if name not in OF_RECORD}


def _tracked(folder: Path) -> dict[str, Path]:
    """The files of a run of MLflow or W&B; none where the folder is no such run."""
    if WANDB_RUN.fullmatch(folder.name):
        return _there(folder, (WANDB_CONFIG, WANDB_SUMMARY))
    meta = _there(folder, (MLFLOW,))
    if not meta or not any((folder / part).is_dir() for part in TRACKED):
        return {}
    names = (str(path.relative_to(folder)) for part in TRACKED for path in _below(folder / part))
    return {**meta, **_there(folder, tuple(islice(names, MOST_TRACKED)))}


def _below(folder: Path) -> Iterator[Path]:
    """All files below a folder in the order of their names; links to folders are not followed."""
    for place, folders, names in os.walk(folder):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(place, name)).is_file())


def _there(folder: Path, names: tuple[str, ...]) -> dict[str, Path]:
    return {name: folder / name for name in names if (folder / name).is_file()}


def _versioned(run: Path) -> Path | None:
    """The metrics of the last version."""
    found = [path for pattern in _VERSIONED for path in run.glob(pattern) if path.is_file()]
    return max(found, key=_version, default=None)


def _version(metrics: Path) -> tuple[int, str]:
    number = re.fullmatch(r"version_(\d{1,12})", metrics.parent.name)
    return int(number[1]) if number else -1, str(metrics)
