"""A folder as transformers saves a model: which of its files are the checkpoint. Standard library only."""

import json
from pathlib import Path

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that is there is read
INDEX = ".index.json"  # behind the name of weights that are cut into shards


def folder_files(folder: Path) -> list[Path]:
    """The files that are read of a folder: config, preprocessor where there is one, and weights.

    One that is missing is listed all the same, so that whoever reads it says so.
    """
    preprocessor = [folder / PREPROCESSOR] if (folder / PREPROCESSOR).exists() else []
    return [folder / CONFIG, *preprocessor, *weight_files(folder)]


def weight_files(folder: Path) -> list[Path]:
    """One file of weights, or the index of the shards and the shards in their order."""
    for name in WEIGHTS:
        if (folder / name).exists():
            return [folder / name]
        if (folder / f"{name}{INDEX}").exists():
            return [
                folder / f"{name}{INDEX}",
                *(folder / shard for shard in _shards(folder / f"{name}{INDEX}")),
            ]
    return [folder / WEIGHTS[0]]


def _shards(index: Path) -> list[str]:
    """The shards that an index names; none of an index that is damaged or names a path."""
    try:
        names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
        return names if all(Path(name).name == name for name in names) else []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
