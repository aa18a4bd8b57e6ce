"""From a fused score to a decision, and what is none."""

from jaxtyping import Float32, Int64
from torch import Tensor

from assay.errors import AssayError
from assay.protocols import Decisions

THRESHOLD = 0.5  # of a score, where the policy has none of its own
CLAMP = 1e-7  # how far scores are kept off 0 and 1


def decided(score: Float32[Tensor, " n"], threshold: float) -> Int64[Tensor, " n"]:
    """1, attack, where the score lies above the threshold; 0 on it."""
    return (score > threshold).long()


def finite(decisions: Decisions) -> Decisions:
    """The decisions themselves.

    Raises:
        AssayError: a q-value or a score is not finite.
    """
    if decisions.q_values is not None:
        _refuse_not_finite("q-value", decisions.q_values)
    _refuse_not_finite("score", decisions.score[:, None])
    return decisions


def _refuse_not_finite(what: str, values: Float32[Tensor, "n _"]) -> None:
    if n := int((~values.isfinite().all(1)).sum()):
        raise AssayError(
            f"the policy gives a {what} that is not finite for {n} of {len(values)} samples: "
            "their states or its weights are too large for float32"
        )
