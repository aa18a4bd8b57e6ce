"""GAT classifiers of CAN-bus graphs: embeddings, layers and logits of a graph."""

import warnings
from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor
from torch_geometric.nn import global_mean_pool

from assay.errors import AssayError, ResultWarning
from assay.families.convolutions import CONV_TYPES, attends_along_edges
from assay.families.detection import by_logits
from assay.families.gat.features import fusion_features
from assay.families.gat.network import POOLS, GatNetwork, GatSettings
from assay.families.gat.objective import GRAPHS_AT_A_TIME, GatObjective, covers
from assay.families.gat.sequence_pool import SEQUENCE_POOLS
from assay.families.gat.spare_nodes import with_spare_nodes, without_spare_nodes
from assay.families.hyperparameters import HyperParameters
from assay.families.input_encoder import fitting_batch, input_settings
from assay.families.network_objective import NetworkObjective
from assay.families.published_checkpoint import published_values
from assay.families.state import load_state
from assay.protocols import Attention, Detection, GraphBatch, Objective, Samples

CLASS_PATHS = ("graphids.core.models.supervised.gat.GAT",)
PRESETS = {"small": (24, 2, 4), "large": (64, 3, 8)}  # hidden, layers, heads
PRESET_OTHERWISE = (48, 3, 8)
MOST_POOLS = 16


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "GatSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    `hparams` is what the border wrote: `{"class_path": ..., "hyper_parameters": {...}}`. Nothing in it is
    trusted: the class is compared, never imported, and sizes are compared with the tensors before anything
    is allocated.

    Raises:
        Refused: another family's checkpoint, hyper-parameters or tensors that do not fit, or an
            `id_encoder_cfg`, which is an object of code that we do not have.
    """
    with torch.device("meta"):
        network = GatNetwork(settings(hparams))
    load_state(network, tensors)
    return GatSubject(network)


@final
class GatSubject:
    """A loaded GAT. A node identity that its table does not have is taken as identity 0, "unknown"."""

    family = "gat"
    noise_width = 0

    def __init__(self, network: GatNetwork):
        self.network = network.eval().requires_grad_(False)

    def to(self, device: str) -> "GatSubject":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    @torch.inference_mode()
    def embed(
        self, batch: GraphBatch, noise: Float32[Tensor, "nodes k"] | None = None
    ) -> Float32[Tensor, "graphs d"]:
        """The pooled vector before the linear layers, in which nothing is random."""
        return self.network.embedding(self._poolable(batch))

    @torch.inference_mode()
    def layers(self, batch: GraphBatch) -> list[Float32[Tensor, "graphs d"]]:
        """The output of every layer (after ReLU, but for gps), its mean over the nodes of each graph."""
        outputs = self.network.representations(self._fitting(batch))
        return [global_mean_pool(output, batch.graph, batch.n_graphs) for output in outputs]

    @torch.inference_mode()
    def predict(self, batch: GraphBatch) -> Float32[Tensor, "graphs classes"]:
        """Logits; class 0 is benign."""
        return self.network(self._poolable(batch))

    @torch.inference_mode()
    def class_features(
        self, samples: Samples, *, batch_size: int
    ) -> Mapping[str, Float32[Tensor, "graphs width"]]:
        """Certainty, statistics of the embedding, and probabilities: what a fusion policy hears of this expert.

        Raises:
            AssayError: the checkpoint has not two classes.
        """
        if (n := self.network.settings.num_classes) != 2:
            raise AssayError(f"a fusion policy takes the probabilities of 2 classes, the checkpoint has {n}")
        embedding = torch.cat([self.embed(batch) for batch in samples.batches(batch_size)])
        return fusion_features(self.network.logits(embedding), embedding)

    def detect(self, samples: Samples, *, batch_size: int, seed: int) -> Detection:
        """The class of the largest logit and the log odds of an attack, in which nothing is random."""
        return by_logits(torch.cat([self.predict(batch) for batch in samples.batches(batch_size)]))

    def parameters(self) -> Mapping[str, Tensor]:
        """By name, in the order of the checkpoint; `temporal_event_head` among them, which never acts on graphs."""
        return dict(self.network.named_parameters())

    def objective(self, samples: Samples, *, seed: int) -> Objective:
        """The cross entropy of the graphs, in which nothing is random.

        Raises:
            AssayError: there is no graph, or one has a label for which there is no logit.
        """
        if len(samples) == 0:
            raise AssayError(f"split {samples.split} has no graph whose loss could be taken")
        n_classes = self.network.settings.num_classes
        if (top := int(samples.labels.max())) >= n_classes:
            raise AssayError(
                f"split {samples.split} has label {top}; the checkpoint has {n_classes} classes (num_classes)"
            )
        batches = [self._poolable(batch) for batch in samples.batches(GRAPHS_AT_A_TIME)]
        engine = GatObjective if covers(self.network, batches) else NetworkObjective
        return engine(self.network, batches)

    @torch.inference_mode()
    def attend(self, batch: GraphBatch) -> list[Attention]:
        """One a convolution: its edges in their order.

        gat and gatv2 replace loops: the edges without them, then one loop a node in node order.

        Raises:
            AssayError: the convolutions are gps layers.
        """
        conv_type = self.network.settings.conv_type
        if not attends_along_edges(conv_type):
            raise AssayError(
                f"conv_type {conv_type} has no attention over edges that explains its output: each layer adds "
                "self-attention among all nodes of a graph; attention is for gat, gatv2 and transformer"
            )
        spared = with_spare_nodes(self._fitting(batch))
        return [without_spare_nodes(weights, len(batch.x)) for weights in self.network.attention(spared)]

    def _fitting(self, batch: GraphBatch) -> GraphBatch:
        sizes = self.network.settings
        edge_dim = sizes.edge_dim if sizes.reads_edge_features else None
        return fitting_batch(batch, sizes.inputs, edge_dim=edge_dim)

    def _poolable(self, batch: GraphBatch) -> GraphBatch:
        """The fitting batch; told where the checkpoint names a pool over steps and the data have none."""
        pool = self.network.settings.sequence_pool
        if batch.node_sequence_step is None and pool not in ("auto", "flat"):
            warnings.warn(
                f"the checkpoint pools steps (sequence_pool {pool}), the data have no node_sequence_step; "
                "all nodes of a graph are pooled at once",
                ResultWarning,
                stacklevel=3,
            )
        return self._fitting(batch)


def settings(hparams: Mapping[str, Any]) -> GatSettings:
    """What the hyper-parameters say of the network; presets and defaults are the published ones.

    The upper limits are far above any published model and keep every shape countable in 64 bits.

    Raises:
        Refused: every problem at once.
    """
    values = published_values(hparams, family="gat", class_paths=CLASS_PATHS)
    hidden, layers, heads = PRESETS.get(values.text("scale", default="small"), PRESET_OTHERWISE)
    result = GatSettings(
        inputs=input_settings(values, embedding_dim=16),
        conv_type=values.choice("conv_type", default="gatv2", supported=CONV_TYPES),
        edge_dim=values.integer("edge_dim", default=11, least=1, most=65536),
        hidden=values.integer("hidden", default=hidden, least=1, most=4096),
        heads=values.integer("heads", default=heads, least=1, most=64),
        layers=values.integer("layers", default=layers, least=1, most=64),
        pools=_pools(values),
        sequence_pool=values.choice("sequence_pool", default="auto", supported=("flat", *SEQUENCE_POOLS)),
        fc_layers=values.integer("fc_layers", default=3, least=1, most=64),
        num_classes=values.integer("num_classes", default=2, least=2, most=65536),
        dropout=values.fraction("dropout", default=0.2),
    )
    values.refuse_problems()
    return result


def _pools(values: HyperParameters) -> tuple[str, ...]:
    """The pools side by side; as published a single one is the mean, whatever its name."""
    named = values.raw("pool_aggrs")
    if isinstance(named, list | tuple) and len(named) < 2:
        return ("mean",)
    if isinstance(named, list | tuple) and len(named) > MOST_POOLS:
        values.problem("pool_aggrs", named, f"at most {MOST_POOLS} pools")
        return ("mean",)
    return values.choices("pool_aggrs", supported=POOLS) or ("mean",)


def lacks(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> dict[str, str]:
    """Capability -> why this checkpoint does not answer it, though others of its family do.

    Raises:
        Refused: every problem of the hyper-parameters at once.
    """
    conv_type = settings(hparams).conv_type
    if attends_along_edges(conv_type):
        return {}
    return {"attend": f"conv_type {conv_type} mixes all nodes of a graph, beside its attention over edges"}
