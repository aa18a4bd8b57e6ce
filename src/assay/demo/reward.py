"""The published reward of a fusion policy: what an alpha is worth for a sample whose label is known."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from assay.numerics.fusion_states import FusionStates


@dataclass(frozen=True, slots=True)
class RewardWeights:
    """The published weights under their published names: the checkpoint's `reward_kwargs`."""

    vgae_weights: tuple[float, ...] = (0.4, 0.3, 0.3)  # of reconstruction, Mahalanobis and KL
    correct: float = 3.0
    incorrect: float = -3.0
    confidence_weight: float = 0.5
    combined_conf_weight: float = 0.3
    disagreement_penalty: float = -1.0
    overconf_penalty: float = -1.5
    balance_weight: float = 0.3


def rewards(
    states: FusionStates,
    labels: Int64[Tensor, " n"],
    *,
    anomaly: Float32[Tensor, " n"],
    alphas: Float32[Tensor, " actions"],
    threshold: float,
    weights: RewardWeights,
) -> Float[Tensor, "n actions"]:
    """The reward of every alpha for every sample.

    Right decisions are worth more where the experts agree and are certain, wrong ones less where they disagree and the
    fused score was sure; an alpha near 1/2 is worth a little by itself. The published training decides by
    alpha > threshold; here the fused score decides, as it does when the policy is used.

    Args:
        states: what the experts say.
        labels: 1 is attack.
        anomaly: the VGAE's anomaly, 0 to 1, as the policy reads it from the states.
        alphas: the weights of the GAT that can be chosen.
        threshold: of the fused score; an attack lies above it.
        weights: of the terms.
    """
    attack = states.gat_probs[:, 1]
    fused = (1 - alphas) * anomaly[:, None] + alphas * attack[:, None]  # (n, actions)
    decided = fused > threshold
    agreement = 1 - (anomaly - attack).abs()
    sure = torch.where(decided, fused, 1 - fused)
    right = weights.correct + agreement + _confidence(states, labels, anomaly, weights)
    wrong = weights.incorrect + weights.disagreement_penalty * (1 - agreement)
    value = torch.where(
        decided == (labels == 1)[:, None], right[:, None], wrong[:, None] + weights.overconf_penalty * sure
    )
    return value + weights.balance_weight * (1 - 2 * (alphas - 0.5).abs())


def _confidence(
    states: FusionStates, labels: Int64[Tensor, " n"], anomaly: Float32[Tensor, " n"], weights: RewardWeights
) -> Float[Tensor, " n"]:
    """What is added where the decision is right."""
    strongest = torch.maximum(anomaly, states.gat_probs[:, 1])
    own = torch.where(labels == 1, strongest, 1 - strongest)
    certain = torch.maximum(states.vgae_conf, states.gat_conf).clamp(0, 1)
    return weights.confidence_weight * own + weights.combined_conf_weight * certain
