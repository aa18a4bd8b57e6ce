"""One tiny checkpoint a family, and data for each kind of batch: what a new row of the table must add."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from cli.bench import save_checkpoint, save_graphs
from families import autoencoders
from families.fusion import examples as fusion

from assay import catalog


def save_autoencoder(family: str, path: Path, *, seed: int = 0) -> None:
    """A calibrated checkpoint with a threshold."""
    chosen = autoencoders.hparams(family, num_ids=9)
    content = {**chosen, "state_dict": autoencoders.random_state(chosen, seed=seed), "test_threshold": 1.0}
    torch.save(content, path)


def save_fusion(path: Path, *, seed: int = 0) -> None:
    """A DQN."""
    chosen = fusion.hparams("dqn")
    torch.save({**chosen, "state_dict": fusion.random_state("dqn", seed=seed)}, path)


CHECKPOINTS: dict[str, Callable[..., None]] = {  # family -> save(path, seed=...)
    "gat": save_checkpoint,
    "vgae": partial(save_autoencoder, "vgae"),
    "dgi": partial(save_autoencoder, "dgi"),
    "fusion": save_fusion,
}
DATA: dict[str, Callable[..., None]] = {"graphs": save_graphs}  # batches -> save(path, seed=...)
EXPERTS = {"v": "vgae", "g": "gat"}  # that make states of graphs


def subject(family: str, folder: Path, *, seed: int = 0) -> Any:
    """A loaded checkpoint of the family."""
    CHECKPOINTS[family](folder / "a.ckpt", seed=seed)
    content = torch.load(folder / "a.ckpt", weights_only=True)
    tensors = content.pop("state_dict")
    return import_module(catalog.families()[family].module).load(tensors, content)
