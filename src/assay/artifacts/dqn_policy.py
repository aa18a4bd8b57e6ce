"""The published file of a fusion policy: what its users read, under the names that they know."""

from dataclasses import dataclass

import torch

from assay.artifacts.sampling import chosen_splits
from assay.errors import AssayError
from assay.protocols import Data, Decides, Decisions


@dataclass(frozen=True, slots=True)
class AlphaByLabel:
    """The published `alphas` of each class."""

    normal: list[float]
    attack: list[float]  # of any label but 0


@dataclass(frozen=True, slots=True)
class DqnPolicy:
    """One entry a sample, in the order of the split; the first four fields are the published ones.

    As published, `alphas` holds the fused scores of a policy that chooses no alpha: `alphas_are` says which.
    """

    alphas: list[float]
    labels: list[int]
    alpha_by_label: AlphaByLabel
    q_values: list[list[float]]  # [sample][alpha]; empty where the policy has none
    alphas_are: str  # alphas, or scores
    policy: str
    split: str
    family: str
    data: str


def compute(subject: Decides, data: Data, *, split: str, batch_size: int) -> DqnPolicy:
    """The decisions on every sample of a split, as the published analysis wrote them.

    Raises:
        AssayError: a split that the data do not have or that is empty, or a score that is not finite.
    """
    (split,) = chosen_splits(data, (split,))
    samples = data.draw(split, max_samples=None, seed=0)
    if len(samples) == 0:
        raise AssayError(f"split {split!r}: there is no sample")
    parts = [subject.decide(batch) for batch in samples.batches(batch_size)]
    alphas, labels = _published_alphas(parts), samples.labels.tolist()
    return DqnPolicy(
        alphas=alphas,
        labels=labels,
        alpha_by_label=AlphaByLabel(
            normal=[alpha for alpha, label in zip(alphas, labels, strict=True) if label == 0],
            attack=[alpha for alpha, label in zip(alphas, labels, strict=True) if label != 0],
        ),
        q_values=[row for part in parts if part.q_values is not None for row in part.q_values.tolist()],
        alphas_are="scores" if parts[0].alpha is None else "alphas",
        policy=subject.policy,
        split=split,
        family=subject.family,
        data=data.name,
    )


def _published_alphas(parts: list[Decisions]) -> list[float]:
    return torch.cat([part.score if part.alpha is None else part.alpha for part in parts]).tolist()
