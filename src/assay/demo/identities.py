"""Rare identities: they share one vector with the unknown one.

A fuzzer's identities, each met once or twice, would else be learnt by heart, and "unknown", which no training graph
has, not at all.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool
from torch import nn

from assay.data.can_vocabulary import UNKNOWN
from assay.data.collated import Collated

RARE = 5  # an identity in fewer training graphs is taken as unknown


def rare_identities(graphs: Collated, num_ids: int) -> Bool[np.ndarray, " ids"]:
    """Which identities so few of the graphs have; each has one once."""
    return np.bincount(graphs.node_id, minlength=num_ids) < RARE


def with_unknown(graphs: Collated, rare: Bool[np.ndarray, " ids"]) -> Collated:
    """The graphs with the unknown identity for all rare ones."""
    return replace(graphs, node_id=np.where(rare[graphs.node_id], UNKNOWN, graphs.node_id))


def share_unknown(network: nn.Module, rare: Bool[np.ndarray, " ids"]) -> None:
    """Gives the rare identities the vector that the unknown one has learnt."""
    vectors = network.get_parameter("input_encoder.id_encoder.embedding.weight").data
    vectors[torch.from_numpy(np.flatnonzero(rare))] = vectors[UNKNOWN].clone()
