"""What a checkpoint says of samples, from its logits or from its scores: any attack against benign, or classes."""

from collections.abc import Sequence

from jaxtyping import Float32
from torch import Tensor

from assay.protocols import Detection


def by_logits(logits: Float32[Tensor, "samples classes"]) -> Detection:
    """The class of the largest logit, and the log odds of any class but 0, which never saturate."""
    exact = logits.double()
    return Detection(exact[:, 1:].logsumexp(1) - exact[:, 0], logits.argmax(1), logits)


def by_scores(scores: Float32[Tensor, " samples"], threshold: float | None) -> Detection:
    """The scores, and which of them lie above the threshold of the checkpoint, where it has one; on the CPU."""
    exact = scores.double().cpu()
    decisions = None if threshold is None else (exact > threshold).long()
    return Detection(exact, decisions, logits=None)


def by_classes(logits: Float32[Tensor, "samples classes"], class_names: Sequence[str]) -> Detection:
    """The class of the largest logit, where none is benign: no score says how suspicious a sample is."""
    return Detection(None, logits.argmax(1), logits, class_names)
