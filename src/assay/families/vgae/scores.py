"""How badly a VGAE takes a graph: the components, the score of the published detector, and its fusion features."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor
from torch.nn.functional import cosine_similarity
from torch_geometric.nn import global_max_pool, global_mean_pool
from torch_geometric.utils import scatter

from assay.families.row_statistics import graph_statistics
from assay.families.vgae.network import COMPONENTS, VgaeNetwork
from assay.protocols import GraphBatch


@dataclass(frozen=True, slots=True)
class ScoreDraws:
    """What is random in the scores of a batch, on any device."""

    noise: Float32[Tensor, "nodes latent"]  # of the pass that sees every node
    mask: Bool[Tensor, " nodes"]
    masked_noise: Float32[Tensor, "nodes latent"]  # of the pass with the masked nodes hidden


@dataclass(frozen=True, slots=True)
class GraphScores:
    """What is strange about each graph, and where its nodes lie in the latent space."""

    recon: Float[Tensor, " graphs"]  # mean squared error of the masked nodes; 0 without one
    recon_max: Float[Tensor, " graphs"]  # of the worst of them
    mahal: Float[Tensor, " graphs"]  # squared distance of mu from benign nodes, in their standard deviations
    kl: Float[Tensor, " graphs"]
    affinity: Float[Tensor, " graphs"]  # 1 - the mean cosine of z along the edges that leave a node
    rq: Float[Tensor, " graphs"]  # Rayleigh quotient of the features
    z_stats: Float[Tensor, "graphs 4"]  # of z: mean, standard deviation, maximum and minimum


def score_draws(sizes: Sequence[int], *, latent: int, mask_rate: float, seed: int) -> list[ScoreDraws]:
    """The draws for batches of these many nodes, drawn for all nodes at once: how they are cut decides nothing."""
    generator, n = torch.Generator().manual_seed(seed), sum(sizes)
    noise = torch.randn(n, latent, generator=generator)
    mask = torch.rand(n, generator=generator) < mask_rate
    masked_noise = torch.randn(n, latent, generator=generator)
    cut = (drawn.split(list(sizes)) for drawn in (noise, mask, masked_noise))
    return [ScoreDraws(*of_batch) for of_batch in zip(*cut, strict=True)]


def graph_scores(
    network: VgaeNetwork,
    batch: GraphBatch,
    draws: ScoreDraws,
    *,
    compat: Literal["published"] | None = None,
) -> GraphScores:
    """The components; `compat` is that of `VgaeNetwork.decode`."""
    noise, mask, masked_noise = (
        drawn.to(batch.x.device) for drawn in (draws.noise, draws.mask, draws.masked_noise)
    )
    seen = network.encode(batch, noise)
    hidden = network(network.masker(batch, mask), masked_noise, compat=compat)
    errors = (hidden.x - batch.x).square().mean(1)
    deviations = (seen.mu - network.mu_mean) / network.mu_std.clamp(min=1e-3)
    return GraphScores(
        recon=scatter(errors[mask], batch.graph[mask], dim_size=batch.n_graphs, reduce="mean"),
        recon_max=_pooled(global_max_pool, torch.where(mask, errors, 0), batch),
        mahal=_pooled(global_mean_pool, deviations.square().sum(1), batch),
        kl=_pooled(global_mean_pool, seen.kl, batch),
        affinity=_pooled(global_mean_pool, _strangeness(seen.z, batch), batch),
        rq=rayleigh_quotient(batch),
        z_stats=graph_statistics(seen.z, batch),
    )


def normalised_score(network: VgaeNetwork, scores: GraphScores) -> Float[Tensor, " graphs"]:
    """The largest of the calibrated components, in standard deviations of benign graphs above their mean."""
    calibrated = []
    for name in COMPONENTS:
        mean, std = network.get_buffer(f"score_{name}_mean"), network.get_buffer(f"score_{name}_std")
        calibrated.append((getattr(scores, name) - mean) / (std + 1e-6))
    return torch.stack(calibrated).amax(0)


def fusion_features(scores: GraphScores) -> Mapping[str, Float[Tensor, "graphs width"]]:
    """`affinity`, `conf`, `errors`, `rq`, `spike` and `z_stats` of each graph, in the published order.

    `errors` are recon, mahal and kl; the certainty `conf` is 1 / (1 + recon); `spike` is recon_max.
    """
    return {
        "affinity": scores.affinity[:, None],
        "conf": 1 / (1 + scores.recon[:, None]),
        "errors": torch.stack([scores.recon, scores.mahal, scores.kl], dim=1),
        "rq": scores.rq[:, None],
        "spike": scores.recon_max[:, None],
        "z_stats": scores.z_stats,
    }


def rayleigh_quotient(batch: GraphBatch) -> Float[Tensor, " graphs"]:
    """The squared differences of the features along the edges, in units of the squared features of the nodes."""
    source, target = batch.edge_index
    differences = (batch.x[source] - batch.x[target]).square().sum(1)
    across = scatter(differences, batch.graph[source], dim_size=batch.n_graphs)
    return across / (scatter(batch.x.square().sum(1), batch.graph, dim_size=batch.n_graphs) + 1e-8)


def _strangeness(z: Float[Tensor, "nodes latent"], batch: GraphBatch) -> Float[Tensor, " nodes"]:
    """1 - the mean cosine of a node's draw with those that its edges go to; 1 where none leaves."""
    source, target = batch.edge_index
    cosines = cosine_similarity(z[source], z[target], dim=1, eps=1e-8)
    return 1 - scatter(cosines, source, dim_size=len(z), reduce="mean")


def _pooled(
    pool: Callable[[Tensor, Tensor, int], Tensor], values: Float[Tensor, " nodes"], batch: GraphBatch
) -> Float[Tensor, " graphs"]:
    return pool(values[:, None], batch.graph, batch.n_graphs)[:, 0]
