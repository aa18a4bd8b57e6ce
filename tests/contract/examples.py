"""One tiny checkpoint a family, and data for each kind of batch: what a new row of the table must add."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from cli.bench import save_checkpoint, save_graphs

from assay import catalog

CHECKPOINTS: dict[str, Callable[..., None]] = {"gat": save_checkpoint}  # family -> save(path, seed=...)
DATA: dict[str, Callable[..., None]] = {"graphs": save_graphs}  # batches -> save(path, seed=...)


def subject(family: str, folder: Path, *, seed: int = 0) -> Any:
    """A loaded checkpoint of the family."""
    CHECKPOINTS[family](folder / "a.ckpt", seed=seed)
    content = torch.load(folder / "a.ckpt", weights_only=True)
    tensors = content.pop("state_dict")
    return import_module(catalog.families()[family].module).load(tensors, content)
