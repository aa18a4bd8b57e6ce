"""The published reward, term by term, against a formula in plain numbers."""

from dataclasses import replace

import pytest
import torch
from families.fusion.examples import random_states, with_columns

from assay.demo.reward import RewardWeights, rewards
from assay.numerics.fusion_states import FusionStates

ALPHAS = torch.linspace(0, 1, 21)
N = 40


def clamped(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def oracle(row: list[float], label: int, anomaly: float, alpha: float) -> float:
    gat_conf, p1, vgae_conf = clamped(row[0]), row[6], clamped(row[8])
    fused = (1 - alpha) * anomaly + alpha * p1
    said = 1 if fused > 0.5 else 0
    disagreement = abs(anomaly - p1)
    even = 0.3 * (1 - 2 * abs(alpha - 0.5))
    if said != label:
        return -3 - disagreement - 1.5 * (fused if said == 1 else 1 - fused) + even
    strongest = max(anomaly, p1)
    own = strongest if label == 1 else 1 - strongest
    return 3 + (1 - disagreement) + 0.5 * own + 0.3 * max(vgae_conf, gat_conf) + even


def case() -> tuple[FusionStates, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(3)
    return random_states(1, N), torch.randint(0, 2, (N,), generator=draw), torch.rand(N, generator=draw)


def of(states, labels, anomaly, weights=None):
    return rewards(
        states, labels, anomaly=anomaly, alphas=ALPHAS, threshold=0.5, weights=weights or RewardWeights()
    )


def test_the_reward_is_the_published_one_of_the_fused_decision():
    states, labels, anomaly = case()
    found = of(states, labels, anomaly)
    expected = [
        [oracle(row, label, a, alpha) for alpha in ALPHAS.tolist()]
        for row, label, a in zip(states.features.tolist(), labels.tolist(), anomaly.tolist(), strict=True)
    ]
    assert found.numpy() == pytest.approx(torch.tensor(expected).numpy(), abs=1e-5)
    assert (found > 0).any() and (found < 0).any()


def test_no_wrong_decision_is_worth_as_much_as_a_right_one():
    states, labels, anomaly = case()
    fused = (1 - ALPHAS) * anomaly[:, None] + ALPHAS * states.gat_probs[:, 1:]
    right = (fused > 0.5) == (labels == 1)[:, None]
    found = of(states, labels, anomaly)
    assert found[right].min() > found[~right].max()


def test_experts_that_agree_leave_only_the_balance_to_choose_by():
    states, labels, _ = case()
    found = of(states, labels, states.gat_probs[:, 1].clone())
    assert (ALPHAS[found.argmax(1)] == 0.5).all()


def test_certainty_beyond_1_is_worth_no_more_than_1():
    states, labels, anomaly = case()
    sure = with_columns(states, slice(0, 1), torch.ones(N, 1))
    surer = with_columns(states, slice(0, 1), torch.full((N, 1), 7.0))
    assert torch.equal(of(sure, labels, anomaly), of(surer, labels, anomaly))


def test_a_larger_prize_is_paid_for_right_decisions_alone():
    states, labels, anomaly = case()
    more = of(states, labels, anomaly, replace(RewardWeights(), correct=4.0)) - of(states, labels, anomaly)
    assert set(more.round(decimals=4).unique().tolist()) == {0.0, 1.0}
