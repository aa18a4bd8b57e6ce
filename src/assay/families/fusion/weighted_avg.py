"""The weighted average of the two experts: one learnt alpha for all samples."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from assay.families.fusion.decisions import CLAMP, THRESHOLD, decided
from assay.families.fusion.settings import PUBLISHED_ALPHAS, check_state_dim
from assay.families.hyperparameters import HyperParameters
from assay.families.state import load_state
from assay.numerics.fusion_states import FusionStates
from assay.protocols import Decisions


def weighted_avg(tensors: Mapping[str, Tensor], values: HyperParameters) -> "WeightedAverage":
    """The network of a checkpoint on the CPU.

    Raises:
        Refused: hyper-parameters or tensors that do not fit.
    """
    check_state_dim(values)
    values.refuse_problems()
    with torch.device("meta"):
        network = WeightedAverage()
    load_state(network, tensors)
    return network


class WeightedAverage(nn.Module):
    """`weight` is the logit of the alpha; `alpha_values` is in the checkpoint and never acts."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1))
        self.register_buffer("alpha_values", torch.empty(PUBLISHED_ALPHAS))

    def forward(self, states: FusionStates) -> Decisions:
        """Scores, kept off 0 and 1: the GAT's probability against 1 less the VGAE's certainty, not clamped."""
        alpha = self.weight.sigmoid()
        fused = (1 - alpha) * (1 - states.vgae_conf) + alpha * states.gat_probs[:, 1]
        score = fused.clamp(CLAMP, 1 - CLAMP)
        return Decisions(score, decided(score, THRESHOLD), learnt_alpha=alpha.item())
