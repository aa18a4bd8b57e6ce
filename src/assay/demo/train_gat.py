"""Trains a GAT of the demo, alone or as the student of another."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional

from assay.data.collated import Collated
from assay.demo.identities import rare_identities, share_unknown, with_unknown
from assay.demo.training import PEAK_LEARNING_RATE, WEIGHT_DECAY, Trained, checkpoint, fit, seeded
from assay.families.gat import CLASS_PATHS, settings
from assay.families.gat.network import GatNetwork

TEMPERATURE = 2.0  # softens both sides of the distillation
DISTILLED = 0.5  # share of the loss

Logits = Float[Tensor, "graphs 2"]


def trained(
    graphs: Collated, hyper_parameters: Mapping[str, Any], *, epochs: int, taught: Logits | None = None
) -> Trained:
    """A GAT fitted to the graphs; the same seed gives the same bits on one thread of the same machine.

    Rare identities share one vector with the unknown one. The global random state is left as found.

    Args:
        graphs: the training split.
        hyper_parameters: as `gat_hyper_parameters` gives them.
        epochs: passes over the graphs.
        taught: a teacher's logits for the graphs, to distil from.
    """
    header = {"class_path": CLASS_PATHS[0], "hyper_parameters": dict(hyper_parameters)}
    rare = rare_identities(graphs, hyper_parameters["num_ids"])
    graphs = with_unknown(graphs, rare)
    with seeded(hyper_parameters["seed"]):
        network = GatNetwork(settings(header)).train()
        losses = fit(network, partial(_loss, network, graphs, taught), n=len(graphs), epochs=epochs)
    share_unknown(network, rare)
    return Trained(checkpoint(network, header, n=len(graphs), epochs=epochs), losses)


def gat_hyper_parameters(
    facts: Mapping[str, Any], *, conv_type: str, layers: int, hidden: int, heads: int, seed: int
) -> dict:
    """The published constructor arguments of a small GAT for the data that `facts` describe."""
    return {
        "conv_type": conv_type,
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


def distillation_loss(logits: Logits, labels: Int64[Tensor, " graphs"], taught: Logits) -> Float[Tensor, ""]:
    """Half cross entropy with the labels, half divergence from the teacher's softened probabilities (nats).

    Source: Hinton et al. 2015 (arXiv:1503.02531), whose factor T^2 keeps the two gradients in scale.
    """
    told = functional.cross_entropy(logits, labels)
    soft = functional.log_softmax(logits / TEMPERATURE, dim=1)
    target = functional.log_softmax(taught / TEMPERATURE, dim=1)
    shown = functional.kl_div(soft, target, reduction="batchmean", log_target=True) * TEMPERATURE**2
    return (1 - DISTILLED) * told + DISTILLED * shown


def _loss(
    network: GatNetwork, graphs: Collated, taught: Logits | None, index: Int64[Tensor, " batch"]
) -> Float[Tensor, ""]:
    batch = graphs.select(index.numpy()).batch()
    logits = network(batch)
    if taught is None:
        return functional.cross_entropy(logits, batch.y)
    return distillation_loss(logits, batch.y, taught[index])
