"""Trains the demo's graph networks, and writes them as Lightning writes the published ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from assay.data.collated import Collated
from assay.families.gat import CLASS_PATHS, settings
from assay.families.gat_network import GatNetwork

BATCH_GRAPHS = 32
LEARNING_RATE = 5e-3
WEIGHT_DECAY = 1e-4
TEMPERATURE = 2.0  # softens both sides of the distillation
DISTILLED = 0.5  # share of the loss


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained network: its checkpoint's content, and the mean loss of every epoch (nats)."""

    checkpoint: Mapping[str, Any]  # as torch.save takes it
    losses: list[float]


def trained(
    graphs: Collated,
    hyper_parameters: Mapping[str, Any],
    *,
    epochs: int,
    taught: Float[Tensor, "graphs 2"] | None = None,
) -> Trained:
    """A GAT fitted to the graphs; the same seed gives the same bits on the same machine.

    Args:
        graphs: the training split.
        hyper_parameters: as `gat_hyper_parameters` gives them.
        epochs: passes over the graphs.
        taught: a teacher's logits for the graphs, to distil from.

    The global random state is left as found.
    """
    header = {"class_path": CLASS_PATHS[0], "hyper_parameters": dict(hyper_parameters)}
    generator = torch.Generator().manual_seed(hyper_parameters["seed"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(hyper_parameters["seed"])
        network = GatNetwork(settings(header)).train()
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
        losses = [_epoch(network, optimizer, graphs, taught, generator) for _ in range(epochs)]
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
        "lr": LEARNING_RATE,
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


def distillation_loss(
    logits: Float[Tensor, "graphs 2"], labels: Int64[Tensor, " graphs"], taught: Float[Tensor, "graphs 2"]
) -> Float[Tensor, ""]:
    """Half cross entropy with the labels, half divergence from the teacher's softened probabilities (nats).

    Source: Hinton et al. 2015 (arXiv:1503.02531), whose factor T^2 keeps the two gradients in scale.
    """
    told = functional.cross_entropy(logits, labels)
    soft = functional.log_softmax(logits / TEMPERATURE, dim=1)
    target = functional.log_softmax(taught / TEMPERATURE, dim=1)
    shown = functional.kl_div(soft, target, reduction="batchmean", log_target=True) * TEMPERATURE**2
    return (1 - DISTILLED) * told + DISTILLED * shown


def _epoch(
    network: GatNetwork,
    optimizer: torch.optim.Optimizer,
    graphs: Collated,
    taught: Float[Tensor, "graphs 2"] | None,
    generator: torch.Generator,
) -> float:
    total = 0.0
    for index in torch.randperm(len(graphs), generator=generator).split(BATCH_GRAPHS):
        batch = graphs.select(index.numpy()).batch()
        logits = network(batch)
        if taught is None:
            loss = functional.cross_entropy(logits, batch.y)
        else:
            loss = distillation_loss(logits, batch.y, taught[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * batch.n_graphs
    return total / len(graphs)
