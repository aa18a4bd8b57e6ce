"""What the two policies share that choose an alpha for each sample: DQN and bandit."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from assay.errors import AssayError, Refused, ResultWarning
from assay.families.fusion.decisions import decided
from assay.families.fusion.settings import MOST_LAYERS, MOST_WIDTH, check_state_dim
from assay.families.hyperparameters import HyperParameters
from assay.families.state import COMPILED
from assay.numerics.fusion_states import FusionStates
from assay.protocols import Decisions

ANOMALY_WEIGHTS = "reward_calc._vgae_weights"
PUBLISHED_WEIGHTS = (0.4, 0.3, 0.3)  # of reconstruction, Mahalanobis and KL
MOST_ALPHAS = 4096


@dataclass(frozen=True, slots=True)
class ReinforcedSettings:
    """The hyper-parameters that decide the network and its decision."""

    alpha_steps: int
    hidden_dim: int
    num_layers: int  # hidden ones
    decision_threshold: float


def settings(values: HyperParameters) -> ReinforcedSettings:
    """What the hyper-parameters say of a DQN or a bandit; defaults are the published ones.

    Raises:
        Refused: every problem at once.
    """
    result = ReinforcedSettings(
        alpha_steps=values.integer("alpha_steps", default=21, least=2, most=MOST_ALPHAS),
        hidden_dim=values.integer("hidden_dim", default=128, least=1, most=MOST_WIDTH),
        num_layers=values.integer("num_layers", default=3, least=1, most=MOST_LAYERS),
        decision_threshold=values.fraction("decision_threshold", default=0.5),
    )
    check_state_dim(values)
    reward = values.raw("reward_kwargs")
    if reward is not None and not isinstance(reward, Mapping):
        values.problem("reward_kwargs", reward, "None or a mapping")
    values.refuse_problems()
    return result


class AnomalyWeights(nn.Module):
    """How much each error of the VGAE counts."""

    _vgae_weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("_vgae_weights", torch.empty(3))

    def forward(self, states: FusionStates) -> Float32[Tensor, " n"]:
        """The anomaly of each sample, w / (1 + w) of the weighted errors w.

        Raises:
            AssayError: weighted errors of -1 or less, where this is no anomaly.
        """
        w = states.vgae_errors @ self._vgae_weights
        if (w <= -1).any():
            raise AssayError(
                f"the weighted errors of the VGAE are {w.min():.4g} in a sample; allowed: above -1. Errors are "
                f"squares and distances: look at vgae/errors of the states and at {ANOMALY_WEIGHTS}"
            )
        return w / (1 + w)


def with_anomaly_weights(tensors: Mapping[str, Tensor], values: HyperParameters) -> Mapping[str, Tensor]:
    """The state dict; with the published weights, and a ResultWarning, where it was trained without a reward."""
    names = {name.replace(COMPILED, "") for name in tensors}
    if ANOMALY_WEIGHTS in names or values.raw("reward_kwargs"):
        return tensors
    warnings.warn(
        f"the checkpoint was trained without reward_kwargs and has no {ANOMALY_WEIGHTS}; "
        f"the errors of the VGAE are weighed by the published {', '.join(map(str, PUBLISHED_WEIGHTS))}",
        ResultWarning,
        stacklevel=2,
    )
    return {**tensors, ANOMALY_WEIGHTS: torch.tensor(PUBLISHED_WEIGHTS)}


def refuse_other_alphas(alpha_values: Float32[Tensor, " actions"]) -> None:
    """Refuses the alphas of a checkpoint that weigh no two experts.

    Raises:
        Refused: one of them lies outside 0..1.
    """
    low, high = alpha_values.min().item(), alpha_values.max().item()
    if not 0 <= low <= high <= 1:
        raise Refused(f"alpha_values reach from {low:.4g} to {high:.4g}; allowed: weights from 0 to 1")


def greedy(
    states: FusionStates,
    q_values: Float32[Tensor, "n actions"],
    *,
    alpha_values: Float32[Tensor, " actions"],
    anomaly: Float32[Tensor, " n"],
    threshold: float,
) -> Decisions:
    """The alpha of the largest q-value, the first of equal ones, and the score that it fuses."""
    alpha = alpha_values[q_values.argmax(1)]
    score = (1 - alpha) * anomaly + alpha * states.gat_probs[:, 1]
    return Decisions(score, decided(score, threshold), alpha=alpha, q_values=q_values)
