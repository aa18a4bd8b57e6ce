"""Small graphs for trainings, and checkpoints read back as a job reads them."""

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from assay.data.collated import Collated, pointer
from assay.data.draws import SplitData
from assay.demo.training import checkpoint_bytes
from assay.files import publish_bytes, publish_json
from assay.intake.checkpoint import read
from assay.store.formats import save_arrays

FACTS = {"num_ids": 6, "n_features": 5, "n_edge_features": 3, "attack_names": {}}


def graphs(n: int = 96, *, seed: int = 0) -> Collated:
    """Rings of six nodes, whose second feature is their place; where the label is 1 the first is two higher."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, 2, n)
    x = draw.normal(size=(n, 6, 5)).astype(np.float32)
    x[:, :, 0] += 2 * y[:, None]
    x[:, :, 1] += np.arange(6)
    ring = np.stack([np.arange(6), (np.arange(6) + 1) % 6])
    return Collated(
        x=x.reshape(-1, 5),
        edge_index=np.tile(ring, n),
        edge_attr=draw.normal(size=(6 * n, 3)).astype(np.float32),
        node_id=np.tile(np.arange(6), n),
        y=y,
        node_ptr=pointer(np.full(n, 6)),
        edge_ptr=pointer(np.full(n, 6)),
    )


def with_other_attacks(split: Collated) -> Collated:
    """The same benign graphs; the features of all others are zero."""
    attacked = np.repeat(split.y > 0, np.diff(split.node_ptr))
    changed = split.select(np.arange(len(split)))
    changed.x[attacked] = 0
    return changed


def loaded(family: Any, checkpoint: Any, folder: Path) -> Any:
    """The subject, by way of the file and the border."""
    publish_bytes(folder / "a.ckpt", checkpoint_bytes(checkpoint))
    found = read(folder / "a.ckpt")
    return family.load(found.tensors, found.hparams)


def samples(split: Collated) -> Any:
    data = SplitData("rings", lambda name: split, ("train",), {})
    return data.draw("train", max_samples=None, seed=0)


def parameter(checkpoint: Any, name: str) -> Tensor:
    return checkpoint["state_dict"][name]


def prepared(folder: Path) -> Path:
    """A prepared data set of rings."""
    splits = {"train": graphs(64), "val": graphs(32, seed=1)}
    about = {
        name: save_arrays(part.arrays(), folder / f"{name}.safetensors") for name, part in splits.items()
    }
    publish_json(folder / "data.json", {"splits": about, "facts": FACTS})
    return folder
