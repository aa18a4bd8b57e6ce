"""What the two anomaly detectors of the demo share: they learn benign graphs, and are measured against them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from assay.data.collated import Collated
from assay.demo.training import PEAK_LEARNING_RATE, WEIGHT_DECAY

LEAST = 100  # benign graphs that a score is measured against, as published
QUANTILE = 0.99  # of the benign scores: the threshold


@dataclass(frozen=True, slots=True)
class Calibration:
    """Benign graphs that a score is measured against, and the split that they are of."""

    graphs: Collated
    split: str


def calibration(*, train: Collated, val: Collated) -> Calibration:
    """The benign validation graphs, as published; the benign training graphs where those are fewer than LEAST."""
    unseen = benign(val)
    return Calibration(unseen, "val") if len(unseen) >= LEAST else Calibration(benign(train), "train")


def benign(graphs: Collated) -> Collated:
    """Those with label 0."""
    return graphs.select(np.flatnonzero(graphs.y == 0))


def high_threshold(scores: Float[Tensor, " graphs"]) -> float:
    """The score that one benign graph in a hundred exceeds."""
    return torch.quantile(scores.double(), QUANTILE).item()


def hyper_parameters(facts: Mapping[str, Any], *, latent: int, hidden: int, seed: int) -> dict[str, Any]:
    """The constructor arguments that both published classes have, for the data that `facts` describe."""
    return {
        "conv_type": "gatv2",
        "hidden_dims": [hidden],
        "latent_dim": latent,
        "heads": 4,
        "embedding_dim": 8,
        "dropout": 0.1,
        "batch_norm": True,
        "num_ids": facts["num_ids"],
        "in_channels": facts["n_features"],
        "edge_dim": facts["n_edge_features"],
        "num_classes": 2,
        "lr": PEAK_LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
        "scale": "demo",
        "dataset": "can_demo",
        "seed": seed,
    }
