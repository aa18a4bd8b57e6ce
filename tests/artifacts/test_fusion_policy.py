"""Fusion policies: the published decisions, alphas apart from scores, and what cannot be said of either."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from families.fusion.examples import (
    random_policy,
    random_states,
    reference_answer,
    reference_policy,
    reference_states,
)

from assay.artifacts.fusion_policy import compute
from assay.data.draws import SplitData
from assay.data.states import States
from assay.errors import AssayError
from assay.families.fusion import FusionSubject

OPTIONS = {"splits": (), "batch_size": 7, "seed": 42}


def data(features: torch.Tensor, labels, **columns) -> SplitData:
    held = States(features.numpy(), np.asarray(labels, dtype=np.int64), **columns)
    return SplitData("kept", {"val": held}.__getitem__, ("val",), {})


def decided(policy, features, labels, *, time=None, **changes):
    return compute(FusionSubject(policy), data(features, labels, time=time), **OPTIONS | changes)


@pytest.fixture(scope="module")
def published():
    arrays, _ = reference_answer("dqn")
    states = reference_states().features
    return arrays, decided(reference_policy("dqn"), states, arrays["labels"])


def test_the_published_alphas_and_q_values_are_found_again(published):
    arrays, found = published
    np.testing.assert_allclose(found.alpha, arrays["alphas"], atol=1e-6)
    np.testing.assert_allclose(found.q_values, arrays["q_values"], atol=1e-6)


def test_what_was_published_as_alphas_of_a_weighted_average_are_scores():
    arrays, _ = reference_answer("weighted_avg")
    found = decided(reference_policy("weighted_avg"), reference_states().features, arrays["labels"])
    np.testing.assert_allclose(found.score, arrays["alphas"], atol=1e-6)
    assert (found.alpha, found.q_values) == (None, None)
    assert 0 < found.learnt_alpha < 1


def test_rows_say_which_sample_they_are_and_what_the_experts_said():
    states = random_states(3)
    found = decided(random_policy("mlp"), states.features, [0, 1] * 20)
    assert (found.split.tolist(), found.sample.tolist()) == (["val"] * 40, list(range(40)))
    np.testing.assert_array_equal(found.gat_conf, states.gat_conf.numpy())
    np.testing.assert_array_equal(found.vgae_conf, states.vgae_conf.numpy())
    assert (found.label.tolist(), found.attack_type, found.policy) == ([0, 1] * 20, None, "mlp")


def test_the_type_of_an_attack_is_named():
    types = np.array([0, 2, -1, 1] * 10)
    samples = data(random_states(3).features, [0, 1] * 20, attack_type=types)
    named = replace(samples, attack_names={0: "benign", 1: "dos", 2: "fuzzing"})
    found = compute(FusionSubject(random_policy("mlp")), named, **OPTIONS)
    assert found.attack_type.tolist() == types.tolist()
    assert found.attack_name.tolist() == ["benign", "fuzzing", "", "dos"] * 10


def test_the_batch_size_changes_no_bit_that_decides():
    states = random_states(3)
    one, all_ = (decided(random_policy("dqn"), states.features, [0, 1] * 20, batch_size=n) for n in (1, 40))
    np.testing.assert_allclose(one.score, all_.score, rtol=1e-5)
    np.testing.assert_array_equal(one.decision, all_.decision)


def test_a_policy_that_does_not_decide_sample_by_sample_is_told_split_by_split(published):
    _, found = published
    assert found.degenerate["val"].startswith("Alpha is 0.05 for all 30 samples")
    assert decided(random_policy("dqn"), random_states(3).features, [0, 1] * 20).degenerate == {}


def test_few_samples_have_a_reason_and_many_a_calibration():
    few = decided(random_policy("mlp"), random_states(3).features, [0, 1] * 20)
    assert few.uncalibrated == {"val": "40 samples; needs 100 or more"}
    assert few.calibration == {}
    many = decided(random_policy("mlp"), random_states(3, n=400).features, [0, 1] * 200)
    assert (many.uncalibrated, many.calibration["val"].n) == ({}, 400)
    again = decided(random_policy("mlp"), random_states(3, n=400).features, [0, 1] * 200)
    other = decided(random_policy("mlp"), random_states(3, n=400).features, [0, 1] * 200, seed=7)
    assert many.calibration == again.calibration
    assert many.calibration["val"].ece_chance != other.calibration["val"].ece_chance
    assert many.calibration["val"].ece == other.calibration["val"].ece


def test_any_label_but_0_is_an_attack_to_the_calibration():
    states = random_states(3, n=400).features
    found = [decided(random_policy("mlp"), states, [0, attack] * 200) for attack in (1, 3)]
    assert found[0].calibration == found[1].calibration != {}


def test_labels_of_windows_that_hang_together_in_time_are_drawn_in_blocks_whatever_their_order():
    states = random_states(3, n=400).features
    labels = np.repeat(np.random.default_rng(0).integers(0, 2, 20), 20)
    time, order = np.arange(400.0), np.random.default_rng(1).permutation(400)
    timed = decided(random_policy("mlp"), states, labels, time=time).calibration["val"]
    mixed = decided(random_policy("mlp"), states[order], labels[order], time=time[order]).calibration["val"]
    unknown = decided(random_policy("mlp"), states, labels).calibration["val"]
    partly = decided(random_policy("mlp"), states, labels, time=np.full(400, np.nan)).calibration["val"]
    assert timed.block > 10
    assert (mixed.block, mixed.p) == (timed.block, timed.p)
    assert (unknown.block, partly.block) == (1, 1)
    assert timed.ece_chance_high > 1.5 * unknown.ece_chance_high


def test_an_empty_split_is_refused():
    with pytest.raises(AssayError, match="split 'val': there is no sample"):
        decided(random_policy("mlp"), torch.zeros(0, 18), [])
