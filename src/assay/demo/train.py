"""Trains the demo's graph networks, and writes them as Lightning writes the published ones."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional

from assay.data.can_vocabulary import UNKNOWN
from assay.data.collated import Collated
from assay.families.gat import CLASS_PATHS, settings
from assay.families.gat_network import GatNetwork
from assay.protocols import GraphBatch

BATCH_GRAPHS = 16
PEAK_LEARNING_RATE = 1e-2
WEIGHT_DECAY = 1e-4
RARE = 5  # an identity in fewer training graphs is taken as unknown
TEMPERATURE = 2.0  # softens both sides of the distillation
DISTILLED = 0.5  # share of the loss

Logits = Float[Tensor, "graphs 2"]


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network: its checkpoint's content, and the mean loss of every epoch (nats)."""

    checkpoint: Mapping[str, Any]  # as torch.save takes it
    losses: list[float]


def trained(
    graphs: Collated, hyper_parameters: Mapping[str, Any], *, epochs: int, taught: Logits | None = None
) -> Trained:
    """A GAT fitted to the graphs; the same seed gives the same bits on one thread of the same machine.

    The learning rate rises and falls once (Smith and Topin 2018, arXiv:1708.07120). Rare identities share one
    vector with the unknown one: a fuzzer's ids, each met once or twice, would else be learnt by heart, and
    "unknown", which no training graph has, not at all. The global random state is left as found.

    Args:
        graphs: the training split.
        hyper_parameters: as `gat_hyper_parameters` gives them.
        epochs: passes over the graphs.
        taught: a teacher's logits for the graphs, to distil from.
    """
    header = {"class_path": CLASS_PATHS[0], "hyper_parameters": dict(hyper_parameters)}
    rare = _rare(graphs, hyper_parameters["num_ids"])
    graphs = replace(graphs, node_id=np.where(rare[graphs.node_id], UNKNOWN, graphs.node_id))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(hyper_parameters["seed"])
        network = GatNetwork(settings(header)).train()
        losses = _fit(network, graphs, epochs, taught)
    vectors = network.input_encoder.id_encoder.embedding.weight.data
    vectors[torch.from_numpy(rare)] = vectors[UNKNOWN].clone()
    steps = epochs * -(-len(graphs) // BATCH_GRAPHS)
    checkpoint = {"epoch": epochs, "global_step": steps, "state_dict": network.state_dict(), **header}
    return Trained(checkpoint, losses)


def gat_hyper_parameters(
    facts: Mapping[str, Any], *, layers: int, hidden: int, heads: int, seed: int
) -> dict:
    """The published constructor arguments of a small GAT for the data that `facts` describe."""
    return {
        "conv_type": "gat",
        "layers": layers,
        "hidden": hidden,
        "heads": heads,
        "embedding_dim": 8,
        "dropout": 0.1,
        "fc_layers": 2,
        "num_ids": facts["num_ids"],
        "in_channels": facts["n_features"],
        "edge_dim": facts["n_edge_features"],
        "num_classes": 2,
        "lr": PEAK_LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
        "scale": "demo",
        "model_type": "gat",
        "dataset": "can_demo",
        "seed": seed,
        "loss_fn": None,
    }


def checkpoint_bytes(checkpoint: Mapping[str, Any]) -> bytes:
    """The file that torch.save writes; through memory, as it writes a file's own name into it."""
    buffer = BytesIO()
    torch.save(dict(checkpoint), buffer)
    return buffer.getvalue()


def distillation_loss(logits: Logits, labels: Int64[Tensor, " graphs"], taught: Logits) -> Float[Tensor, ""]:
    """Half cross entropy with the labels, half divergence from the teacher's softened probabilities (nats).

    Source: Hinton et al. 2015 (arXiv:1503.02531), whose factor T^2 keeps the two gradients in scale.
    """
    told = functional.cross_entropy(logits, labels)
    soft = functional.log_softmax(logits / TEMPERATURE, dim=1)
    target = functional.log_softmax(taught / TEMPERATURE, dim=1)
    shown = functional.kl_div(soft, target, reduction="batchmean", log_target=True) * TEMPERATURE**2
    return (1 - DISTILLED) * told + DISTILLED * shown


def _rare(graphs: Collated, num_ids: int) -> Bool[np.ndarray, " ids"]:
    return np.bincount(graphs.node_id, minlength=num_ids) < RARE  # a graph has an identity once


def _fit(network: GatNetwork, graphs: Collated, epochs: int, taught: Logits | None) -> list[float]:
    """The mean loss of every epoch."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    n_batches = -(-len(graphs) // BATCH_GRAPHS)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_LEARNING_RATE, total_steps=epochs * n_batches
    )
    losses = []
    for _ in range(epochs):
        total = 0.0
        for index, batch in _batches(graphs):
            loss = _loss(network(batch), batch.y, None if taught is None else taught[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * batch.n_graphs
        losses.append(total / len(graphs))
    return losses


def _batches(graphs: Collated) -> Iterator[tuple[Int64[Tensor, " batch"], GraphBatch]]:
    for index in torch.randperm(len(graphs)).split(BATCH_GRAPHS):
        yield index, graphs.select(index.numpy()).batch()


def _loss(logits: Logits, labels: Int64[Tensor, " graphs"], taught: Logits | None) -> Float[Tensor, ""]:
    if taught is None:
        return functional.cross_entropy(logits, labels)
    return distillation_loss(logits, labels, taught)
