"""Small GAT checkpoints for tests: the reference one and random ones."""

from typing import Any

import torch
from families.graphs import REFERENCE
from torch import Tensor

from assay.families import gat
from assay.families.gat.network import GatNetwork

TINY = {
    "conv_type": "gatv2",
    "num_ids": 7,
    "embedding_dim": 2,
    "in_channels": 5,
    "edge_dim": 3,
    "hidden": 3,
    "heads": 2,
    "layers": 3,
    "fc_layers": 2,
    "num_classes": 2,
}


def reference_student() -> tuple[dict[str, Tensor], dict[str, Any]]:
    checkpoint = torch.load(REFERENCE / "gat_student.ckpt", weights_only=True)
    return checkpoint.pop("state_dict"), checkpoint


def hparams(**changes: Any) -> dict[str, Any]:
    return {"class_path": gat.CLASS_PATHS[0], "hyper_parameters": {**TINY, **changes}}


def random_state(hparams: dict[str, Any], *, seed: int) -> dict[str, Tensor]:
    """Every parameter normal, biases too, so that each of them is seen in the output."""
    draw = torch.Generator().manual_seed(seed)
    state = GatNetwork(gat.settings(hparams)).state_dict()
    return {name: random_tensor(name, tensor, draw) for name, tensor in state.items()}


def random_tensor(name: str, like: Tensor, draw: torch.Generator) -> Tensor:
    """Normal; a variance is positive, and counts and hashes stay as they are."""
    if not like.is_floating_point():
        return like
    normal = 0.5 * torch.randn(like.shape, generator=draw)
    return normal.square() + 1 if name.endswith("running_var") else normal


def random_gat(*, seed: int, **changes: Any) -> gat.GatSubject:
    chosen = hparams(**changes)
    return gat.load(random_state(chosen, seed=seed), chosen)
