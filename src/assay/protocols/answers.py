"""What subjects answer with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float32, Float64, Int64
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Trace:
    """What the functions of a network did on samples: activations, and the gradients of the loss at them.

    The loss is the sum over the samples of each one's own loss, so a gradient is that of its sample alone, and
    batches decide nothing.
    """

    activation: Float32[Tensor, "layers samples channels"]
    gradient: Float32[Tensor, "layers samples channels"]


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
class Objective(Protocol):
    """A loss on fixed samples as a function of the parameters alone: what is random in it was drawn once."""

    def __call__(self, parameters: Sequence[Tensor]) -> float:
        """The sum of the losses over their count."""
        ...
