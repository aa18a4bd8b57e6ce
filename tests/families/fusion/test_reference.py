"""DQN and weighted average against the published outputs on 30 states."""

import numpy as np
import pytest
from families.fusion.examples import reference_answer, reference_policy, reference_states

TOLERANCE = {"abs": 1e-6, "rel": 0}


def test_the_q_values_and_alphas_of_the_dqn_are_the_published_ones():
    found, (arrays, _) = reference_policy("dqn").decide(reference_states()), reference_answer("dqn")
    assert found.q_values.numpy() == pytest.approx(arrays["q_values"], **TOLERANCE)
    assert found.alpha.numpy() == pytest.approx(arrays["alphas"], **TOLERANCE)


def test_the_scores_of_the_weighted_average_are_what_was_published_as_alphas():
    policy, (arrays, _) = reference_policy("weighted_avg"), reference_answer("weighted_avg")
    found = policy.decide(reference_states())
    assert found.score.numpy() == pytest.approx(arrays["alphas"], **TOLERANCE)
    assert (found.alpha, found.q_values) == (None, None)


def test_the_lists_of_the_published_dqn_file_come_out():
    found, (arrays, file) = reference_policy("dqn").decide(reference_states()), reference_answer("dqn")
    alpha, attack = found.alpha.numpy(), arrays["labels"] != 0
    assert alpha.tolist() == pytest.approx(file["alphas"], **TOLERANCE)
    assert alpha[~attack].tolist() == pytest.approx(file["alpha_by_label"]["normal"], **TOLERANCE)
    assert alpha[attack].tolist() == pytest.approx(file["alpha_by_label"]["attack"], **TOLERANCE)
    assert found.q_values.numpy() == pytest.approx(np.array(file["q_values"]), **TOLERANCE)


def test_the_lists_of_the_published_weighted_average_file_come_out():
    found, (arrays, file) = (
        reference_policy("weighted_avg").decide(reference_states()),
        reference_answer("weighted_avg"),
    )
    score, attack = found.score.numpy(), arrays["labels"] != 0
    assert score.tolist() == pytest.approx(file["alphas"], **TOLERANCE)
    assert score[~attack].tolist() == pytest.approx(file["alpha_by_label"]["normal"], **TOLERANCE)
    assert score[attack].tolist() == pytest.approx(file["alpha_by_label"]["attack"], **TOLERANCE)
    assert file["q_values"] == []
