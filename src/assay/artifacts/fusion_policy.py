"""Fusion policy: what a policy decides of every sample, how far its scores can be read as probabilities."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64, Shaped

from assay.artifacts.sampling import attack_names, chosen_splits, known_somewhere
from assay.errors import AssayError
from assay.numerics.calibration import Calibration, block_length, calibration, reason_against
from assay.numerics.degeneracy import degeneracy
from assay.numerics.fusion_states import FusionStates
from assay.protocols import Data, Decides, Decisions, Samples


@dataclass(frozen=True, slots=True)
class FusionPolicy:
    """One row a sample; splits follow each other. What the policy does not have is None.

    `score` is the fused score of attack, `alpha` the weight of the GAT against the VGAE that was chosen for the
    sample: the two are never one column. `learnt_alpha` is the one of a weighted average, the same for all.
    """

    split: Shaped[np.ndarray, " n"]  # text
    sample: Int64[np.ndarray, " n"]  # index in its split
    label: Int64[np.ndarray, " n"]
    attack_type: Int64[np.ndarray, " n"] | None
    attack_name: Shaped[np.ndarray, " n"] | None  # text
    alpha: Float32[np.ndarray, " n"] | None
    score: Float32[np.ndarray, " n"]
    decision: Int64[np.ndarray, " n"]  # 1 is attack
    q_values: Float32[np.ndarray, "n actions"] | None
    gat_conf: Float32[np.ndarray, " n"]
    vgae_conf: Float32[np.ndarray, " n"]
    policy: str
    learnt_alpha: float | None
    degenerate: dict[
        str, str
    ]  # split -> why the policy does not decide sample by sample; empty where it does
    calibration: dict[str, Calibration]  # split -> how far scores are probabilities
    uncalibrated: dict[str, str]  # split -> why that is not measured
    family: str
    data: str


def compute(
    subject: Decides, data: Data, *, splits: tuple[str, ...], batch_size: int, seed: int
) -> FusionPolicy:
    """The decisions on every sample of the splits; `seed` draws the labels that a calibrated score would have.

    Raises:
        AssayError: a split that the data do not have or that is empty, or a score that is not finite.
    """
    draws = [data.draw(split, max_samples=None, seed=0) for split in chosen_splits(data, splits)]
    decided = {samples.split: _decided(subject, samples, batch_size) for samples in draws}
    states = torch.cat([batch.features for samples in draws for batch in samples.batches(batch_size)]).cpu()
    attack_type = known_somewhere(draws, [samples.attack_type for samples in draws], unknown=-1)
    whole = _together(list(decided.values()))
    uncalibrated = {samples.split: reason_against(_attacks(samples)) for samples in draws}
    return FusionPolicy(
        split=np.concatenate([np.full(len(samples), samples.split) for samples in draws]),
        sample=np.concatenate([samples.index for samples in draws]),
        label=np.concatenate([samples.labels for samples in draws]),
        attack_type=attack_type,
        attack_name=None if attack_type is None else attack_names(data, attack_type),
        alpha=None if whole.alpha is None else whole.alpha.numpy(),
        score=whole.score.numpy(),
        decision=whole.decision.numpy(),
        q_values=None if whole.q_values is None else whole.q_values.numpy(),
        gat_conf=FusionStates(states).gat_conf.numpy(),
        vgae_conf=FusionStates(states).vgae_conf.numpy(),
        policy=subject.policy,
        learnt_alpha=whole.learnt_alpha,
        degenerate={split: why for split, decisions in decided.items() if (why := degeneracy(decisions))},
        calibration={
            samples.split: _calibration(decided[samples.split], samples, seed)
            for samples in draws
            if not uncalibrated[samples.split]
        },
        uncalibrated={split: why for split, why in uncalibrated.items() if why},
        family=subject.family,
        data=data.name,
    )


def _decided(subject: Decides, samples: Samples, batch_size: int) -> Decisions:
    if len(samples) == 0:
        raise AssayError(f"split {samples.split!r}: there is no sample")
    return _together([subject.decide(batch) for batch in samples.batches(batch_size)])


def _together(parts: list[Decisions]) -> Decisions:
    first = parts[0]
    return Decisions(
        score=torch.cat([part.score.cpu() for part in parts]),
        decision=torch.cat([part.decision.cpu() for part in parts]),
        alpha=None if first.alpha is None else torch.cat([part.alpha.cpu() for part in parts]),  # type: ignore[union-attr]
        q_values=None if first.q_values is None else torch.cat([part.q_values.cpu() for part in parts]),  # type: ignore[union-attr]
        learnt_alpha=first.learnt_alpha,
    )


def _calibration(decisions: Decisions, samples: Samples, seed: int) -> Calibration:
    """Of samples in the order of time; where it is not known they are taken for independent."""
    scores = (
        decisions.score.double().numpy().clip(0, 1)
    )  # a divergence of a rounding below 0 gives such a score
    labels, block = _attacks(samples), 1
    if samples.time is not None and np.isfinite(samples.time).all():
        order = np.argsort(samples.time, kind="stable")
        scores, labels = scores[order], labels[order]
        block = block_length(scores, labels)
    return calibration(scores, labels, block=block, generator=np.random.default_rng(seed))


def _attacks(samples: Samples) -> Int64[np.ndarray, " n"]:
    return (samples.labels != 0).astype(np.int64)
