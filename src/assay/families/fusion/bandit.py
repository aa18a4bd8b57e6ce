"""The neural-linear bandit: a backbone's features, and one linear value for each alpha."""

from collections.abc import Mapping

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from assay.families.fusion.reinforced import (
    AnomalyWeights,
    ReinforcedSettings,
    greedy,
    refuse_other_alphas,
    settings,
    with_anomaly_weights,
)
from assay.families.hyperparameters import HyperParameters
from assay.families.state import load_state
from assay.numerics.fusion_states import STATE_DIM, FusionStates
from assay.protocols import Decisions

DROPOUT = 0.2


def bandit(tensors: Mapping[str, Tensor], values: HyperParameters) -> "BanditNetwork":
    """The network of a checkpoint on the CPU.

    Raises:
        Refused: hyper-parameters or tensors that do not fit, or alphas outside 0..1.
    """
    with torch.device("meta"):
        network = BanditNetwork(settings(values))
    load_state(network, with_anomaly_weights(tensors, values))
    refuse_other_alphas(network.alpha_values)
    return network


class BanditNetwork(nn.Module):
    """The posterior means `theta` act, without the bonus for exploring; `A_inv` and `b` are what they come from."""

    alpha_values: Tensor
    theta: Tensor

    def __init__(self, settings: ReinforcedSettings):
        super().__init__()
        actions, width = settings.alpha_steps, settings.hidden_dim
        self.settings = settings
        self.register_buffer("alpha_values", torch.empty(actions))
        self.register_buffer("A_inv", torch.empty(actions, width, width))
        self.register_buffer("b", torch.empty(actions, width))
        self.register_buffer("theta", torch.empty(actions, width))
        self.reward_calc = AnomalyWeights()
        self.backbone = Backbone(settings)

    def q_values(self, states: FusionStates) -> Float32[Tensor, "n actions"]:
        """One value an alpha; all 0 where the checkpoint was saved after a refit of its backbone."""
        return self.backbone(states.clamped()) @ self.theta.T

    def forward(self, states: FusionStates) -> Decisions:
        """The decisions, without exploration."""
        return greedy(
            states,
            self.q_values(states),
            alpha_values=self.alpha_values,
            anomaly=self.reward_calc(states),
            threshold=self.settings.decision_threshold,
        )


class Backbone(nn.Module):
    """Layers of a linear map, layer norm, ReLU and, while training, dropout."""

    def __init__(self, settings: ReinforcedSettings):
        super().__init__()
        widths = [STATE_DIM] + [settings.hidden_dim] * (settings.num_layers - 1)
        layers: list[nn.Module] = []
        for width in widths:
            layers += [
                nn.Linear(width, settings.hidden_dim),
                nn.LayerNorm(settings.hidden_dim),
                nn.ReLU(),
                nn.Dropout(DROPOUT),
            ]
        self.net = nn.Sequential(*layers)

    def forward(self, features: Float32[Tensor, "n 18"]) -> Float32[Tensor, "n d"]:
        """What the values are linear in."""
        return self.net(features)
