"""What a fusion checkpoint may hold, and what is said of one that cannot be used."""

import math
import sys
import warnings

import pytest
import torch
from families.fusion.examples import (
    CLASS_PATHS,
    Q_COPIES,
    Q_TARGET,
    REINFORCED,
    hparams,
    published_shapes,
    random_state,
    random_states,
)

from assay.errors import Refused, ResultWarning
from assay.families import fusion
from assay.families.fusion.policy import policy
from assay.intake import checkpoint as border

EACH = pytest.mark.parametrize("name", CLASS_PATHS)
RL = pytest.mark.parametrize("name", REINFORCED)
WEIGHTS = "reward_calc._vgae_weights"


def refusal(state, chosen) -> str:
    with pytest.raises(Refused) as caught:
        policy(state, chosen)
    return str(caught.value)


def scores(state, chosen) -> torch.Tensor:
    return policy(state, chosen).decide(random_states(0)).score


@EACH
def test_the_keys_are_the_published_ones_in_their_order(name):
    state = policy(random_state(name), hparams(name)).network.state_dict()
    assert {key: list(tensor.shape) for key, tensor in state.items()} == published_shapes(name)
    assert list(state) == list(published_shapes(name))


@EACH
def test_every_missing_key_is_named(name):
    text = refusal({}, hparams(name))
    assert [line.split()[1] for line in text.splitlines()[1:]] == list(published_shapes(name))


@EACH
def test_every_unexpected_and_wrongly_shaped_key_is_named_in_one_refusal(name):
    state = random_state(name) | {
        "extra": torch.zeros(2),
        "another": torch.zeros(()),
        "alpha_values": torch.ones(9),
    }
    text = refusal(state, hparams(name))
    assert "unexpected: 'extra' [2]" in text
    assert "unexpected: 'another' []" in text
    assert "wrong shape: alpha_values is [9], expected" in text


@EACH
def test_the_marks_of_torch_compile_and_the_weights_of_a_loss_change_nothing(name):
    state = random_state(name)
    compiled = {key.replace(".", "._orig_mod.", 1): tensor for key, tensor in state.items()}
    compiled["loss_fn.weights"] = torch.ones(2)
    assert torch.equal(scores(compiled, hparams(name)), scores(state, hparams(name)))


@pytest.mark.parametrize("copy", Q_COPIES[1:])
@pytest.mark.parametrize("layer", ["0.weight", "2.bias", "4.weight"])
def test_a_copy_of_the_q_network_that_differs_is_refused_by_name(copy, layer):
    state = random_state("dqn")
    state[copy + layer].view(-1)[0] += 1e-6
    text = refusal(state, hparams("dqn"))
    assert text.startswith(f"{copy}{layer} differs from q_value_module.module.{layer}")


def test_the_first_of_several_copies_that_differ_is_named():
    state = random_state("dqn")
    for copy in Q_COPIES[1:]:
        for layer in ("2.bias", "0.weight"):
            state[copy + layer] += 1
    assert refusal(state, hparams("dqn")).startswith(f"{Q_COPIES[1]}0.weight differs from")


def test_the_slow_target_may_differ_and_does_not_decide():
    state = random_state("dqn")
    other = state | {key: tensor + 1 for key, tensor in state.items() if key.startswith(Q_TARGET)}
    assert torch.equal(scores(other, hparams("dqn")), scores(state, hparams("dqn")))


@RL
@pytest.mark.parametrize("reward", [None, {}])
def test_without_a_reward_the_published_weights_are_taken_and_told(name, reward):
    state = random_state(name)
    published = {**state, WEIGHTS: torch.tensor([0.4, 0.3, 0.3])}
    del state[WEIGHTS]
    with pytest.warns(ResultWarning, match=r"without reward_kwargs .* published 0\.4, 0\.3, 0\.3"):
        found = scores(state, hparams(name, reward_kwargs=reward))
    assert torch.equal(found, scores(published, hparams(name)))


@RL
def test_with_a_reward_its_weights_are_needed(name):
    state = random_state(name)
    del state[WEIGHTS]
    assert f"missing: {WEIGHTS} [3]" in refusal(state, hparams(name))


