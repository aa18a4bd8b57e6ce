"""What an artifact may ask of a loaded checkpoint and of its data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped
from torch import Tensor


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
    """What a checkpoint says of samples: a score that rises with suspicion, and what it decides."""

    scores: Float64[Tensor, " samples"]
    decisions: (
        Int64[Tensor, " samples"] | None
    )  # a class, 0 benign; None where it has no threshold of its own
    logits: Float32[Tensor, "samples classes"] | None  # of a classifier; else None


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
class Embeds(Subject, Protocol):
    """Answers `embed`."""

    noise_width: int  # normal numbers a node that a random embedding takes; 0 where none is random

    def embed(
        self, batch: GraphBatch, noise: Float32[Tensor, "nodes k"] | None = None
    ) -> Float32[Tensor, "samples d"]:
        """One vector a sample: what the family's head sees; without noise the mean of what is random."""
        ...


@runtime_checkable
class Layers(Subject, Protocol):
    """Answers `layers`."""

    def layers(self, batch: GraphBatch) -> Sequence[Float32[Tensor, "samples d"]]:
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
        """Scores of all samples in order; `seed` decides what is random in them, batches decide nothing."""
        ...


@runtime_checkable
class Predicts(Subject, Protocol):
    """Answers `predict`."""

    def predict(self, batch: GraphBatch) -> Float32[Tensor, "samples classes"]:
        """Logits; class 0 is benign."""
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


CAPABILITIES: Mapping[str, type] = {
    "anomaly_features": AnomalyFeatures,
    "attend": Attends,
    "class_features": ClassFeatures,
    "decide": Decides,
    "detect": Detects,
    "embed": Embeds,
    "layers": Layers,
    "loss": Loses,
    "predict": Predicts,
}
