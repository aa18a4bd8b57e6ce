"""What a VGAE is trained on, and the part of it whose landscape is drawn."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss
from torch_geometric.utils import scatter

from assay.families.vgae.network import Reconstruction, VgaeNetwork
from assay.protocols import GraphBatch

IDENTITY_WEIGHT = 0.1
NEIGHBOURS_WEIGHT = 0.1
KL_WEIGHT = 0.01
EDGES_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class LossTerms:
    """The terms of the training loss of one batch, before they are weighed."""

    features: Float[Tensor, ""]  # mean squared error over nodes and features
    identities: Float[Tensor, ""]  # cross entropy in nats; of the hidden nodes alone, where there are any
    neighbours: Float[Tensor, ""]
    kl: Float[Tensor, ""]
    edges: Float[Tensor, ""]  # mean squared error; 0 without that head or without edges

    @property
    def total(self) -> Float[Tensor, ""]:
        """The training loss."""
        return (
            self.features
            + IDENTITY_WEIGHT * self.identities
            + NEIGHBOURS_WEIGHT * self.neighbours
            + KL_WEIGHT * self.kl
            + EDGES_WEIGHT * self.edges
        )


def training_terms(
    network: VgaeNetwork,
    batch: GraphBatch,
    noise: Float[Tensor, "nodes latent"],
    mask: Bool[Tensor, " nodes"] | None = None,
) -> LossTerms:
    """The terms with the nodes of `mask` hidden; what is compared is the batch as it was before."""
    found = network(batch if mask is None else network.masker(batch, mask), noise)
    z = found.latent.z
    heads = network.heads(z, batch)
    asked = torch.ones_like(batch.graph, dtype=torch.bool) if mask is None or not mask.any() else mask
    return LossTerms(
        features=mse_loss(found.x, batch.x),
        identities=cross_entropy(heads.identity_logits[asked], batch.node_id[asked]),
        neighbours=normal_divergence(heads.neighbours, neighbour_means(z, batch.edge_index)),
        kl=found.latent.kl.mean(),
        edges=_edge_error(heads.edge_attr, batch),
    )


def neighbour_means(
    x: Float[Tensor, "nodes d"], edge_index: Int64[Tensor, "2 edges"]
) -> Float[Tensor, "nodes d"]:
    """The mean over the edges that leave a node of the row they go to; zeros where none leaves."""
    source, target = edge_index
    return scatter(x[target], source, dim_size=len(x), reduce="mean")


def normal_divergence(
    predicted: Float[Tensor, "rows d"], wanted: Float[Tensor, "rows d"]
) -> Float[Tensor, ""]:
    """KL(P || T) in nats of the normal distributions with the rows' means, and their covariances plus 1.

    The determinants are taken as logarithms: the published ones overflow where d is large. A single row has no
    covariance: 0 here, not a number as published.
    """
    covariance_p, covariance_t = _covariance(predicted), _covariance(wanted)
    log_ratio = torch.linalg.slogdet(covariance_t).logabsdet - torch.linalg.slogdet(covariance_p).logabsdet
    trace = torch.linalg.solve(covariance_t, covariance_p).trace()
    gap = wanted.mean(0) - predicted.mean(0)
    return 0.5 * (log_ratio - predicted.shape[1] + trace + gap @ torch.linalg.solve(covariance_t, gap))


def landscape_losses(batch: GraphBatch, found: Reconstruction) -> Float64[Tensor, " nodes"]:
    """The squared error (mean over the features) + 0.01 KL of each node; their mean is the published loss."""
    errors = (found.x.double() - batch.x.double()).square().mean(1)
    return errors + KL_WEIGHT * found.latent.kl.double()


def _covariance(x: Float[Tensor, "rows d"]) -> Float[Tensor, "d d"]:
    centred = x - x.mean(0)
    return centred.T @ centred / max(len(x) - 1, 1) + torch.eye(x.shape[1], dtype=x.dtype, device=x.device)


def _edge_error(predicted: Float[Tensor, "edges d"] | None, batch: GraphBatch) -> Float[Tensor, ""]:
    if predicted is None or len(predicted) == 0:
        return batch.x.new_zeros(())
    return mse_loss(predicted, batch.edge_attr)
