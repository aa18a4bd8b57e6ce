"""Trains the fusion policies of the demo on what two of its checkpoints, a VGAE and a GAT, say of graphs."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from assay.demo.reward import RewardWeights, rewards
from assay.demo.training import WEIGHT_DECAY, Trained, checkpoint, fit, seeded
from assay.families.fusion.dqn import COPIES, QUALITY, DqnNetwork
from assay.families.fusion.mlp import MlpNetwork
from assay.families.fusion.policy import PUBLISHED
from assay.families.fusion.reinforced import settings
from assay.families.hyperparameters import HyperParameters
from assay.numerics.fusion_states import STATE_DIM, FusionStates, states_from_blocks
from assay.protocols import AnomalyFeatures, ClassFeatures, Samples

GRAPHS_AT_A_TIME = 256
LEARNING_RATE = 3e-3
EPSILON, LEAST_EPSILON = 0.2, 0.01  # of exploration, which immediate rewards do not need
TARGET = "loss_module.target_value_network_params.module.0.module."


def expert_states(vgae: AnomalyFeatures, gat: ClassFeatures, samples: Samples, *, seed: int) -> FusionStates:
    """What both say of every sample, as the artifact fusion_states takes it; `seed` decides the VGAE's noise."""
    said = {
        "vgae": vgae.anomaly_features(samples, batch_size=GRAPHS_AT_A_TIME, seed=seed),
        "gat": gat.class_features(samples, batch_size=GRAPHS_AT_A_TIME),
    }
    blocks = {(model, name): block for model, of in said.items() for name, block in of.items()}
    return states_from_blocks(blocks)


def trained_dqn(
    states: FusionStates, labels: Int64[Tensor, " n"], hyper_parameters: Mapping[str, Any], *, epochs: int
) -> Trained:
    """A deep Q-network whose q-values are fitted, by least squares, to the reward of every alpha.

    The reward of an alpha is immediate and known for all of them, so its q-value is that reward: no exploration, no
    replay and no discount (gamma is 0) are needed, and the slow target is the network itself. The same seed gives the
    same bits on one thread of the same machine; the global random state is left as found.

    Args:
        states: of the training split.
        labels: 1 is attack.
        hyper_parameters: as `dqn_hyper_parameters` gives them.
        epochs: passes over the states.
    """
    header = {"class_path": f"{PUBLISHED}dqn.DQNFusionModule", "hyper_parameters": dict(hyper_parameters)}
    weights = RewardWeights(**hyper_parameters["reward_kwargs"])
    with seeded(hyper_parameters["seed"]):
        network = DqnNetwork(settings(HyperParameters(hyper_parameters)))
        _fill(network, weights)
        wanted = rewards(
            states,
            labels,
            anomaly=network.reward_calc(states),
            alphas=network.alpha_values,
            threshold=network.settings.decision_threshold,
            weights=weights,
        )
        loss = partial(_q_loss, network, states, wanted)
        losses = fit(network, loss, n=len(labels), epochs=epochs, peak_learning_rate=LEARNING_RATE)
    _copy_q_network(network)
    return Trained(checkpoint(network, header, n=len(labels), epochs=epochs), losses)


def trained_mlp(
    states: FusionStates, labels: Int64[Tensor, " n"], hyper_parameters: Mapping[str, Any], *, epochs: int
) -> Trained:
    """A perceptron fitted to the labels by cross entropy; arguments and reproducibility as of `trained_dqn`."""
    header = {"class_path": f"{PUBLISHED}mlp.MLPFusionModule", "hyper_parameters": dict(hyper_parameters)}
    with seeded(hyper_parameters["seed"]):
        network = MlpNetwork(tuple(hyper_parameters["hidden_dims"])).train()
        _spread(network.get_buffer("alpha_values"))
        loss = partial(_mlp_loss, network, states, labels)
        losses = fit(network, loss, n=len(labels), epochs=epochs, peak_learning_rate=LEARNING_RATE)
    return Trained(checkpoint(network, header, n=len(labels), epochs=epochs), losses)


def dqn_hyper_parameters(*, hidden: int, seed: int) -> dict[str, Any]:
    """The published constructor arguments of a small DQN."""
    return {
        "state_dim": STATE_DIM,
        "alpha_steps": 21,
        "hidden_dim": hidden,
        "num_layers": 2,
        "decision_threshold": 0.5,
        "epsilon": EPSILON,
        "min_epsilon": LEAST_EPSILON,
        "lr": LEARNING_RATE,
        "weight_decay": WEIGHT_DECAY,
        "reward_kwargs": asdict(RewardWeights()),
        "seed": seed,
    }


def mlp_hyper_parameters(*, hidden: int, seed: int) -> dict[str, Any]:
    """The published constructor arguments of a small perceptron."""
    return {"state_dim": STATE_DIM, "hidden_dims": [hidden, hidden // 2], "lr": LEARNING_RATE, "seed": seed}


POLICIES = {"dqn": (trained_dqn, dqn_hyper_parameters), "mlp": (trained_mlp, mlp_hyper_parameters)}


def _fill(network: DqnNetwork, weights: RewardWeights) -> None:
    """Every number of the checkpoint that is not learnt."""
    _spread(network.alpha_values)
    network.reward_calc._vgae_weights.copy_(torch.tensor(weights.vgae_weights))
    for scalars in ("_egreedy", "explore_policy.module.1"):
        for name, value in (("eps_init", EPSILON), ("eps_end", LEAST_EPSILON), ("eps", LEAST_EPSILON)):
            network.get_buffer(f"{scalars}.{name}").fill_(value)
    network.get_buffer("loss_module._value_estimator.gamma").fill_(0)


def _spread(alphas: Tensor) -> None:
    alphas.copy_(torch.linspace(0, 1, len(alphas)))


@torch.no_grad()
def _copy_q_network(network: DqnNetwork) -> None:
    """Makes all copies of the learnt network, and its slow target, the same."""
    for name, parameter in network.get_submodule(QUALITY.removesuffix(".")).named_parameters():
        for copy in (*COPIES, TARGET):
            network.get_parameter(copy + name).copy_(parameter)


def _q_loss(
    network: DqnNetwork, states: FusionStates, wanted: Float[Tensor, "n k"], index: Int64[Tensor, " b"]
) -> Float[Tensor, ""]:
    return mse_loss(network.q_values(FusionStates(states.features[index])), wanted[index])


def _mlp_loss(
    network: MlpNetwork, states: FusionStates, labels: Int64[Tensor, " n"], index: Int64[Tensor, " b"]
) -> Float[Tensor, ""]:
    logits = network.model(states.features[index])[:, 0]
    return binary_cross_entropy_with_logits(logits, labels[index].float())
