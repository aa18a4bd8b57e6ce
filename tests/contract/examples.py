"""One tiny checkpoint a family, and data for each kind of batch: what a new row of the table must add."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from cli.bench import save_checkpoint, save_graphs
from families import autoencoders
from families.fusion import examples as fusion
from families.gsnn import examples as gsnn
from families.mlp import examples as mlp
from families.vision import examples as vision

from assay import catalog
from assay.intake import checkpoint as border


def save_autoencoder(family: str, path: Path, *, seed: int = 0) -> None:
    """A calibrated checkpoint with a threshold."""
    chosen = autoencoders.hparams(family, num_ids=9)
    content = {**chosen, "state_dict": autoencoders.random_state(chosen, seed=seed), "test_threshold": 1.0}
    torch.save(content, path)


def save_fusion(path: Path, *, seed: int = 0) -> None:
    """A DQN."""
    chosen = fusion.hparams("dqn")
    torch.save({**chosen, "state_dict": fusion.random_state("dqn", seed=seed)}, path)


def save_gsnn(path: Path, *, seed: int = 0) -> None:
    """A network of 4 inputs, 5 functions and 3 outputs."""
    torch.save(gsnn.random_file(seed), path)


def save_tables(path: Path, *, seed: int = 0, n: int = 30) -> None:
    """Samples of that network, two a unit, with an edge that was held out."""
    table = gsnn.random_table(seed, n)
    names = gsnn.random_file(seed)["node_names_dict"]
    held_out = np.array([[names["function"][3], names["function"][1]]])
    unit, named = np.arange(n) // 2, {"x_names": names["input"], "y_names": names["output"]}
    np.savez(path, x=table.x, y=table.y, unit=unit, held_out=held_out, **named)


def save_mlp(path: Path, *, seed: int = 0) -> None:
    """An emulator of 4 inputs and 3 outputs."""
    state = mlp.random_state((4, 6, 5, 3), seed=seed)
    torch.save({"state_dict": state, "hyper_parameters": {"activation": "silu"}}, path)


def save_vit(path: Path, *, seed: int = 0) -> None:
    """A vision transformer of 2 x 2 patches of grey images."""
    state = vision.vit_state(seed=seed, channels=1, patch=(8, 8), positions=5, classes=3)
    torch.save({"state_dict": state, "hyper_parameters": {"num_heads": 2, **vision.AS_THEY_ARE}}, path)


def save_cnn(path: Path, *, seed: int = 0) -> None:
    """Two convolutions of grey images."""
    state = vision.plain_state(seed=seed, channels=1, classes=3)
    torch.save({"state_dict": state, "hyper_parameters": {"stride": 2, **vision.AS_THEY_ARE}}, path)


def save_images(path: Path, *, seed: int = 0, n: int = 12) -> None:
    """Grey images of three classes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 16, 16), dtype=np.uint8)
    np.savez(path, images=pixels, labels=np.arange(n) % 3)


CHECKPOINTS: dict[str, Callable[..., None]] = {  # family -> save(path, seed=...)
    "gat": save_checkpoint,
    "vgae": partial(save_autoencoder, "vgae"),
    "dgi": partial(save_autoencoder, "dgi"),
    "fusion": save_fusion,
    "gsnn": save_gsnn,
    "mlp": save_mlp,
    "vit": save_vit,
    "cnn": save_cnn,
}
DATA: dict[str, Callable[..., None]] = {
    "graphs": save_graphs,
    "images": save_images,
    "tables": save_tables,
}  # batches -> save(path, seed=...)
SOURCES = {"graphs": "graphs", "images": "images", "tables": "network"}  # that read what DATA saves
EXPERTS = {"v": "vgae", "g": "gat"}  # that make states of graphs


def subject(family: str, folder: Path, *, seed: int = 0) -> Any:
    """A loaded checkpoint of the family."""
    CHECKPOINTS[family](folder / "a.ckpt", seed=seed)
    found = border.read(folder / "a.ckpt")
    return import_module(catalog.families()[family].module).load(found.tensors, found.hparams)
