"""Small VGAE and DGI checkpoints for tests, and batches with every oddity that a graph can have."""

from typing import Any

import numpy as np
import torch
from artifacts.tiny import TinySamples
from families.checkpoints import random_tensor
from families.graphs import REFERENCE, one_node, random_graph, without_edges
from torch import Tensor

from assay.families import dgi, vgae
from assay.families.dgi.network import DgiNetwork
from assay.families.vgae.network import VgaeNetwork
from assay.protocols import GraphBatch

TINY = {
    "conv_type": "gatv2",
    "num_ids": 7,
    "embedding_dim": 2,
    "in_channels": 5,
    "edge_dim": 3,
    "hidden_dims": [6, 4],
    "latent_dim": 3,
    "heads": 2,
}
NETWORKS = {"vgae": (vgae, VgaeNetwork), "dgi": (dgi, DgiNetwork)}


def hparams(family: str, **changes: Any) -> dict[str, Any]:
    module, _ = NETWORKS[family]
    return {"class_path": module.CLASS_PATHS[0], "hyper_parameters": {**TINY, **changes}}


def random_state(chosen: dict[str, Any], *, seed: int, fitted: bool = True) -> dict[str, Tensor]:
    """Every parameter and buffer normal, but deviations positive, so that each of them is seen in the output."""
    draw = torch.Generator().manual_seed(seed)
    module, network = next(
        pair for pair in NETWORKS.values() if pair[0].CLASS_PATHS[0] == chosen["class_path"]
    )
    state = {
        name: random_tensor(name, tensor, draw)
        for name, tensor in network(module.settings(chosen)).state_dict().items()
    }
    deviations = {name: tensor.square() + 0.5 for name, tensor in state.items() if name.endswith("_std")}
    flag = {"score_norm_fitted": torch.tensor(fitted)} if module is vgae else {}
    return {**state, **deviations, **flag}


def random_subject(
    family: str, *, seed: int, fitted: bool = True, threshold: float | None = None, **changes: Any
):
    chosen = hparams(family, **changes)
    if threshold is not None:
        chosen["test_threshold"] = threshold
    return NETWORKS[family][0].load(random_state(chosen, seed=seed, fitted=fitted), chosen)


def reference_vgae() -> tuple[dict[str, Tensor], dict[str, Any]]:
    checkpoint = torch.load(REFERENCE / "vgae.ckpt", weights_only=True)
    return checkpoint.pop("state_dict"), checkpoint


def odd_graphs(n: int, *, seed: int = 0) -> list[GraphBatch]:
    """Loops, parallel edges and isolated nodes in all; every third has no edge, or one node only."""
    kinds = [lambda graph: graph, without_edges, one_node]
    return [kinds[i % 3](random_graph(1000 * seed + i)) for i in range(n)]


def samples(graphs: list[GraphBatch]) -> TinySamples:
    return TinySamples("val", np.arange(len(graphs)), graphs)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
