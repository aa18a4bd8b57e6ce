"""Deep Graph Infomax networks of CAN-bus graphs: embeddings, layers, landscape loss and anomaly score."""

from collections.abc import Mapping
from typing import Any, Literal, final

import torch
from jaxtyping import Float32
from torch import Tensor
from torch_geometric.nn import global_mean_pool

from assay.errors import AssayError
from assay.families import node_objective
from assay.families.detection import by_scores
from assay.families.dgi.network import DgiNetwork, DgiSettings, corrupted_features
from assay.families.dgi.scores import centre_distance, infomax_losses
from assay.families.graph_encoder import encoder_settings
from assay.families.input_encoder import fitting_batch
from assay.families.published_checkpoint import published_threshold, published_values
from assay.families.state import load_state
from assay.protocols import Detection, GraphBatch, Objective, Samples

CLASS_PATHS = ("graphids.core.models.autoencoder.dgi.DGI",)
PRESETS = {"small": (48, 32, 4), "large": (96, 64, 8)}  # latent_dim, embedding_dim, heads


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "DgiSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    `hparams` is what the border wrote: `{"class_path": ..., "hyper_parameters": {...}}` and, where the file has
    one, `test_threshold`. Sizes are compared with the tensors before anything is allocated.

    Raises:
        Refused: another family's checkpoint, or hyper-parameters or tensors that do not fit.
    """
    threshold = published_threshold(hparams)
    with torch.device("meta"):
        network = DgiNetwork(settings(hparams))
    load_state(network, tensors)
    return DgiSubject(network, threshold)


@final
class DgiSubject:
    """A loaded DGI network. A node identity that its table does not have is taken as identity 0, "unknown"."""

    family = "dgi"
    noise_width = 0  # nothing is random in an embedding

    def __init__(
        self, network: DgiNetwork, threshold: float | None, *, compat: Literal["published"] | None = None
    ):
        self.network = network.eval().requires_grad_(False)
        self.threshold = threshold
        self._compat: Literal["published"] | None = compat

    def to(self, device: str) -> "DgiSubject":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    def as_published(self) -> "DgiSubject":
        """A landscape with one permutation a batch, of batches that count by their graphs."""
        return DgiSubject(self.network, self.threshold, compat="published")

    @torch.inference_mode()
    def embed(
        self, batch: GraphBatch, noise: Float32[Tensor, "nodes k"] | None = None
    ) -> Float32[Tensor, "graphs latent"]:
        """The mean over each graph's nodes of their vectors."""
        return global_mean_pool(self.network.encode(self._fitting(batch)), batch.graph, batch.n_graphs)

    @torch.inference_mode()
    def layers(self, batch: GraphBatch) -> list[Float32[Tensor, "graphs d"]]:
        """The output of every encoder layer (after norm and ReLU, but for gps), its mean over each graph's nodes."""
        outputs = self.network.representations(self._fitting(batch))
        return [global_mean_pool(output, batch.graph, batch.n_graphs) for output in outputs]

    def parameters(self) -> Mapping[str, Tensor]:
        """By name, in the order of the checkpoint."""
        return dict(self.network.named_parameters())

    def objective(self, samples: Samples, *, seed: int) -> Objective:
        """The loss that it is trained on; `seed` decides the permutation of the features, the same at every call.

        Raises:
            AssayError: there is no graph.
        """
        if len(samples) == 0:
            raise AssayError(f"split {samples.split} has no graph whose loss could be taken")
        size = node_objective.graphs_at_a_time(self._compat)
        batches = [self._fitting(batch) for batch in samples.batches(size)]
        corrupted = corrupted_features(batches, seed=seed, compat=self._compat)
        weights = node_objective.batch_weights(batches, self._compat)
        return node_objective.NodeObjective(self.network, infomax_losses, batches, corrupted, weights=weights)

    @torch.inference_mode()
    def detect(self, samples: Samples, *, batch_size: int, seed: int) -> Detection:
        """The squared distance of every graph's embedding from the centre; nothing is random in it.

        Raises:
            AssayError: there is no graph, or the centre was never fitted.
        """
        if len(samples) == 0:
            raise AssayError(f"split {samples.split} has no graph to score")
        batches = (self._fitting(batch) for batch in samples.batches(batch_size))
        scores = torch.cat([centre_distance(self.network, batch) for batch in batches])
        return by_scores(scores, self.threshold)

    def _fitting(self, batch: GraphBatch) -> GraphBatch:
        sizes = self.network.settings.encoder
        edge_dim = sizes.edge_dim if sizes.reads_edge_features else None
        return fitting_batch(batch, sizes.inputs, edge_dim=edge_dim)


def settings(hparams: Mapping[str, Any]) -> DgiSettings:
    """What the hyper-parameters say of the network; presets and defaults are the published ones.

    Raises:
        Refused: every problem at once.
    """
    values = published_values(hparams, family="dgi", class_paths=CLASS_PATHS)
    scale = values.text("scale", default="small")
    latent, embedding_dim, heads = PRESETS.get(scale, PRESETS["small"])
    latent = values.integer("latent_dim", default=latent, least=1, most=4096)
    encoder = encoder_settings(
        values, latent=latent, hidden_dims=(), embedding_dim=embedding_dim, heads=heads, dropout=0.15
    )
    values.refuse_problems()
    return DgiSettings(encoder, latent)
