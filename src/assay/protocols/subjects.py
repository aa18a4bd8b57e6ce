"""What an artifact may ask of a loaded checkpoint: each capability is one protocol."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64
from torch import Tensor

from assay.protocols.answers import Attention, Cut, Decisions, Detection, Objective, TokenAttention, Trace
from assay.protocols.batches import GraphBatch, ImageBatch, StateBatch, TableBatch
from assay.protocols.data import Samples

Own = TypeVar("Own")


@runtime_checkable
class Subject(Protocol):
    """A loaded checkpoint in eval mode."""

    family: str

    def to(self, device: str) -> "Subject":
        """The same subject on `device`."""
        ...


@runtime_checkable
class AsPublished(Subject, Protocol):
    """Answers `compat`: some of its numbers were published as depending on the batches."""

    def as_published(self: Own) -> Own:
        """The subject whose answers do; the weights are shared, and this one stays as it is."""
        ...


@runtime_checkable
class Embeds(Subject, Protocol):
    """Answers `embed`."""

    noise_width: int  # normal numbers a node that a random embedding takes; 0 where none is random

    def embed(
        self, batch: Any, noise: Float32[Tensor, "nodes k"] | None = None
    ) -> Float32[Tensor, "samples d"]:
        """One vector a sample: what the family's head sees; without noise the mean of what is random."""
        ...


@runtime_checkable
class Pools(Embeds, Protocol):
    """Answers `pool`: its embedding is pooled from tokens or positions, and can be taken from a hidden layer."""

    layer_names: Sequence[str]  # where it can be taken, input side first

    def pooled(self: Own, *, pooling: str, layer: str) -> Own:
        """The subject that embeds so; `auto` is its own way. The weights are shared, and this one stays as it is.

        Raises:
            AssayError: a pooling or a layer that the network does not have.
        """
        ...


@runtime_checkable
class Layers(Subject, Protocol):
    """Answers `layers`."""

    def layers(self, batch: Any) -> Sequence[Float32[Tensor, "samples d"]]:
        """One vector a sample from every hidden layer, input side first."""
        ...


@runtime_checkable
class AnomalyFeatures(Subject, Protocol):
    """Answers `anomaly_features`: the expert of a fusion policy that knows benign samples only."""

    def anomaly_features(
        self, samples: Samples, *, batch_size: int, seed: int
    ) -> Mapping[str, Float32[Tensor, "samples width"]]:
        """The blocks of model vgae in `numerics.fusion_states`; `seed` decides what is random in them."""
        ...


@runtime_checkable
class ClassFeatures(Subject, Protocol):
    """Answers `class_features`: the expert of a fusion policy that was shown attacks."""

    def class_features(
        self, samples: Samples, *, batch_size: int
    ) -> Mapping[str, Float32[Tensor, "samples width"]]:
        """The blocks of model gat in `numerics.fusion_states`."""
        ...


@runtime_checkable
class Decides(Subject, Protocol):
    """Answers `decide`."""

    policy: str

    def decide(self, batch: StateBatch) -> Decisions:
        """Score and decision of each state."""
        ...


@runtime_checkable
class Detects(Subject, Protocol):
    """Answers `detect`."""

    def detect(self, samples: Samples, *, batch_size: int, seed: int) -> Detection:
        """Scores, or logits, of all samples in order; `seed` decides what is random in them, batches decide nothing."""
        ...


@runtime_checkable
class Predicts(Subject, Protocol):
    """Answers `predict`."""

    def predict(self, batch: Any) -> Float32[Tensor, "samples classes"]:
        """Logits; of graphs, class 0 is benign."""
        ...


@runtime_checkable
class Regresses(Subject, Protocol):
    """Answers `regress`."""

    outputs: Sequence[str]  # names of the targets, in the order of the network

    def regress(self, batch: TableBatch) -> Float32[Tensor, "samples outputs"]:
        """The predicted targets."""
        ...

    def targets(self, batch: TableBatch) -> Float32[Tensor, "samples outputs"]:
        """The targets that the batch holds, in the same order."""
        ...


@runtime_checkable
class Attends(Subject, Protocol):
    """Answers `attend`."""

    def attend(self, batch: GraphBatch) -> Sequence[Attention]:
        """One a layer, input side first; nodes are counted over the batch."""
        ...


@runtime_checkable
class Loses(Subject, Protocol):
    """Answers `loss`."""

    def parameters(self) -> Mapping[str, Tensor]:
        """The trained parameters by name, in the order of the checkpoint."""
        ...

    def objective(self, samples: Samples, *, seed: int) -> Objective:
        """The loss that the family is trained on; `seed` decides what is random in it. Leaves the subject as it is."""
        ...


@runtime_checkable
class Traces(Subject, Protocol):
    """Answers `trace`."""

    functions: Sequence[str]  # names, in the order of the network
    edges: Int64[
        np.ndarray, "2 edges"
    ]  # from function to function, as in the checkpoint: loops and repeats stay
    channel_function: Int64[np.ndarray, " channels"]  # the function of each channel, ascending
    norm: str  # of its blocks, by the published name: layer, rms, batch, groupbatch, none, ...

    def trace(self, batch: TableBatch, *, criterion: str, prenorm: bool) -> Trace:
        """Before the norm of each block or after its last step; parameters, gradients, mode and hooks stay.

        Raises:
            AssayError: an unknown criterion, targets that it cannot take, a network of one block, or one that
                recomputes its activations.
        """
        ...


@runtime_checkable
class Explains(Subject, Protocol):
    """Answers `explain`."""

    class_names: Sequence[str]
    layer_names: Sequence[str]  # where it can be cut, input side first
    default_layer: str
    n_stages: int  # groups of layers with weights, counted from the head

    def cut(self, batch: ImageBatch, *, layer: str) -> Cut:
        """The network cut behind a layer."""
        ...

    def randomised(self, stages: int, *, seed: int) -> "Explains":
        """Another subject whose `stages` groups of layers nearest to the head have new random weights."""
        ...


@runtime_checkable
class AttendsTokens(Subject, Protocol):
    """Answers `attend_tokens`."""

    def attend_tokens(self, batch: ImageBatch) -> TokenAttention:
        """All layers and heads; the output of the network is not changed by asking."""
        ...


CAPABILITIES: Mapping[str, type] = {
    "anomaly_features": AnomalyFeatures,
    "attend": Attends,
    "class_features": ClassFeatures,
    "compat": AsPublished,
    "attend_tokens": AttendsTokens,
    "decide": Decides,
    "detect": Detects,
    "embed": Embeds,
    "explain": Explains,
    "layers": Layers,
    "loss": Loses,
    "pool": Pools,
    "predict": Predicts,
    "regress": Regresses,
    "trace": Traces,
}
