"""Fusion policies: what they make of the words of two experts, a VGAE and a GAT."""

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor

from assay.errors import AssayError
from assay.families.fusion.policy import CLASS_PATHS, Policy, policy
from assay.numerics.fusion_states import FusionStates
from assay.protocols import Decisions, Detection, Samples, StateBatch

__all__ = ["CLASS_PATHS", "FusionSubject", "load"]


def load(tensors: Mapping[str, Tensor], hparams: Mapping[str, Any]) -> "FusionSubject":
    """The checkpoint as a subject on the CPU, in eval mode; see `fusion_policies.policy`.

    Raises:
        Refused: another family's checkpoint, or hyper-parameters or tensors that do not fit.
    """
    return FusionSubject(policy(tensors, hparams))


@final
class FusionSubject:
    """A loaded fusion policy."""

    family = "fusion"

    def __init__(self, chosen: Policy):
        self._chosen = chosen
        self.network = chosen.network
        self.policy = chosen.name

    def to(self, device: str) -> "FusionSubject":
        """Moves the weights; returns itself."""
        self._chosen.to(device)
        return self

    def decide(self, batch: StateBatch) -> Decisions:
        """Score and decision of each state, and alpha and q-values where the policy has them."""
        return self._chosen.decide(FusionStates(batch.features))

    def detect(self, samples: Samples, *, batch_size: int, seed: int) -> Detection:
        """The fused scores and decisions, in which nothing is random.

        Raises:
            AssayError: there is no sample.
        """
        if len(samples) == 0:
            raise AssayError(f"split {samples.split} has no state to score")
        answers = [self.decide(batch) for batch in samples.batches(batch_size)]
        scores = torch.cat([answer.score for answer in answers]).double()
        return Detection(scores, torch.cat([answer.decision for answer in answers]), None)
