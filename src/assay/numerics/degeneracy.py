"""Whether a fusion policy decides sample by sample at all."""

from jaxtyping import Float32
from torch import Tensor

from assay.protocols import Decisions

UNUSED = 1e-3  # an expert of this weight moves no score by more
CONSTANT = 1e-6  # what float32 leaves of a spread that is none


def degeneracy(decisions: Decisions) -> str:
    """One sentence on why the policy does not decide sample by sample; empty where it does.

    The first of: q-values that are all 0, an expert that is never used, one alpha for all samples, one score
    for all samples. Of fewer than two samples nothing is said.
    """
    if len(decisions.score) < 2:
        return ""
    return _of_q_values(decisions) or _of_alpha(decisions) or _of_score(decisions.score)


def _of_q_values(decisions: Decisions) -> str:
    if decisions.q_values is None or decisions.q_values.any():
        return ""
    return (
        "All q-values are 0, so that every sample gets the first action: this is what a bandit gives "
        "that was saved after its theta was reset."
    )


def _of_alpha(decisions: Decisions) -> str:
    if decisions.learnt_alpha is not None:
        return _of_unused(decisions.learnt_alpha, decisions.learnt_alpha)
    if decisions.alpha is None:
        return ""
    low, high = decisions.alpha.min().item(), decisions.alpha.max().item()
    if unused := _of_unused(low, high):
        return unused
    if low < high:
        return ""
    return (
        f"Alpha is {low:.4g} for all {len(decisions.alpha)} samples: the policy is a fixed weighted average."
    )


def _of_unused(low: float, high: float) -> str:
    if high <= UNUSED:
        return "Alpha is 0 for every sample: the GAT is never used."
    if low >= 1 - UNUSED:
        return "Alpha is 1 for every sample: the VGAE is never used."
    return ""


def _of_score(score: Float32[Tensor, " n"]) -> str:
    if score.max() - score.min() > CONSTANT:
        return ""
    return f"The score is {score[0].item():.4g} for all {len(score)} samples: the policy tells none from another."
