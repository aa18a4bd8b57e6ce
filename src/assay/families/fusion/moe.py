"""The mixture of experts: perceptrons whose scores a gate weighs, no alpha."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from assay.families.fusion.decisions import CLAMP, THRESHOLD, decided
from assay.families.fusion.perceptron import perceptron
from assay.families.fusion.settings import PUBLISHED_ALPHAS, check_state_dim, widths
from assay.families.hyperparameters import HyperParameters
from assay.families.state import load_state
from assay.numerics.fusion_states import STATE_DIM, FusionStates
from assay.protocols import Decisions

MOST_EXPERTS = 256


@dataclass(frozen=True, slots=True)
class MoeSettings:
    """The hyper-parameters that decide the network."""

    num_experts: int
    expert_hidden: tuple[int, ...]
    gate_hidden: tuple[int, ...]


def moe(tensors: Mapping[str, Tensor], values: HyperParameters) -> "MoeNetwork":
    """The network of a checkpoint on the CPU.

    Raises:
        Refused: hyper-parameters or tensors that do not fit.
    """
    settings = MoeSettings(
        num_experts=values.integer("num_experts", default=3, least=1, most=MOST_EXPERTS),
        expert_hidden=widths(values, "expert_hidden", default=(64, 32)),
        gate_hidden=widths(values, "gate_hidden", default=(32,)),
    )
    check_state_dim(values)
    values.refuse_problems()
    with torch.device("meta"):
        network = MoeNetwork(settings)
    load_state(network, tensors)
    return network


class MoeNetwork(nn.Module):
    """`alpha_values` is in the checkpoint and never acts."""

    def __init__(self, settings: MoeSettings):
        super().__init__()
        self.register_buffer("alpha_values", torch.empty(PUBLISHED_ALPHAS))
        self.experts = nn.ModuleList(
            perceptron(STATE_DIM, settings.expert_hidden, 1) for _ in range(settings.num_experts)
        )
        self.gate = perceptron(STATE_DIM, settings.gate_hidden, settings.num_experts)

    def forward(self, states: FusionStates) -> Decisions:
        """Scores, kept off 0 and 1; the state is not clamped."""
        features = states.features
        scores = torch.cat([expert(features) for expert in self.experts], dim=1).sigmoid()  # (n, experts)
        score = (self.gate(features).softmax(1) * scores).sum(1).clamp(CLAMP, 1 - CLAMP)
        return Decisions(score, decided(score, THRESHOLD))
