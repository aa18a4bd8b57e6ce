"""Fusion states and checkpoints for tests: the reference ones, and random ones with the published keys."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.families.fusion.policy import Policy, policy
from assay.numerics.fusion_states import FusionStates, states_from_blocks

REFERENCE = Path(__file__).parents[2] / "reference" / "graphids"
CLASS_PATHS = {
    "dqn": "graphids.core.models.fusion.dqn.DQNFusionModule",
    "bandit": "graphids.core.models.fusion.bandit.BanditFusionModule",
    "mlp": "graphids.core.models.fusion.mlp.MLPFusionModule",
    "moe": "graphids.core.models.fusion.moe.MoEFusionModule",
    "weighted_avg": "graphids.core.models.fusion.weighted_avg.WeightedAvgModule",
}
REWARD = {"vgae_weights": [0.4, 0.3, 0.3]}
SMALL: dict[str, dict[str, Any]] = {
    "dqn": {"alpha_steps": 5, "hidden_dim": 6, "num_layers": 2, "reward_kwargs": REWARD},
    "bandit": {"alpha_steps": 5, "hidden_dim": 6, "num_layers": 2, "reward_kwargs": REWARD},
    "mlp": {"hidden_dims": [6, 4]},
    "moe": {"num_experts": 2, "expert_hidden": [6, 4], "gate_hidden": [3]},
    "weighted_avg": {"lr": 0.01},
}
REINFORCED = ("dqn", "bandit")
Q_COPIES = (
    "q_value_module.module.",
    "q_actor.module.0.module.",
    "explore_policy.module.0.module.0.module.",
    "loss_module.value_network_params.module.0.module.",
)
Q_TARGET = "loss_module.target_value_network_params.module.0.module."


def reference_blocks() -> dict[tuple[str, str], Tensor]:
    arrays = np.load(REFERENCE / "fusion_state.npz")
    return {tuple(name.split("/")): torch.from_numpy(arrays[name]) for name in arrays if "/" in name}


def reference_states() -> FusionStates:
    return states_from_blocks(reference_blocks())


def reference_policy(name: str) -> Policy:
    values = {"dqn": {"hidden_dim": 16, "num_layers": 2, "reward_kwargs": REWARD}, "weighted_avg": {}}[name]
    state = torch.load(REFERENCE / f"fusion_{name}" / "state_dict.pt", weights_only=True)
    return policy(state, {"class_path": CLASS_PATHS[name], "hyper_parameters": values})


def reference_answer(name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays, and the published file."""
    folder = REFERENCE / f"fusion_{name}"
    return dict(np.load(folder / "arrays.npz")), json.loads((folder / "dqn_policy.json").read_text())


def random_states(seed: int, n: int = 40) -> FusionStates:
    """Probabilities that are some, errors above 0, and certainties of which many lie outside 0..1."""
    draw = torch.Generator().manual_seed(seed)
    features = torch.randn(n, 18, generator=draw)
    features[:, 5:7] = (2 * features[:, 5:7]).softmax(1)
    features[:, 9:12] = features[:, 9:12].exp()
    return FusionStates(features)


def with_columns(states: FusionStates, columns: slice, values: Tensor) -> FusionStates:
    features = states.features.clone()
    features[:, columns] = values
    return FusionStates(features)


def published_shapes(name: str) -> dict[str, list[int]]:
    """Every key of a small checkpoint with its shape, in the published order."""
    if name == "dqn":
        return _dqn_shapes()
    if name == "bandit":
        return _bandit_shapes()
    if name == "mlp":
        return {"alpha_values": [21], **_linears("model.", [18, 6, 4, 1], step=3)}
    if name == "moe":
        experts = _linears("experts.0.", [18, 6, 4, 1], 3) | _linears("experts.1.", [18, 6, 4, 1], 3)
        return {"alpha_values": [21], **experts, **_linears("gate.", [18, 3, 2], step=3)}
    return {"weight": [1], "alpha_values": [21]}


def random_state(name: str, *, seed: int = 2) -> dict[str, Tensor]:
    """Every number normal; the alphas evenly spread, the weights of the errors above 0, the copies alike."""
    draw = torch.Generator().manual_seed(seed)
    state = {key: torch.randn(shape, generator=draw) for key, shape in published_shapes(name).items()}
    state["alpha_values"] = torch.linspace(0, 1, len(state["alpha_values"]))
    if name in REINFORCED:
        state["reward_calc._vgae_weights"] = torch.tensor([0.5, 0.125, 0.25])
    for key in [key for key in state if key.startswith(Q_COPIES[0])]:
        for copy in Q_COPIES[1:]:
            state[copy + key.removeprefix(Q_COPIES[0])] = state[key].clone()
    return state


def hparams(name: str, **changes: Any) -> dict[str, Any]:
    return {"class_path": CLASS_PATHS[name], "hyper_parameters": {**SMALL[name], **changes}}


def random_policy(name: str, *, seed: int = 2, **changes: Any) -> Policy:
    return policy(random_state(name, seed=seed), hparams(name, **changes))


def _dqn_shapes() -> dict[str, list[int]]:
    scalars = ("eps_init", "eps_end", "eps")
    network = _linears("", [18, 6, 6, 5], step=2)

    def copy(prefix: str) -> dict[str, list[int]]:
        return {prefix + key: shape for key, shape in network.items()}

    return {
        "alpha_values": [5],
        "reward_calc._vgae_weights": [3],
        **copy(Q_COPIES[0]),
        **copy(Q_COPIES[1]),
        **{f"_egreedy.{scalar}": [] for scalar in scalars},
        **copy(Q_COPIES[2]),
        **{f"explore_policy.module.1.{scalar}": [] for scalar in scalars},
        **copy(Q_COPIES[3]),
        **copy(Q_TARGET),
        "loss_module._value_estimator.gamma": [],
    }


def _bandit_shapes() -> dict[str, list[int]]:
    shapes = {"alpha_values": [5], "A_inv": [5, 6, 6], "b": [5, 6], "theta": [5, 6]}
    shapes["reward_calc._vgae_weights"] = [3]
    for layer, width in enumerate([18, 6]):
        shapes |= {f"backbone.net.{4 * layer}.weight": [6, width], f"backbone.net.{4 * layer}.bias": [6]}
        shapes |= {f"backbone.net.{4 * layer + 1}.weight": [6], f"backbone.net.{4 * layer + 1}.bias": [6]}
    return shapes


def _linears(prefix: str, widths: list[int], step: int) -> dict[str, list[int]]:
    shapes = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        shapes[f"{prefix}{step * layer}.weight"] = [outputs, inputs]
        shapes[f"{prefix}{step * layer}.bias"] = [outputs]
    return shapes
