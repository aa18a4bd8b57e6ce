"""What an artifact may ask of a loaded checkpoint and of its data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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

    def batches(self, size: int) -> Iterator[GraphBatch]:
        """The samples in order, `size` at a time, on the subject's device."""
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

    def embed(self, batch: GraphBatch) -> Float32[Tensor, "samples d"]:
        """One vector a sample: what the family's head sees."""
        ...


@runtime_checkable
class Layers(Subject, Protocol):
    """Answers `layers`."""

    def layers(self, batch: GraphBatch) -> Sequence[Float32[Tensor, "samples d"]]:
        """One vector a sample from every hidden layer, input side first."""
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
    "attend": Attends,
    "embed": Embeds,
    "layers": Layers,
    "loss": Loses,
    "predict": Predicts,
}
