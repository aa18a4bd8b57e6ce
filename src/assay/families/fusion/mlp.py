"""The perceptron: a score from the state, no alpha."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from assay.families.fusion.decisions import THRESHOLD, decided
from assay.families.fusion.perceptron import perceptron
from assay.families.fusion.settings import PUBLISHED_ALPHAS, check_state_dim, widths
from assay.families.hyperparameters import HyperParameters
from assay.families.state import load_state
from assay.numerics.fusion_states import STATE_DIM, FusionStates
from assay.protocols import Decisions


def mlp(tensors: Mapping[str, Tensor], values: HyperParameters) -> "MlpNetwork":
    """The network of a checkpoint on the CPU.

    Raises:
        Refused: hyper-parameters or tensors that do not fit.
    """
    hidden = widths(values, "hidden_dims", default=(64, 32))
    check_state_dim(values)
    values.refuse_problems()
    with torch.device("meta"):
        network = MlpNetwork(hidden)
    load_state(network, tensors)
    return network


class MlpNetwork(nn.Module):
    """`alpha_values` is in the checkpoint and never acts."""

    def __init__(self, hidden: tuple[int, ...]):
        super().__init__()
        self.register_buffer("alpha_values", torch.empty(PUBLISHED_ALPHAS))
        self.model = perceptron(STATE_DIM, hidden, 1)

    def forward(self, states: FusionStates) -> Decisions:
        """Scores; the state is not clamped."""
        score = self.model(states.features)[:, 0].sigmoid()
        return Decisions(score, decided(score, THRESHOLD))
