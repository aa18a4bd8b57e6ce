"""What is said of decisions that do not depend on their sample, or that are not numbers."""

import pytest
import torch
from families.fusion.examples import (
    hparams,
    random_policy,
    random_state,
    random_states,
    reference_policy,
    reference_states,
)

from assay.errors import AssayError
from assay.families.fusion.decisions import finite
from assay.families.fusion.policy import policy
from assay.numerics.degeneracy import degeneracy
from assay.protocols import Decisions

SCORES = torch.linspace(0.1, 0.9, 8)


def decisions(alpha=None, q_values=None, score=SCORES, learnt_alpha=None) -> Decisions:
    return Decisions(score, (score > 0.5).long(), alpha, q_values, learnt_alpha)


@pytest.mark.parametrize("name", ["dqn", "bandit", "mlp", "moe", "weighted_avg"])
def test_nothing_is_said_of_a_policy_that_decides_sample_by_sample(name):
    assert degeneracy(random_policy(name).decide(random_states(0))) == ""


def test_a_bandit_whose_theta_was_reset_is_told():
    state = random_state("bandit") | {"theta": torch.zeros(5, 6)}
    found = policy(state, hparams("bandit")).decide(random_states(0))
    assert set(found.alpha.tolist()) == {0.0}
    assert degeneracy(found).startswith("All q-values are 0, so that every sample gets the first action")


def test_the_reference_dqn_is_a_fixed_weighted_average():
    found = degeneracy(reference_policy("dqn").decide(reference_states()))
    assert found == "Alpha is 0.05 for all 30 samples: the policy is a fixed weighted average."


@pytest.mark.parametrize(("alpha", "expert"), [(0.0, "GAT"), (1.0, "VGAE")])
def test_an_expert_that_is_never_used_is_told(alpha, expert):
    text = f"Alpha is {alpha:.0f} for every sample: the {expert} is never used."
    assert degeneracy(decisions(alpha=torch.full((8,), alpha), q_values=torch.ones(8, 3))) == text
    assert degeneracy(decisions(learnt_alpha=alpha)) == text


@pytest.mark.parametrize("weight", [-20.0, 20.0])
def test_a_learnt_alpha_that_is_nearly_0_or_1_uses_one_expert(weight):
    state = random_state("weighted_avg") | {"weight": torch.tensor([weight])}
    found = policy(state, hparams("weighted_avg")).decide(random_states(0))
    assert "is never used." in degeneracy(found)


def test_one_alpha_among_others_that_is_not_0_is_enough():
    alpha = torch.zeros(8)
    alpha[3] = 0.05
    assert degeneracy(decisions(alpha=alpha, q_values=torch.ones(8, 3))) == ""


def test_scores_that_are_all_the_same_are_told():
    state = random_state("mlp") | {"model.6.weight": torch.zeros(1, 4), "model.6.bias": torch.zeros(1)}
    found = degeneracy(policy(state, hparams("mlp")).decide(random_states(0)))
    assert found == "The score is 0.5 for all 40 samples: the policy tells none from another."


@pytest.mark.parametrize("n", [0, 1])
def test_of_fewer_than_two_samples_nothing_is_said(n):
    one = decisions(alpha=torch.zeros(n), q_values=torch.zeros(n, 3), score=torch.zeros(n))
    assert degeneracy(one) == ""


def test_q_values_and_scores_that_are_not_finite_are_no_decisions():
    bad = torch.ones(8, 3)
    bad[2, 1], bad[2, 2], bad[5, 0] = torch.nan, torch.inf, -torch.inf
    with pytest.raises(AssayError, match="a q-value that is not finite for 2 of 8 samples"):
        finite(decisions(alpha=torch.zeros(8), q_values=bad))
    with pytest.raises(AssayError, match="a score that is not finite for 1 of 8 samples"):
        finite(decisions(score=SCORES.index_fill(0, torch.tensor([3]), torch.nan)))
