"""Trains a VGAE of the demo on benign graphs, and calibrates its score."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.data.collated import Collated
from assay.demo import autoencoders
from assay.demo.autoencoders import benign, high_threshold
from assay.demo.identities import rare_identities, share_unknown, with_unknown
from assay.demo.training import Trained, checkpoint, fit, seeded
from assay.families.vgae import CLASS_PATHS, settings
from assay.families.vgae.loss import training_terms
from assay.families.vgae.network import COMPONENTS, VgaeNetwork
from assay.families.vgae.scores import graph_scores, normalised_score, score_draws

LEAST_SPREAD = 1e-3  # of a latent axis


def trained(
    graphs: Collated, hyper_parameters: Mapping[str, Any], *, measured_on: Collated, epochs: int
) -> Trained:
    """A VGAE fitted to the benign graphs; the same seed gives the same bits on one thread of the same machine.

    Trained on all five published terms with nodes hidden at random. Rare identities share one vector with the unknown
    one. The global random state is left as found.

    Args:
        graphs: the training split; attacks in it are left out.
        hyper_parameters: as `vgae_hyper_parameters` gives them.
        measured_on: benign graphs that the score is calibrated on.
        epochs: passes over the benign graphs.
    """
    header = {"class_path": CLASS_PATHS[0], "hyper_parameters": dict(hyper_parameters)}
    graphs = benign(graphs)
    rare = rare_identities(graphs, hyper_parameters["num_ids"])
    graphs = with_unknown(graphs, rare)
    with seeded(hyper_parameters["seed"]):
        network = VgaeNetwork(settings(header)).train()
        losses = fit(network, partial(_loss, network, graphs), n=len(graphs), epochs=epochs)
    share_unknown(network, rare)
    scores = calibrated_scores(network.eval(), measured_on, seed=hyper_parameters["seed"])
    content = checkpoint(network, header, n=len(graphs), epochs=epochs, test_threshold=high_threshold(scores))
    return Trained(content, losses)


@torch.no_grad()
def calibrated_scores(network: VgaeNetwork, graphs: Collated, *, seed: int) -> Float[Tensor, " graphs"]:
    """Fills the buffers that the score is measured in from benign graphs, and returns their scores.

    Mean and standard deviation (n - 1) of mu over all nodes, then of the four components over the graphs, whose noise
    and hidden nodes `seed` decides.
    """
    batch = graphs.batch()
    mu = network.encode(batch, None).mu
    network.mu_mean.copy_(mu.mean(0))
    network.mu_std.copy_(mu.std(0).clamp(min=LEAST_SPREAD))
    latent, mask_rate = network.settings.latent, network.settings.mask_rate
    (draws,) = score_draws([len(batch.x)], latent=latent, mask_rate=mask_rate, seed=seed)
    scores = graph_scores(network, batch, draws)
    for name in COMPONENTS:
        component = getattr(scores, name)
        network.get_buffer(f"score_{name}_mean").copy_(component.mean())
        network.get_buffer(f"score_{name}_std").copy_(component.std())
    network.score_norm_fitted.fill_(True)
    return normalised_score(network, scores)


def vgae_hyper_parameters(facts: Mapping[str, Any], *, latent: int, hidden: int, seed: int) -> dict[str, Any]:
    """The published constructor arguments of a small VGAE for the data that `facts` describe."""
    shared = autoencoders.hyper_parameters(facts, latent=latent, hidden=hidden, seed=seed)
    return {**shared, "model_type": "vgae", "mask_rate": 0.15, "loss_fn": None}


def _loss(network: VgaeNetwork, graphs: Collated, index: Int64[Tensor, " batch"]) -> Float[Tensor, ""]:
    batch = graphs.select(index.numpy()).batch()
    mask = torch.rand(len(batch.x)) < network.settings.mask_rate
    noise = torch.randn(len(batch.x), network.settings.latent)
    return training_terms(network, batch, noise, mask).total
