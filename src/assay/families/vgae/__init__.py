"""Variational graph autoencoders of CAN-bus graphs: embeddings, layers, landscape loss and anomaly score."""

from collections.abc import Mapping
from typing import Any, Literal, final

import torch
from jaxtyping import Float32
from torch import Tensor
from torch_geometric.nn import global_mean_pool

from assay.errors import AssayError
from assay.families import node_objective
from assay.families.detection import by_scores
from assay.families.graph_encoder import encoder_settings
from assay.families.input_encoder import fitting_batch
from assay.families.published_checkpoint import published_threshold, published_values
from assay.families.state import load_state
from assay.families.vgae.loss import landscape_losses
from assay.families.vgae.network import VgaeNetwork, VgaeSettings
from assay.families.vgae.scores import (
    GraphScores,
    fusion_features,
    graph_scores,
    normalised_score,
    score_draws,
)
from assay.protocols import Detection, GraphBatch, Objective, Samples

CLASS_PATHS = ("graphids.core.models.autoencoder.vgae.VGAE",)
PRESETS: Mapping[str, tuple[int, tuple[int, ...]]] = {"small": (64, (64,)), "large": (128, (128,))}
PRESET_OTHERWISE: tuple[int, tuple[int, ...]] = (48, ())  # latent_dim, hidden_dims


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "VgaeSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    `hparams` is what the border wrote: `{"class_path": ..., "hyper_parameters": {...}}` and, where the file has
    one, `test_threshold`. Sizes are compared with the tensors before anything is allocated.

    Raises:
        Refused: another family's checkpoint, or hyper-parameters or tensors that do not fit.
    """
    threshold = published_threshold(hparams)
    with torch.device("meta"):
        network = VgaeNetwork(settings(hparams))
    load_state(network, tensors)
    return VgaeSubject(network, threshold)


@final
class VgaeSubject:
    """A loaded VGAE. A node identity that its table does not have is taken as identity 0, "unknown"."""

    family = "vgae"

    def __init__(
        self, network: VgaeNetwork, threshold: float | None, *, compat: Literal["published"] | None = None
    ):
        self.network = network.eval().requires_grad_(False)
        self.threshold = threshold
        self._compat: Literal["published"] | None = compat
        self.noise_width = network.settings.latent  # normal numbers a node that `embed` takes

    def to(self, device: str) -> "VgaeSubject":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    def as_published(self) -> "VgaeSubject":
        """A gps decoder that attends to all nodes of a batch; a landscape of batches that count by their graphs."""
        return VgaeSubject(self.network, self.threshold, compat="published")

    @torch.inference_mode()
    def embed(
        self, batch: GraphBatch, noise: Float32[Tensor, "nodes latent"] | None = None
    ) -> Float32[Tensor, "graphs latent"]:
        """The mean over each graph's nodes of mu; with `noise`, of z = mu + noise * exp(logvar / 2)."""
        noise = None if noise is None else noise.to(batch.x.device)
        z = self.network.encode(self._fitting(batch), noise).z
        return global_mean_pool(z, batch.graph, batch.n_graphs)

    @torch.inference_mode()
    def layers(self, batch: GraphBatch) -> list[Float32[Tensor, "graphs d"]]:
        """The output of every encoder layer (after norm and ReLU, but for gps), its mean over each graph's nodes."""
        outputs = self.network.representations(self._fitting(batch))
        return [global_mean_pool(output, batch.graph, batch.n_graphs) for output in outputs]

    def parameters(self) -> Mapping[str, Tensor]:
        """By name, in the order of the checkpoint; the heads among them, which the landscape's loss never sees."""
        return dict(self.network.named_parameters())

    def objective(self, samples: Samples, *, seed: int) -> Objective:
        """Mean squared error of the features + 0.01 KL, unmasked; `seed` decides the noise, the same at every call.

        Raises:
            AssayError: there is no graph.
        """
        if len(samples) == 0:
            raise AssayError(f"split {samples.split} has no graph whose loss could be taken")
        size = node_objective.graphs_at_a_time(self._compat)
        batches = [self._fitting(batch) for batch in samples.batches(size)]
        sizes = [len(batch.x) for batch in batches]
        noise = torch.randn(sum(sizes), self.noise_width, generator=torch.Generator().manual_seed(seed))
        draws = noise.to(batches[0].x.device).split(sizes)
        weights = node_objective.batch_weights(batches, self._compat)
        return node_objective.NodeObjective(
            self.network, landscape_losses, batches, draws, weights=weights, compat=self._compat
        )

    @torch.inference_mode()
    def detect(self, samples: Samples, *, batch_size: int, seed: int) -> Detection:
        """The normalised score of every graph; `seed` decides which nodes are hidden, and the noise.

        Raises:
            AssayError: there is no graph, or the score of the checkpoint was never calibrated.
        """
        if not self.network.score_norm_fitted:
            raise AssayError(
                "this VGAE has no anomaly score: score_norm_fitted is False in its state dict, so the benign graphs "
                "that the score is measured against were never seen. Save the checkpoint after its calibration."
            )
        scores = self._scores(samples, batch_size=batch_size, seed=seed)
        return by_scores(torch.cat([normalised_score(self.network, part) for part in scores]), self.threshold)

    @torch.inference_mode()
    def anomaly_features(
        self, samples: Samples, *, batch_size: int, seed: int
    ) -> Mapping[str, Float32[Tensor, "graphs width"]]:
        """What a fusion policy hears of this expert; `seed` as in `detect`.

        Raises:
            AssayError: there is no graph.
        """
        parts = [fusion_features(part) for part in self._scores(samples, batch_size=batch_size, seed=seed)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def _scores(self, samples: Samples, *, batch_size: int, seed: int) -> list[GraphScores]:
        """Batch by batch; what is random is drawn for all nodes at once."""
        if len(samples) == 0:
            raise AssayError(f"split {samples.split} has no graph to score")
        sizes = [len(batch.x) for batch in samples.batches(batch_size)]
        rate = self.network.settings.mask_rate
        draws = score_draws(sizes, latent=self.noise_width, mask_rate=rate, seed=seed)
        return [
            graph_scores(self.network, self._fitting(batch), drawn, compat=self._compat)
            for batch, drawn in zip(samples.batches(batch_size), draws, strict=True)
        ]

    def _fitting(self, batch: GraphBatch) -> GraphBatch:
        sizes = self.network.settings.encoder
        edge_dim = sizes.edge_dim if sizes.reads_edge_features else None
        return fitting_batch(batch, sizes.inputs, edge_dim=edge_dim)


def settings(hparams: Mapping[str, Any]) -> VgaeSettings:
    """What the hyper-parameters say of the network; presets and defaults are the published ones.

    Raises:
        Refused: every problem at once.
    """
    values = published_values(hparams, family="vgae", class_paths=CLASS_PATHS)
    latent, hidden_dims = PRESETS.get(values.text("scale", default="small"), PRESET_OTHERWISE)
    latent = values.integer("latent_dim", default=latent, least=1, most=4096)
    result = VgaeSettings(
        encoder=encoder_settings(
            values,
            latent=latent,
            hidden_dims=hidden_dims,
            embedding_dim=32,
            heads=4,
            dropout=0.1,
            mask_ids=1,
        ),
        latent=latent,
        mlp_hidden=values.integer("mlp_hidden", default=latent, least=1, most=4096),
        mask_rate=values.fraction("mask_rate", default=0.15),
    )
    values.refuse_problems()
    return result
