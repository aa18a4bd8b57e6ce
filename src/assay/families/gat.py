"""GAT classifiers of CAN-bus graphs: embeddings, layers and logits of a graph."""

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any, final

import torch
from jaxtyping import Float32
from torch import Tensor
from torch_geometric.nn import global_mean_pool

from assay.errors import AssayError, Refused, ResultWarning
from assay.families.gat_network import GatNetwork, GatSettings
from assay.families.gat_objective import GRAPHS_AT_A_TIME, GatObjective
from assay.families.hyperparameters import HyperParameters
from assay.families.state import load_state
from assay.protocols import Attention, GraphBatch, Samples

CLASS_PATHS = ("graphids.core.models.supervised.gat.GAT",)
ID_ENCODERS = "graphids.core.models.id_encoding."
PRESETS = {"small": (24, 2, 4), "large": (64, 3, 8)}  # hidden, layers, heads
PRESET_OTHERWISE = (48, 3, 8)


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "GatSubject":
    """The checkpoint as a subject on the CPU, in eval mode.

    `hparams` is what the border wrote: `{"class_path": ..., "hyper_parameters": {...}}`. Nothing in it is
    trusted: the class is compared, never imported, and sizes are compared with the tensors before anything
    is allocated.

    Raises:
        Refused: another family's checkpoint, hyper-parameters or tensors that do not fit, or a feature of
            the published class that is not supported.
    """
    with torch.device("meta"):
        network = GatNetwork(settings(hparams))
    load_state(network, tensors)
    return GatSubject(network)


@final
class GatSubject:
    """A loaded GAT. A node identity that it does not know is taken as identity 0, "unknown"."""

    family = "gat"

    def __init__(self, network: GatNetwork):
        self.network = network.eval().requires_grad_(False)

    def to(self, device: str) -> "GatSubject":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    @torch.inference_mode()
    def embed(self, batch: GraphBatch) -> Float32[Tensor, "graphs d"]:
        """The pooled vector before the linear layers."""
        return self.network.embedding(self._fitting(batch))

    @torch.inference_mode()
    def layers(self, batch: GraphBatch) -> list[Float32[Tensor, "graphs d"]]:
        """The output of every convolution after ReLU, its mean over the nodes of each graph."""
        outputs = self.network.representations(self._fitting(batch))
        return [global_mean_pool(output, batch.graph, batch.n_graphs) for output in outputs]

    @torch.inference_mode()
    def predict(self, batch: GraphBatch) -> Float32[Tensor, "graphs classes"]:
        """Logits; class 0 is benign."""
        return self.network(self._fitting(batch))

    def parameters(self) -> Mapping[str, Tensor]:
        """By name, in the order of the checkpoint; `temporal_event_head` among them, which never acts on graphs."""
        return dict(self.network.named_parameters())

    def objective(self, samples: Samples, *, seed: int) -> GatObjective:
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
        batches = [self._fitting(batch) for batch in samples.batches(GRAPHS_AT_A_TIME)]
        return GatObjective(self.network, batches)

    @torch.inference_mode()
    def attend(self, batch: GraphBatch) -> list[Attention]:
        """One a convolution: the edges without loops in their order, then one loop a node in node order."""
        return self.network.attention(self._fitting(batch))

    def _fitting(self, batch: GraphBatch) -> GraphBatch:
        sizes = self.network.settings
        _check_width("node features", batch.x.shape[1], "in_channels", sizes.in_channels)
        if sizes.reads_edge_features:
            _check_width("edge features", batch.edge_attr.shape[1], "edge_dim", sizes.edge_dim)
        unknown = (batch.node_id < 0) | (batch.node_id >= sizes.num_ids)
        if not unknown.any():
            return batch
        warnings.warn(
            f"the data have nodes with an identity outside 0..{sizes.num_ids - 1}, the checkpoint's own; "
            "taken as 0, unknown",
            ResultWarning,
            stacklevel=3,
        )
        return dataclasses.replace(batch, node_id=batch.node_id.masked_fill(unknown, 0))


def settings(hparams: Mapping[str, Any]) -> GatSettings:
    """What the hyper-parameters say of the network; presets and defaults are the published ones.

    The upper limits are far above any published model and keep every shape countable in 64 bits.

    Raises:
        Refused: every problem at once.
    """
    values = HyperParameters(_published(hparams))
    hidden, layers, heads = PRESETS.get(values.text("scale", default="small"), PRESET_OTHERWISE)
    result = GatSettings(
        conv_type=values.choice(
            "conv_type", default="gatv2", supported=("gat", "gatv2"), later=("transformer", "gps")
        ),
        num_ids=values.integer("num_ids", default=None, least=1, most=2**29),
        embedding_dim=values.integer("embedding_dim", default=16, least=1, most=4096),
        in_channels=values.integer("in_channels", default=None, least=1, most=65536),
        edge_dim=values.integer("edge_dim", default=11, least=1, most=65536),
        hidden=values.integer("hidden", default=hidden, least=1, most=4096),
        heads=values.integer("heads", default=heads, least=1, most=64),
        layers=values.integer("layers", default=layers, least=1, most=64),
        fc_layers=values.integer("fc_layers", default=3, least=1, most=64),
        num_classes=values.integer("num_classes", default=2, least=2, most=65536),
        dropout=values.fraction("dropout", default=0.2),
    )
    _check_support(values)
    values.refuse_problems()
    return result


def _published(hparams: Mapping[str, Any]) -> Mapping[str, Any]:
    class_path = hparams.get("class_path")
    if class_path not in CLASS_PATHS:
        raise Refused(
            f"class_path is {str(class_path)[:200]!a}; family gat reads {', '.join(CLASS_PATHS)}. "
            "Another family is chosen in the column `family` of the checkpoint sheet."
        )
    values = hparams.get("hyper_parameters")
    if not isinstance(values, Mapping):
        raise Refused(f"hyper_parameters is a {type(values).__name__}; a GAT checkpoint has a mapping there")
    return values


def _check_support(values: HyperParameters) -> None:
    values.choice(
        "sequence_pool", default="auto", supported=("auto", "flat", "mean"), later=("attention", "gru")
    )
    values.choice(
        "id_encoder_class_path",
        default=f"{ID_ENCODERS}LookupIdEncoder",
        supported=(f"{ID_ENCODERS}LookupIdEncoder",),
        later=(f"{ID_ENCODERS}HashIdEncoder",),
    )
    if values.raw("id_encoder_cfg") is not None:
        values.not_yet("id_encoder_cfg (supported: None)")
    if values.integer("proj_dim", default=0, least=0, most=65536) > 0:
        values.not_yet(f"proj_dim {values.raw('proj_dim')} (supported: 0)")
    pools = values.raw("pool_aggrs")
    if pools is not None and not isinstance(pools, list | tuple):
        values.problem("pool_aggrs", pools, "None or a list")
    elif pools is not None and len(pools) > 1:
        values.not_yet(f"pool_aggrs of {len(pools)} pools (supported: one, which is the mean)")


def _check_width(what: str, got: int, key: str, expected: int) -> None:
    if got != expected:
        raise AssayError(
            f"the data have {got} {what}, the checkpoint takes {expected} (hyper_parameters.{key}): "
            "it was trained on other data; change the column `data` of the checkpoint sheet"
        )
