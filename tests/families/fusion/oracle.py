"""The five policies written again, in float64, sample by sample, from their equations alone."""

import math
from collections.abc import Mapping

import numpy as np
from torch import Tensor

State = Mapping[str, np.ndarray]


def q_values(name: str, tensors: Mapping[str, Tensor], row: np.ndarray) -> np.ndarray:
    """Of one state of 18 numbers, for a small DQN or bandit."""
    state, x = _double(tensors), row.astype(np.float64).copy()
    x[0], x[8] = min(max(x[0], 0.0), 1.0), min(max(x[8], 0.0), 1.0)
    if name == "dqn":
        return _perceptron(state, "q_value_module.module.", x, indices=(0, 2, 4))
    for layer in (0, 4):
        x = _linear(state, f"backbone.net.{layer}.", x)
        spread = math.sqrt(float(np.mean((x - x.mean()) ** 2)) + 1e-5)
        x = (x - x.mean()) / spread
        x = x * state[f"backbone.net.{layer + 1}.weight"] + state[f"backbone.net.{layer + 1}.bias"]
        x = np.maximum(x, 0)
    return np.array([sum(t * z for t, z in zip(theta, x, strict=True)) for theta in state["theta"]])


def reinforced_score(name: str, tensors: Mapping[str, Tensor], row: np.ndarray) -> tuple[float, float]:
    """Alpha and score of one state."""
    state, x = _double(tensors), row.astype(np.float64)
    q = q_values(name, tensors, row)
    alpha = float(state["alpha_values"][min(k for k in range(len(q)) if q[k] == max(q))])
    weights = state["reward_calc._vgae_weights"]
    w = weights[0] * x[9] + weights[1] * x[10] + weights[2] * x[11]
    return alpha, float((1 - alpha) * w / (1 + w) + alpha * x[6])


def score(name: str, tensors: Mapping[str, Tensor], row: np.ndarray) -> float:
    """Of one state, for a small policy that chooses no alpha."""
    state, x = _double(tensors), row.astype(np.float64)
    if name == "mlp":
        return _sigmoid(_perceptron(state, "model.", x, indices=(0, 3, 6))[0])
    if name == "moe":
        gate = np.exp(_perceptron(state, "gate.", x, indices=(0, 3)))
        experts = [_perceptron(state, f"experts.{i}.", x, indices=(0, 3, 6))[0] for i in (0, 1)]
        mixed = sum(g * _sigmoid(e) for g, e in zip(gate / gate.sum(), experts, strict=True))
    else:
        a = _sigmoid(state["weight"][0])
        mixed = (1 - a) * (1 - x[8]) + a * x[6]
    return min(max(float(mixed), 1e-7), 1 - 1e-7)


def _perceptron(state: State, prefix: str, x: np.ndarray, *, indices: tuple[int, ...]) -> np.ndarray:
    for index in indices[:-1]:
        x = np.maximum(_linear(state, f"{prefix}{index}.", x), 0)
    return _linear(state, f"{prefix}{indices[-1]}.", x)


def _linear(state: State, prefix: str, x: np.ndarray) -> np.ndarray:
    return np.array([row @ x for row in state[f"{prefix}weight"]]) + state[f"{prefix}bias"]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _double(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.double().numpy() for name, tensor in tensors.items()}
