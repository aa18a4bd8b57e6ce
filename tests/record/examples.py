"""The record of the published package, and the dataclasses of its configs, for tests."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).parents[1] / "reference" / "reionemu"
PUBLISHED = REFERENCE / "baseline_four_param"
CONDENSED = REFERENCE / "condensed.h5"
JSON_FILES = ("info.json", "configs.json", "results.json")


@dataclass
class DataLoaderConfig:
    batch_size: int = 32
    normalize_X: bool = True  # noqa: N815, the published name
    normalize_Y: bool = False  # noqa: N815
    seed: int = 42
    shuffle_train: bool = True


@dataclass
class FitConfig:
    device: str = "cpu"
    early_stopping_patience: int | None = None
    epochs: int = 3
    gradient_clipping: float | None = None
    seed: int | None = None


@dataclass
class KFoldConfig:
    k: int = 5
    return_histories: bool = False
    seed: int = 42


@dataclass
class BuildXYConfig:
    cl_group: str = "cl"
    eps: float = 1e-30
    param_names: tuple[str, ...] = ("zmean_zre", "alpha_zre", "kb_zre", "b0_zre")
    params_group: str = "params"
    sims_group: str = "sims"
    y_source: str = "dl_ksz"
    y_transform: str = "ln"


REFERENCE_CONFIGS = {
    "build_config": BuildXYConfig(),
    "dataloader_config": DataLoaderConfig(),
    "fit_config": FitConfig(),
    "kfold_config": KFoldConfig(),
    "model_config": {"output_dim": 5, "input_dim": 4, "class_name": "FourParamEmulator"},
    "optimizer_config": {"name": "AdamW", "lr": 1e-3},
}


def bytes_of(path: Path) -> Any:
    """The bytes of a file; of an npz its members in order, since the zip's own headers differ between Pythons."""
    if path.suffix != ".npz":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return [
            (member.filename, member.compress_type, archive.read(member)) for member in archive.infolist()
        ]


def strictly(path: Path) -> Any:
    """The JSON of a file, read by a parser that takes no NaN."""

    def refuse(text: str) -> None:
        raise AssertionError(f"{path} holds {text}")

    return json.loads(path.read_text(encoding="ascii"), parse_constant=refuse)


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}
