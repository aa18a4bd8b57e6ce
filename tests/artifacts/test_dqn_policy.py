"""The published file of a fusion policy: its keys and values, and what they hold of a policy without alphas."""

import json
from dataclasses import asdict

import pytest
import torch
from artifacts.test_fusion_policy import data
from families.fusion.examples import (
    random_policy,
    random_states,
    reference_answer,
    reference_policy,
    reference_states,
)

from assay.artifacts.dqn_policy import compute
from assay.errors import AssayError
from assay.families.fusion import FusionSubject
from assay.store import formats

PUBLISHED = ("alphas", "labels", "alpha_by_label", "q_values")


def written(policy, features, labels, *, batch_size: int = 7):
    return compute(FusionSubject(policy), data(features, labels), split="val", batch_size=batch_size)


@pytest.mark.parametrize("name", ["dqn", "weighted_avg"])
def test_the_file_holds_what_the_published_file_holds(name, tmp_path):
    arrays, published = reference_answer(name)
    formats.save(
        written(reference_policy(name), reference_states().features, arrays["labels"]), tmp_path / "a.json"
    )
    found = json.loads((tmp_path / "a.json").read_text())
    assert set(PUBLISHED) == published.keys() <= found.keys()
    assert found["labels"] == published["labels"]
    assert found["alphas"] == pytest.approx(published["alphas"], abs=1e-6)
    assert found["alpha_by_label"].keys() == published["alpha_by_label"].keys()
    for label, alphas in published["alpha_by_label"].items():
        assert found["alpha_by_label"][label] == pytest.approx(alphas, abs=1e-6)
    assert len(found["q_values"]) == len(published["q_values"])
    for row, expected in zip(found["q_values"], published["q_values"], strict=True):
        assert row == pytest.approx(expected, abs=1e-6)


def test_what_the_published_name_alphas_stands_for_is_said():
    states = random_states(3).features
    chosen = written(random_policy("dqn"), states, [0, 1] * 20)
    scored = written(random_policy("mlp"), states, [0, 1] * 20)
    assert (chosen.alphas_are, chosen.policy) == ("alphas", "dqn")
    assert (scored.alphas_are, scored.policy, scored.q_values) == ("scores", "mlp", [])


def test_any_label_but_0_is_an_attack():
    found = written(random_policy("dqn"), random_states(3).features, [0, 3] * 20)
    assert (found.alpha_by_label.normal, found.alpha_by_label.attack) == (
        found.alphas[::2],
        found.alphas[1::2],
    )


def test_the_batch_size_changes_no_alpha():
    one, all_ = (
        written(random_policy("dqn"), random_states(3).features, [0, 1] * 20, batch_size=n) for n in (1, 40)
    )
    assert one.alphas == all_.alphas
    assert len(one.q_values) == len(all_.q_values) == 40


def test_a_file_read_back_is_the_result(tmp_path):
    found = written(random_policy("bandit"), random_states(3).features, [0, 1] * 20)
    formats.save(found, tmp_path / "a.json")
    assert asdict(formats.load(tmp_path / "a.json", type(found))) == asdict(found)


def test_an_empty_split_is_refused():
    with pytest.raises(AssayError, match="split 'val': there is no sample"):
        written(random_policy("mlp"), torch.zeros(0, 18), [])
