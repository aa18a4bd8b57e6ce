"""The loss of a DGI network, its anomaly score, and what else it says of a graph."""

from collections.abc import Mapping

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch_geometric.nn import global_mean_pool

from assay.errors import AssayError
from assay.families.dgi.network import DgiNetwork, Discrimination, summary
from assay.families.row_statistics import graph_statistics
from assay.protocols import GraphBatch


def infomax_losses(batch: GraphBatch, found: Discrimination) -> Float64[Tensor, " nodes"]:
    """-ln(D(true) + 1e-6) - ln(1 - D(corrupted) + 1e-6) of each node, in nats: their mean is the published loss."""
    true, corrupted = found.true.double(), found.corrupted.double()
    return -(true + 1e-6).log() - (1 - corrupted + 1e-6).log()


def centre_distance(network: DgiNetwork, batch: GraphBatch) -> Float[Tensor, " graphs"]:
    """The squared distance of each graph's mean vector from the mean of benign training graphs.

    Raises:
        AssayError: that mean is zero: it was never taken.
    """
    if not network.svdd_center.any():
        raise AssayError(
            "this DGI has no anomaly score: svdd_center is zero in its state dict, so the mean of the benign training "
            "graphs was never taken. Save the checkpoint after it is fitted."
        )
    pooled = global_mean_pool(network.encode(batch), batch.graph, batch.n_graphs)
    return (pooled - network.svdd_center).square().sum(1)


def extra_features(network: DgiNetwork, batch: GraphBatch) -> Mapping[str, Float[Tensor, "graphs width"]]:
    """`conf`, `pos_stats` and `z_stats` of each graph; no part of a fusion state.

    With p the mean over a graph's nodes of the probability that they belong to it, `pos_stats` are 1 - p, p and the
    standard deviation (n); `conf` is 1 / (2 - p).
    """
    z = network.encode(batch)
    belongs = network.discriminate(z, summary(z, batch), batch)
    moments = torch.stack([belongs, belongs.square()], dim=1)
    mean, square = global_mean_pool(moments, batch.graph, batch.n_graphs).unbind(1)
    spread = (square - mean.square()).clamp(min=0).sqrt()
    return {
        "conf": 1 / (2 - mean[:, None]),
        "pos_stats": torch.stack([1 - mean, mean, spread], dim=1),
        "z_stats": graph_statistics(z, batch),
    }
