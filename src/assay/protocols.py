"""What an artifact may ask of a loaded checkpoint and of its data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped
from torch import Tensor

Own = TypeVar("Own")


@dataclass(frozen=True, slots=True)
class GraphBatch:
    """Graphs side by side as one graph; edge e goes from `edge_index[0, e]` to `edge_index[1, e]`."""

    x: Float32[Tensor, "nodes features"]
    edge_index: Int64[Tensor, "2 edges"]
    edge_attr: Float32[Tensor, "edges edge_features"]
    node_id: Int64[Tensor, " nodes"]
    graph: Int64[Tensor, " nodes"]  # the graph of each node, 0 .. n_graphs-1, ascending
    n_graphs: int
    y: Int64[Tensor, " graphs"]
    node_sequence_step: Int64[Tensor, " nodes"] | None = None  # of a graph that is a sequence: 0, 1, ...


@dataclass(frozen=True, slots=True)
class StateBatch:
    """What the experts of a fusion policy say of samples, in the columns of `numerics.fusion_states`."""

    features: Float32[Tensor, "samples features"]
    y: Int64[Tensor, " samples"]


@dataclass(frozen=True, slots=True)
class TableBatch:
    """Rows of a table, one a sample: what goes into a network and what should come out."""

    x: Float32[Tensor, "samples inputs"]
    y: Float32[Tensor, "samples outputs"]
    x_names: tuple[str, ...] = ()  # of the columns, in any order; none: the order of the network
    y_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """What the functions of a network did on samples: activations, and the gradients of the loss at them.

    The loss is the sum over the samples of each one's own loss, so a gradient is that of its sample alone, and
    batches decide nothing.
    """

    activation: Float32[Tensor, "layers samples channels"]
    gradient: Float32[Tensor, "layers samples channels"]


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images, or signals, from 0 to 1 or in the units of their source; the subject scales them as it was trained."""

    x: Float32[Tensor, "samples channels *space"]
    y: Int64[Tensor, " samples"]  # -1 where the class is not known


@dataclass(frozen=True, slots=True)
class Cut:
    """A network cut at one layer: what the layer gives, and the rest of the network as a function of it."""

    activation: Float32[Tensor, "samples *layer"]
    tail: Callable[[Tensor], Float32[Tensor, "samples classes"]]  # logits; samples do not interact
    on_grid: Callable[[Tensor], Float32[Tensor, "samples channels *grid"]]  # of an activation or its gradient


@dataclass(frozen=True, slots=True)
class TokenAttention:
    """The attention of every layer and head from each token (row, which sums to 1) to each token (column)."""

    weights: Float32[Tensor, "layers samples heads tokens tokens"]
    prefix: int  # tokens before the patches: class token and registers
    grid: tuple[int, ...]  # patches along each axis of space, row-major
    class_token: bool = (
        True  # whether the first token before the patches is one; else all of them are registers
    )


@dataclass(frozen=True, slots=True)
class Attention:
    """The weights of one layer's heads; those of the edges that enter a node sum to 1 in each head."""

    edge_index: Int64[Tensor, "2 edges"]  # as the layer sees it, with the loops that it adds
    alpha: Float32[Tensor, "edges heads"]


@runtime_checkable
class Samples(Protocol):
    """Samples drawn from one split; what the source does not know is None."""

    split: str
    index: Int64[np.ndarray, " n"]  # in the split, ascending
    labels: Int64[np.ndarray, " n"]
    attack_type: Int64[np.ndarray, " n"] | None
    record_id: Shaped[np.ndarray, " n"] | None  # text: where the sample stands in the raw data
    time: Float64[np.ndarray, " n"] | None  # seconds

    def __len__(self) -> int: ...

    def batches(self, size: int) -> Iterator[Any]:
        """The samples in order, `size` at a time, on the subject's device: what the family takes."""
        ...


@runtime_checkable
class Data(Protocol):
    """One prepared data set."""

    name: str
    splits: Sequence[str]
    attack_names: Mapping[int, str]

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> Samples:
        """A draw without replacement that only (split, max_samples, seed) decide; all where it is smaller."""
        ...


@dataclass(frozen=True, slots=True)
class Detection:
    """What a checkpoint says of samples: a score that rises with suspicion, and what it decides.

    Without scores no class is benign, and there are logits.
    """

    scores: Float64[Tensor, " samples"] | None
    decisions: (
        Int64[Tensor, " samples"] | None
    )  # a class, with scores 0 benign; None where it has no threshold of its own
    logits: Float32[Tensor, "samples classes"] | None  # of a classifier; else None
    class_names: Sequence[str] = ()  # by number, where no class is benign


@dataclass(frozen=True, slots=True)
class Decisions:
    """Of each sample: how likely it is an attack, and what was decided.

    An alpha is the weight of the GAT against the VGAE, 0 to 1; a score is never called one.
    """

    score: Float32[Tensor, " n"]  # read as the probability of attack
    decision: Int64[Tensor, " n"]  # 1 is attack
    alpha: Float32[Tensor, " n"] | None = None  # chosen for the sample; None where the policy chooses none
    q_values: Float32[Tensor, "n actions"] | None = None  # None with alpha
    learnt_alpha: float | None = None  # the one of a weighted average, the same for all samples


@runtime_checkable
class Parts(Protocol):
    """The parts of a long result; those that an interrupted job has finished are not computed again."""

    def gather(
        self, n: int, part: Callable[[int], Float64[np.ndarray, " m"]]
    ) -> list[Float64[np.ndarray, " m"]]:
        """`part(0)` to `part(n - 1)`, in order."""
        ...


@runtime_checkable
class Objective(Protocol):
    """A loss on fixed samples as a function of the parameters alone: what is random in it was drawn once."""

    def __call__(self, parameters: Sequence[Tensor]) -> float:
        """The sum of the losses over their count."""
        ...


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
class TableSamples(Samples, Protocol):
    """Samples of a table; `labels` are 0. What the source does not know is None."""

    unit: Int64[np.ndarray, " n"] | None  # replicates of one unit share its code
    batch: Int64[np.ndarray, " n"] | None  # samples measured together share its code


@runtime_checkable
class TableData(Data, Protocol):
    """One prepared data set of tables."""

    held_out: Sequence[tuple[str, str]] | None  # by (source, target), removed before training; None: unsaid

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> TableSamples:
        """As that of `Data`."""
        ...


@runtime_checkable
class ImageData(Data, Protocol):
    """One prepared data set of images or signals."""

    class_names: Sequence[str]  # by number; none where no label is known


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
