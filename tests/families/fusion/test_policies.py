"""The five policies against an independent float64 computation, and the laws that they obey."""

import pytest
import torch
from families.fusion import oracle
from families.fusion.examples import (
    CLASS_PATHS,
    REINFORCED,
    hparams,
    random_policy,
    random_state,
    random_states,
    with_columns,
)

from assay.errors import AssayError
from assay.families.fusion.policy import policy
from assay.numerics.fusion_states import FusionStates

SCORING = ("mlp", "moe", "weighted_avg")
PROBS, ERRORS = slice(5, 7), slice(9, 12)


def changed(name: str, **tensors):
    return policy(random_state(name) | tensors, hparams(name))


@pytest.mark.parametrize("seed", [4, 8, 12])  # of bandits that choose more than one alpha
@pytest.mark.parametrize("name", REINFORCED)
def test_q_values_alphas_and_scores_agree_with_an_independent_computation(name, seed):
    state, states = random_state(name, seed=seed), random_states(seed)
    found = policy(state, hparams(name)).decide(states)
    rows = states.features.numpy()
    expected = [oracle.q_values(name, state, row).tolist() for row in rows]
    assert torch.allclose(found.q_values, torch.tensor(expected), rtol=1e-5, atol=1e-5)
    alphas, scores = zip(*(oracle.reinforced_score(name, state, row) for row in rows), strict=True)
    assert found.alpha.tolist() == pytest.approx(alphas, abs=1e-6)
    assert found.score.tolist() == pytest.approx(scores, abs=1e-6)
    assert found.decision.tolist() == [int(score > 0.5) for score in scores]
    assert len(set(alphas)) > 1
    assert set(found.decision.tolist()) == {0, 1}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SCORING)
def test_scores_agree_with_an_independent_computation(name, seed):
    state, states = random_state(name, seed=seed), random_states(seed)
    found = policy(state, hparams(name)).decide(states)
    scores = [oracle.score(name, state, row) for row in states.features.numpy()]
    assert found.score.tolist() == pytest.approx(scores, abs=1e-6)
    assert found.decision.tolist() == [int(score > 0.5) for score in scores]
    assert (found.alpha, found.q_values) == (None, None)


@pytest.mark.parametrize("name", CLASS_PATHS)
def test_a_decision_depends_on_its_own_sample_alone(name):
    states, order = random_states(4), torch.randperm(40, generator=torch.Generator().manual_seed(0))
    deciding = random_policy(name)
    together = deciding.decide(states)
    shuffled = deciding.decide(FusionStates(states.features[order]))
    alone = torch.cat([deciding.decide(FusionStates(row[None])).score for row in states.features])
    assert torch.allclose(shuffled.score, together.score[order], atol=1e-6)
    assert torch.allclose(alone, together.score, atol=1e-6)


@pytest.mark.parametrize("name", CLASS_PATHS)
def test_deciding_twice_gives_the_same_and_leaves_the_states_alone(name):
    deciding, states = random_policy(name), random_states(5)
    before = states.features.clone()
    assert torch.equal(deciding.decide(states).score, deciding.decide(states).score)
    assert torch.equal(states.features, before)
    assert not any(module.training for module in deciding.network.modules())


@pytest.mark.parametrize("name", CLASS_PATHS)
def test_no_sample_has_no_decision(name):
    found = random_policy(name).decide(FusionStates(torch.zeros(0, 18)))
    assert (found.score.shape, found.decision.shape) == ((0,), (0,))


@pytest.mark.parametrize("name", REINFORCED)
def test_every_alpha_is_one_of_the_steps(name):
    found = random_policy(name).decide(random_states(6, n=200))
    assert set(found.alpha.tolist()) <= set(torch.linspace(0, 1, 5).tolist())
    assert torch.equal(found.alpha, torch.linspace(0, 1, 5)[found.q_values.argmax(1)])


@pytest.mark.parametrize("name", REINFORCED)
def test_with_alpha_1_the_score_is_the_probability_of_the_gat(name):
    deciding, states = changed(name, alpha_values=torch.ones(5)), random_states(7)
    rising = torch.linspace(0, 1, 40)
    found = deciding.decide(with_columns(states, PROBS, torch.stack([1 - rising, rising], dim=1)))
    assert torch.equal(found.score, rising)


@pytest.mark.parametrize("name", REINFORCED)
def test_with_alpha_0_the_score_rises_with_the_errors_and_ignores_the_gat(name):
    deciding, states = changed(name, alpha_values=torch.zeros(5)), random_states(7)
    score = deciding.decide(states).score
    larger = with_columns(states, ERRORS, 2 * states.vgae_errors)
    assert (deciding.decide(larger).score > score).all()
    assert torch.equal(deciding.decide(with_columns(states, PROBS, torch.zeros(2))).score, score)


@pytest.mark.parametrize("name", REINFORCED)
def test_a_score_lies_between_those_of_the_two_experts(name):
    states = random_states(8)
    anomaly = changed(name, alpha_values=torch.zeros(5)).decide(states).score
    probability = changed(name, alpha_values=torch.ones(5)).decide(states).score
    score = random_policy(name).decide(states).score
    assert (score >= torch.minimum(anomaly, probability) - 1e-6).all()
    assert (score <= torch.maximum(anomaly, probability) + 1e-6).all()


