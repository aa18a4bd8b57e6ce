"""The small network inside MLP and MoE."""

from collections.abc import Sequence

from torch import nn

DROPOUT = 0.2


def perceptron(inputs: int, hidden: Sequence[int], outputs: int) -> nn.Sequential:
    """Linear, ReLU and, while training, dropout for each hidden width; then a linear map."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(DROPOUT)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