@RL
@pytest.mark.parametrize("mark", ["", "_orig_mod."])
def test_weights_that_are_there_are_taken_whatever_the_hyper_parameters_say(name, mark):
    state = random_state(name)
    marked = {key.replace(WEIGHTS, mark + WEIGHTS): tensor for key, tensor in state.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = scores(marked, hparams(name, reward_kwargs=None))
    assert torch.equal(found, scores(state, hparams(name)))


@RL
@pytest.mark.parametrize("value", [-0.25, 1.5])
def test_alphas_outside_0_and_1_are_refused(name, value):
    state = random_state(name)
    state["alpha_values"][1] = value
    assert "allowed: weights from 0 to 1" in refusal(state, hparams(name))


@EACH
def test_other_float_types_are_cast_to_float32_and_told(name):
    state = {key: tensor.double() for key, tensor in random_state(name).items()}
    with pytest.warns(ResultWarning, match=r"tensors are torch\.float64; cast to float32"):
        found = scores(state, hparams(name))
    assert torch.equal(found, scores(random_state(name), hparams(name)))


@pytest.mark.parametrize(
    "class_path", [None, 3, ["x"], "graphids.core.models.supervised.gat.GAT", "os.system"]
)
def test_the_checkpoint_of_another_class_is_refused_with_what_is_allowed(class_path):
    text = refusal(random_state("mlp"), hparams("mlp") | {"class_path": class_path})
    assert str(class_path) in text.replace("\\'", "'")
    assert all(path in text for path in CLASS_PATHS.values())


def test_the_classes_are_the_published_ones_and_are_never_imported():
    assert tuple(CLASS_PATHS.values()) == fusion.CLASS_PATHS
    assert "graphids" not in sys.modules


@pytest.mark.parametrize("values", [None, [], "hidden_dim=4"])
def test_hyper_parameters_that_are_no_mapping_are_refused(values):
    text = refusal(random_state("mlp"), hparams("mlp") | {"hyper_parameters": values})
    assert "has a mapping there" in text


A_WIDTH = "a list of at most 64 integers from 1 to 4096"
HOSTILE = [
    ("dqn", "alpha_steps", 1, "1 (int); allowed: an integer from 2 to 4096"),
    ("dqn", "alpha_steps", 10**5000, "an integer of 16610 bits; allowed"),
    ("dqn", "hidden_dim", 10**9, "allowed: an integer from 1 to 4096"),
    ("dqn", "num_layers", "2", "'2'; allowed: an integer from 1 to 64"),
    ("dqn", "state_dim", 19, "19 (int); allowed: an integer from 18 to 18"),
    ("dqn", "decision_threshold", math.nan, "nan (float); allowed: a number from 0 to below 1"),
    ("dqn", "reward_kwargs", [3], "a list; allowed: None or a mapping"),
    ("bandit", "hidden_dim", True, "True (bool); allowed: an integer from 1 to 4096"),
    ("bandit", "num_layers", 0, "0 (int); allowed: an integer from 1 to 64"),
    ("bandit", "reward_kwargs", "x", "'x'; allowed: None or a mapping"),
    ("mlp", "hidden_dims", 64, f"64 (int); allowed: {A_WIDTH}"),
    ("mlp", "hidden_dims", [64, 0], f"a list; allowed: {A_WIDTH}"),
    ("mlp", "hidden_dims", [True], f"a list; allowed: {A_WIDTH}"),
    ("mlp", "hidden_dims", [4.0], f"a list; allowed: {A_WIDTH}"),
    ("mlp", "hidden_dims", [4097], f"a list; allowed: {A_WIDTH}"),
    ("mlp", "hidden_dims", [1] * 65, f"a list; allowed: {A_WIDTH}"),
    ("mlp", "state_dim", 18.0, "18.0 (float); allowed: an integer from 18 to 18"),
    ("moe", "num_experts", 257, "257 (int); allowed: an integer from 1 to 256"),
    ("moe", "expert_hidden", "64", f"'64'; allowed: {A_WIDTH}"),
    ("moe", "gate_hidden", {"0": 32}, f"a dict; allowed: {A_WIDTH}"),
    ("moe", "state_dim", 12, "12 (int); allowed: an integer from 18 to 18"),
    ("weighted_avg", "state_dim", "18", "'18'; allowed: an integer from 18 to 18"),
]


@pytest.mark.parametrize(
    ("name", "key", "value", "expected"), HOSTILE, ids=[f"{n}-{k}-{e[:9]}" for n, k, _, e in HOSTILE]
)
def test_a_hostile_hyper_parameter_is_refused_with_what_is_allowed(name, key, value, expected):
    text = refusal(random_state(name), hparams(name, **{key: value}))
    assert f"hyper_parameters.{key} is " in text
    assert expected in text
    assert len(text) < 300


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("dqn", {"hidden_dim": 0, "num_layers": "x", "state_dim": 3, "reward_kwargs": 1}),
        ("moe", {"num_experts": 0, "expert_hidden": 3, "gate_hidden": [0], "state_dim": 1}),
    ],
)
def test_every_bad_hyper_parameter_is_named_in_one_refusal(name, bad):
    assert refusal(random_state(name), hparams(name, **bad)).count("\n") == len(bad)


def test_sizes_that_disagree_with_the_tensors_are_refused_before_anything_is_allocated():
    text = refusal(random_state("bandit"), hparams("bandit", alpha_steps=4096, hidden_dim=4096))
    assert "wrong shape: A_inv is [5, 6, 6], expected [4096, 4096, 4096]" in text


@RL
def test_a_replay_buffer_is_left_at_the_border(tmp_path, name):
    state = random_state(name)
    buffer = {"_storage": {"observation": torch.randn(50, 18)}, "_len": 50}
    torch.save({"state_dict": state, "replay_buffer": buffer, **hparams(name)}, tmp_path / "policy.ckpt")
    found = border.read(tmp_path / "policy.ckpt")
    assert torch.equal(scores(found.tensors, found.hparams), scores(state, hparams(name)))


@EACH
def test_hyper_parameters_of_training_are_ignored(name):
    chosen = hparams(name, lr="x", buffer_size=-1, epsilon=[2], ucb_alpha=None, unheard_of={})
    assert torch.equal(scores(random_state(name), chosen), scores(random_state(name), hparams(name)))


DEFAULTS = {
    "dqn": ("q_value_module.module.6.weight", [21, 128]),
    "bandit": ("backbone.net.9.weight", [128]),
    "mlp": ("model.6.weight", [1, 32]),
    "moe": ("experts.2.6.weight", [1, 32]),
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_sizes_that_are_not_given_are_the_published_ones(name):
    key, shape = DEFAULTS[name]
    text = refusal({WEIGHTS: torch.ones(3)}, {"class_path": CLASS_PATHS[name], "hyper_parameters": {}})
    assert f"missing: {key} {shape}\n" in text + "\n"
    lasts = {"dqn": "module.8.", "bandit": "net.12.", "mlp": "model.9.", "moe": "experts.3."}
    assert lasts[name] not in text