def test_of_equal_q_values_the_first_wins():
    theta = torch.zeros(5, 6)
    theta[2, 0] = theta[4, 0] = 1
    theta[1, 1] = theta[3, 1] = 1
    found = changed("bandit", theta=theta).decide(random_states(9))
    assert torch.equal(found.q_values[:, 1:3], found.q_values[:, 3:])
    assert set(found.alpha.tolist()) - {0.0} == {0.25, 0.5}


@pytest.mark.parametrize("name", CLASS_PATHS)
def test_only_policies_that_choose_an_alpha_bring_certainties_to_0_and_1(name):
    states = random_states(10)
    clamped, deciding = FusionStates(states.clamped()), random_policy(name)
    same = torch.allclose(deciding.decide(states).score, deciding.decide(clamped).score, atol=1e-6)
    assert same == (name in REINFORCED)


@pytest.mark.parametrize("name", REINFORCED)
def test_a_higher_threshold_decides_for_attack_where_the_score_lies_above_it(name):
    states = random_states(11)
    for threshold in (0.3, 0.8):
        found = random_policy(name, decision_threshold=threshold).decide(states)
        assert found.decision.tolist() == [int(score > threshold) for score in found.score.tolist()]
        assert set(found.decision.tolist()) == {0, 1}


def test_a_score_on_the_threshold_is_benign():
    states = with_columns(random_states(0), PROBS, torch.tensor([0.5, 0.5]))
    found = changed("dqn", alpha_values=torch.ones(5)).decide(states)
    assert found.score.unique().tolist() == [0.5]
    assert not found.decision.any()


def test_errors_that_are_no_distances_are_told():
    states = with_columns(random_states(0), ERRORS, torch.tensor([-4.0, 0, 0]))
    with pytest.raises(
        AssayError, match=r"weighted errors of the VGAE are -2 in a sample; allowed: above -1"
    ):
        random_policy("dqn").decide(states)


@pytest.mark.parametrize("name", [name for name in CLASS_PATHS if name != "weighted_avg"])
def test_numbers_that_overflow_are_told_not_decided_on(name):
    states = FusionStates(torch.full((3, 18), 3e38))
    with pytest.raises(AssayError, match="not finite for 3 of 3 samples"):
        changed(name, **overflowing(name)).decide(states)


def overflowing(name: str) -> dict[str, torch.Tensor]:
    """Weights that turn a huge state into infinities of both signs, or a sum of errors into one."""
    if name in REINFORCED:
        return {"reward_calc._vgae_weights": torch.ones(3)}
    first = {"mlp": ("model.0.weight",), "moe": ("experts.0.0.weight", "gate.0.weight")}[name]
    return {key: 9 * torch.tensor([1.0, -1.0]).repeat(len(random_state(name)[key]), 9) for key in first}


@pytest.mark.parametrize("weight", [-2.0, 0.0, 3.0])
def test_a_weighted_average_tells_the_one_alpha_that_it_learnt(weight):
    states = random_states(12)
    found = changed("weighted_avg", weight=torch.tensor([weight])).decide(states)
    a = found.learnt_alpha
    assert a == pytest.approx(torch.tensor(weight).sigmoid().item())
    fused = (1 - a) * (1 - states.vgae_conf) + a * states.gat_probs[:, 1]
    assert torch.allclose(found.score, fused.clamp(1e-7, 1 - 1e-7), atol=1e-6)


@pytest.mark.parametrize(("conf", "score"), [(9.0, 1e-7), (-9.0, 1 - 1e-7)])
def test_a_weighted_average_stays_off_0_and_1(conf, score):
    states = with_columns(random_states(12), slice(8, 9), torch.tensor([conf]))
    found = random_policy("weighted_avg").decide(states).score
    assert torch.equal(found, torch.full((40,), score))


@pytest.mark.parametrize(("bias", "score"), [(-99.0, 1e-7), (99.0, 1 - 1e-7)])
def test_a_mixture_stays_off_0_and_1(bias, score):
    last = {f"experts.{i}.6.bias": torch.tensor([bias]) for i in (0, 1)}
    found = changed("moe", **last).decide(random_states(12)).score
    assert torch.equal(found, torch.full((40,), score))


def test_experts_that_agree_make_the_gate_irrelevant():
    state = random_state("moe")
    state |= {
        key.replace(".1.", ".0.", 1): tensor for key, tensor in state.items() if key.startswith("experts.1.")
    }
    other = state | {key: -2 * tensor for key, tensor in state.items() if key.startswith("gate.")}
    states = random_states(13)
    scores = [policy(tensors, hparams("moe")).decide(states).score for tensors in (state, other)]
    assert torch.allclose(*scores, atol=1e-6)


def test_a_mixture_of_one_expert_is_a_perceptron():
    state = random_state("mlp")
    expert = {key.replace("model.", "experts.0."): tensor for key, tensor in state.items()}
    gate = {"gate.0.weight": torch.randn(1, 18), "gate.0.bias": torch.randn(1)}
    one = policy(expert | gate, hparams("moe", num_experts=1, gate_hidden=[]))
    states = random_states(14)
    assert torch.allclose(
        one.decide(states).score, policy(state, hparams("mlp")).decide(states).score, atol=1e-6
    )


@pytest.mark.parametrize("name", CLASS_PATHS)
def test_a_policy_moved_to_the_cpu_is_itself(name):
    deciding = random_policy(name)
    assert deciding.to("cpu") is deciding
    assert deciding.name == name
