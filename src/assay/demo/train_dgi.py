"""Trains a DGI network of the demo on benign graphs, and fits the centre that its score is a distance from."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch_geometric.nn import global_mean_pool

from assay.data.collated import Collated
from assay.demo import autoencoders
from assay.demo.autoencoders import benign, high_threshold
from assay.demo.identities import rare_identities, share_unknown, with_unknown
from assay.demo.training import Trained, checkpoint, fit, seeded
from assay.families.dgi import CLASS_PATHS, settings
from assay.families.dgi.network import DgiNetwork
from assay.families.dgi.scores import centre_distance, infomax_losses


def trained(
    graphs: Collated, hyper_parameters: Mapping[str, Any], *, measured_on: Collated, epochs: int
) -> Trained:
    """A DGI network fitted to the benign graphs; the same seed gives the same bits on one thread of one machine.

    Rare identities share one vector with the unknown one. The global random state is left as found.

    Args:
        graphs: the training split; attacks in it are left out.
        hyper_parameters: as `dgi_hyper_parameters` gives them.
        measured_on: benign graphs whose distances from the centre decide the threshold.
        epochs: passes over the benign graphs.
    """
    header = {"class_path": CLASS_PATHS[0], "hyper_parameters": dict(hyper_parameters)}
    graphs = benign(graphs)
    rare = rare_identities(graphs, hyper_parameters["num_ids"])
    graphs = with_unknown(graphs, rare)
    with seeded(hyper_parameters["seed"]):
        network = DgiNetwork(settings(header)).train()
        losses = fit(network, partial(_loss, network, graphs), n=len(graphs), epochs=epochs)
    share_unknown(network, rare)
    fit_centre(network.eval(), graphs)
    with torch.no_grad():
        distances = centre_distance(network, measured_on.batch())
    content = checkpoint(
        network, header, n=len(graphs), epochs=epochs, test_threshold=high_threshold(distances)
    )
    return Trained(content, losses)


@torch.no_grad()
def fit_centre(network: DgiNetwork, graphs: Collated) -> None:
    """Makes the centre the mean embedding of the graphs: every graph counts the same, however many nodes it has."""
    batch = graphs.batch()
    pooled = global_mean_pool(network.encode(batch), batch.graph, batch.n_graphs)
    network.svdd_center.copy_(pooled.mean(0))


def dgi_hyper_parameters(facts: Mapping[str, Any], *, latent: int, hidden: int, seed: int) -> dict[str, Any]:
    """The published constructor arguments of a small DGI network for the data that `facts` describe."""
    shared = autoencoders.hyper_parameters(facts, latent=latent, hidden=hidden, seed=seed)
    return {**shared, "model_type": "dgi"}


def _loss(network: DgiNetwork, graphs: Collated, index: Int64[Tensor, " batch"]) -> Float[Tensor, ""]:
    batch = graphs.select(index.numpy()).batch()
    corrupted = batch.x[torch.randperm(len(batch.x))]
    return infomax_losses(batch, network(batch, corrupted)).mean()
