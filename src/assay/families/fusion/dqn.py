"""The deep Q-network: a value for each alpha, the largest wins."""

from collections.abc import Mapping

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from assay.errors import Refused
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

QUALITY = "q_value_module.module."
COPIES = (
    "q_actor.module.0.module.",
    "explore_policy.module.0.module.0.module.",
    "loss_module.value_network_params.module.0.module.",
)


def dqn(tensors: Mapping[str, Tensor], values: HyperParameters) -> "DqnNetwork":
    """The network of a checkpoint on the CPU.

    Raises:
        Refused: hyper-parameters or tensors that do not fit, alphas outside 0..1, or copies of the q-network
            that differ from it; only the slow target may.
    """
    with torch.device("meta"):
        network = DqnNetwork(settings(values))
    load_state(network, with_anomaly_weights(tensors, values))
    refuse_other_alphas(network.alpha_values)
    _refuse_different_copies(network.state_dict())
    return network


class DqnNetwork(nn.Module):
    """Everything that a checkpoint holds; only `q_value_module` acts.

    The other modules are those of training: the same network again, as it explores and as it is learnt,
    its slow target, and the scalars of exploration and discount.
    """

    alpha_values: Tensor

    def __init__(self, settings: ReinforcedSettings):
        super().__init__()
        self.settings = settings
        self.register_buffer("alpha_values", torch.empty(settings.alpha_steps))
        self.reward_calc = AnomalyWeights()
        self.q_value_module = _Inside(_q_network(settings))
        self.q_actor = _actor(settings)
        self._egreedy = _Scalars("eps_init", "eps_end", "eps")
        self.explore_policy = _Inside(nn.Sequential(_actor(settings), _Scalars("eps_init", "eps_end", "eps")))
        self.loss_module = nn.Module()
        self.loss_module.value_network_params = _actor(settings)
        self.loss_module.target_value_network_params = _actor(settings)
        self.loss_module._value_estimator = _Scalars("gamma")

    def q_values(self, states: FusionStates) -> Float32[Tensor, "n actions"]:
        """One value an alpha."""
        return self.q_value_module.module(states.clamped())

    def forward(self, states: FusionStates) -> Decisions:
        """The decisions, without exploration."""
        return greedy(
            states,
            self.q_values(states),
            alpha_values=self.alpha_values,
            anomaly=self.reward_calc(states),
            threshold=self.settings.decision_threshold,
        )


class _Inside(nn.Module):
    """A module that stands under the name `module`."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module


class _Scalars(nn.Module):
    """Named numbers."""

    def __init__(self, *names: str):
        super().__init__()
        for name in names:
            self.register_buffer(name, torch.empty(()))


def _actor(settings: ReinforcedSettings) -> nn.Module:
    return _Inside(nn.Sequential(_Inside(_q_network(settings))))


def _q_network(settings: ReinforcedSettings) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Linear(STATE_DIM, settings.hidden_dim), nn.ReLU()]
    for _ in range(settings.num_layers - 1):
        layers += [nn.Linear(settings.hidden_dim, settings.hidden_dim), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(settings.hidden_dim, settings.alpha_steps))


def _refuse_different_copies(state: Mapping[str, Tensor]) -> None:
    names = [name.removeprefix(QUALITY) for name in state if name.startswith(QUALITY)]
    for copy in COPIES:
        for name in names:
            if not torch.equal(state[copy + name], state[QUALITY + name]):
                raise Refused(
                    f"{copy}{name} differs from {QUALITY}{name}: the checkpoint holds two q-networks, and which "
                    "of them decides is unknown. Expected copies; only target_value_network_params may differ."
                )
