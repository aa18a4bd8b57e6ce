"""A fusion checkpoint as a policy: which of the five it is, loaded strictly."""

from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from torch import Tensor, nn

from assay.families.fusion.bandit import bandit
from assay.families.fusion.decisions import finite
from assay.families.fusion.dqn import dqn
from assay.families.fusion.mlp import mlp
from assay.families.fusion.moe import moe
from assay.families.fusion.weighted_avg import weighted_avg
from assay.families.hyperparameters import HyperParameters
from assay.families.published_checkpoint import published_values
from assay.numerics.fusion_states import FusionStates
from assay.protocols import Decisions

Reader = Callable[[Mapping[str, Tensor], HyperParameters], nn.Module]

PUBLISHED = "graphids.core.models.fusion."
READERS: Mapping[str, tuple[str, Reader]] = {
    f"{PUBLISHED}dqn.DQNFusionModule": ("dqn", dqn),
    f"{PUBLISHED}bandit.BanditFusionModule": ("bandit", bandit),
    f"{PUBLISHED}mlp.MLPFusionModule": ("mlp", mlp),
    f"{PUBLISHED}moe.MoEFusionModule": ("moe", moe),
    f"{PUBLISHED}weighted_avg.WeightedAvgModule": ("weighted_avg", weighted_avg),
}
CLASS_PATHS = tuple(READERS)


def policy(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "Policy":
    """The checkpoint as a policy on the CPU, in eval mode.

    `hparams` is what the border wrote: `{"class_path": ..., "hyper_parameters": {...}}`. Nothing in it is
    trusted: the class is compared, never imported, and sizes are compared with the tensors before anything
    is allocated.

    Raises:
        Refused: a class that is none of the five, or hyper-parameters or tensors that do not fit.
    """
    values = published_values(hparams, family="fusion", class_paths=CLASS_PATHS)
    name, reader = READERS[hparams["class_path"]]
    return Policy(name, reader(tensors, values))


@final
class Policy:
    """A loaded fusion checkpoint; `name` is one of dqn, bandit, mlp, moe, weighted_avg."""

    def __init__(self, name: str, network: nn.Module):
        self.name = name
        self.network = network.eval().requires_grad_(False)

    def to(self, device: str) -> "Policy":
        """Moves the weights; returns itself."""
        self.network.to(device)
        return self

    @torch.inference_mode()
    def decide(self, states: FusionStates) -> Decisions:
        """One decision a state.

        Raises:
            AssayError: states for which a q-value or score is not finite.
        """
        return finite(self.network(states))
