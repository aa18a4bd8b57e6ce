"""Emulators for tests: random ones, and a forward pass of their tensors written out by itself."""

from collections.abc import Sequence
from math import erf

import numpy as np
import torch
from torch import Tensor

ORACLES = {  # in float64, by their definitions
    "relu": lambda z: np.maximum(z, 0),
    "gelu": lambda z: z * 0.5 * (1 + np.vectorize(erf)(z / np.sqrt(2))),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


def names(n: int, style: str) -> list[str]:
    """Of n linear layers; the style is `plain`, `dropout` or `older`."""
    if style == "older":
        return [*(f"fc{k}" for k in range(1, n)), "out"]
    return [f"network.{k * (3 if style == 'dropout' else 2)}" for k in range(n)]


def random_state(widths: Sequence[int], *, seed: int = 0, style: str = "plain") -> dict[str, Tensor]:
    """The tensors of an emulator with these widths, inputs and outputs among them."""
    draw = torch.Generator().manual_seed(seed)
    state = {}
    for name, n_in, n_out in zip(names(len(widths) - 1, style), widths, widths[1:], strict=False):
        state[f"{name}.weight"] = torch.randn(n_out, n_in, generator=draw) / n_in**0.5
        state[f"{name}.bias"] = torch.randn(n_out, generator=draw)
    return state


def oracle(state: dict[str, Tensor], x: Tensor, activation: str) -> list[np.ndarray]:
    """What every layer gives, in float64; the last are the outputs."""
    values, found = [tensor.double().numpy() for tensor in state.values()], []
    here = x.double().numpy()
    for weight, bias in zip(values[::2], values[1::2], strict=True):
        here = here @ weight.T + bias
        if len(found) < len(values) // 2 - 1:
            here = ORACLES[activation](here)
        found.append(here)
    return found
