"""What a GAT checkpoint may hold, and what is said of one that cannot be used."""

import math

import pytest
import torch
from families.checkpoints import hparams, random_gat, random_state
from families.graphs import random_graph

from assay.errors import Refused, ResultWarning
from assay.families import gat
from assay.families.input_encoder import HASH


def refusal(state, chosen) -> str:
    with pytest.raises(Refused) as caught:
        gat.load(state, chosen)
    return str(caught.value)


@pytest.fixture
def state():
    return random_state(hparams(), seed=0)


def test_every_missing_key_is_named(state):
    kept = {name: tensor for name, tensor in state.items() if not name.startswith("jk.")}
    text = refusal(kept, hparams())
    assert text.count("missing: ") == 10
    for name in state.keys() - kept.keys():
        assert f"missing: {name} " in text


def test_every_unexpected_and_wrongly_shaped_key_is_named_in_one_refusal(state):
    state |= {"extra": torch.zeros(2), "another": torch.zeros(()), "convs.0.bias": torch.zeros(5)}
    text = refusal(state, hparams())
    assert "unexpected: 'extra' [2]" in text
    assert "unexpected: 'another' []" in text
    assert "wrong shape: convs.0.bias is [5], expected [6]" in text


def test_a_head_that_does_not_act_on_graphs_is_still_held_to_its_shape(state):
    state["temporal_event_head.3.bias"] = torch.zeros(3)
    assert "temporal_event_head.3.bias is [3], expected [2]" in refusal(state, hparams())


@pytest.mark.parametrize(
    "name", ["convs.0.gps.norm2.module.running_var", "input_encoder.id_encoder._hash_offsets"]
)
def test_a_buffer_is_held_to_its_shape_and_may_not_be_missing(name):
    chosen = hparams(conv_type="gps", id_encoder_class_path=HASH)
    state = random_state(chosen, seed=0)
    n = len(state[name])
    assert f"{name} is [{n + 1}], expected [{n}]" in refusal(
        {**state, name: state[name].new_zeros(n + 1)}, chosen
    )
    del state[name]
    assert f"missing: {name} [{n}]" in refusal(state, chosen)


def test_a_buffer_of_counts_takes_no_other_type():
    chosen, name = hparams(conv_type="gps"), "convs.1.norm3.module.num_batches_tracked"
    state = random_state(chosen, seed=0)
    state[name] = state[name].float()
    assert f"wrong type: {name} is torch.float32, expected torch.int64" in refusal(state, chosen)


def test_counts_are_no_reason_to_speak_of_a_cast():
    chosen = hparams(conv_type="gps", id_encoder_class_path=HASH)
    subject = gat.load(random_state(chosen, seed=0), chosen)
    assert subject.network.convs[0].gps.norm1.module.num_batches_tracked.dtype == torch.int64


@pytest.mark.parametrize("sequence_pool", ["attention", "gru"])
def test_the_weights_of_a_pool_over_steps_belong_to_it_alone(sequence_pool):
    chosen = hparams(sequence_pool=sequence_pool)
    text = refusal(random_state(chosen, seed=0), hparams())
    assert f"unexpected: 'sequence_{sequence_pool}." in text
    assert f"missing: sequence_{sequence_pool}." in refusal(random_state(hparams(), seed=0), chosen)


def test_integer_weights_are_refused(state):
    state["jk.att.bias"] = torch.zeros(1, dtype=torch.int64)
    assert "wrong type: jk.att.bias is torch.int64" in refusal(state, hparams())


def test_sizes_that_disagree_with_the_tensors_are_refused_before_anything_is_allocated(state):
    text = refusal(state, hparams(num_ids=2**29, embedding_dim=4096, hidden=4096, heads=64, layers=64))
    assert "input_encoder.id_encoder.embedding.weight is [7, 2], expected [536870912, 4096]" in text


def test_no_hyper_parameters_that_are_allowed_ask_for_memory(state):
    text = refusal(
        state,
        hparams(
            conv_type="gps",
            num_ids=2**29,
            embedding_dim=4096,
            in_channels=65536,
            edge_dim=65536,
            proj_dim=65536,
            hidden=4096,
            heads=64,
            layers=64,
            fc_layers=64,
            num_classes=65536,
            pool_aggrs=["mean", "max"] * 8,
            sequence_pool="gru",
            id_encoder_class_path=HASH,
            id_encoder_kwargs={"k": 64, "num_buckets_factor": 1024},
        ),
    )
    assert "input_encoder.id_encoder.embedding.weight is [7, 2], expected [549755813888, 4096]" in text
    assert "missing: sequence_gru.weight_hh_l0 [12582912, 4194304]" in text


def test_the_marks_of_torch_compile_are_deleted_wherever_they_stand(state):
    compiled = {
        name.replace("convs.0.", "_orig_mod.convs.0._orig_mod."): tensor for name, tensor in state.items()
    }
    graph = random_graph(0)
    assert torch.equal(gat.load(compiled, hparams()).embed(graph), gat.load(state, hparams()).embed(graph))


@pytest.mark.parametrize("name", ["loss_fn.weights", "_orig_mod.loss_fn.weights"])
def test_the_weights_of_a_loss_are_dropped(state, name):
    assert gat.load({**state, name: torch.ones(2)}, hparams()).family == "gat"


def test_names_that_are_one_when_cleaned_are_refused(state):
    state["_orig_mod.convs.0.bias"] = torch.zeros(6)
    text = refusal(state, hparams())
    assert "'convs.0.bias' and '_orig_mod.convs.0.bias'" in text


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_other_float_types_are_cast_to_float32_and_told(state, dtype):
    cast = {name: tensor.to(dtype) for name, tensor in state.items()}
    rounded = {name: tensor.float() for name, tensor in cast.items()}
    with pytest.warns(ResultWarning, match=rf"{len(state)} of {len(state)} tensors are {dtype}"):
        subject = gat.load(cast, hparams())
    graph = random_graph(0)
    assert torch.equal(subject.embed(graph), gat.load(rounded, hparams()).embed(graph))


def test_a_float64_value_beyond_float32_is_refused(state):
    state["jk.att.bias"] = torch.tensor([1e300], dtype=torch.float64)
    assert "not finite as float32: jk.att.bias" in refusal(state, hparams())


@pytest.mark.parametrize("class_path", [None, 3, "graphids.core.models.autoencoder.vgae.VGAE", "os.system"])
def test_the_checkpoint_of_another_class_is_refused_with_what_is_allowed(state, class_path):
    text = refusal(state, hparams() | {"class_path": class_path})
    assert str(class_path) in text
    assert gat.CLASS_PATHS[0] in text


@pytest.mark.parametrize("values", [None, [], "hidden=4"])
def test_hyper_parameters_that_are_no_mapping_are_refused(state, values):
    assert "has a mapping there" in refusal(state, hparams() | {"hyper_parameters": values})


HOSTILE = [
    ("hidden", 10**9, "1000000000 (int); allowed: an integer from 1 to 4096"),
    ("hidden", 10**5000, "an integer of 16610 bits; allowed"),
    ("layers", "2", "'2'; allowed: an integer from 1 to 64"),
    ("heads", True, "True (bool); allowed: an integer from 1 to 64"),
    ("heads", 0, "0 (int); allowed: an integer from 1 to 64"),
    ("layers", 2.0, "2.0 (float); allowed: an integer from 1 to 64"),
    ("fc_layers", -1, "-1 (int); allowed: an integer from 1 to 64"),
    ("embedding_dim", math.nan, "nan (float); allowed: an integer from 1 to 4096"),
    ("num_ids", None, "missing; allowed: an integer from 1 to"),
    ("in_channels", 0, "0 (int); allowed: an integer from 1 to 65536"),
    ("edge_dim", [11], "a list; allowed: an integer from 1 to 65536"),
    ("num_classes", 1, "1 (int); allowed: an integer from 2 to 65536"),
    ("dropout", 1.0, "1.0 (float); allowed: a number from 0 to below 1"),
    ("dropout", math.nan, "nan (float); allowed: a number from 0 to below 1"),
    ("scale", {}, "a dict; allowed: a string"),
    ("conv_type", "gcn", "'gcn'; allowed: one of gat, gatv2, transformer, gps"),
    ("conv_type", "x" * 10**6, "... (1000000 characters); allowed: one of gat, gatv2"),
    ("pool_aggrs", "mean", "'mean'; allowed: None or a list"),
    ("pool_aggrs", ["mean", "median"], "'median'; allowed: a list of mean, max, sum, min, std"),
    ("pool_aggrs", ["mean", ["max"]], "a list; allowed: a list of mean, max, sum, min, std"),
    ("pool_aggrs", ["mean"] * 10**6, "a list; allowed: at most 16 pools"),
    ("sequence_pool", "lstm", "'lstm'; allowed: one of flat, auto, mean, attention, gru"),
    ("proj_dim", -1, "-1 (int); allowed: an integer from 0 to 65536"),
]


@pytest.mark.parametrize(("key", "value", "expected"), HOSTILE, ids=[f"{k}-{e[:12]}" for k, _, e in HOSTILE])
def test_a_hostile_hyper_parameter_is_refused_with_what_is_allowed(state, key, value, expected):
    text = refusal(state, hparams(**{key: value}))
    assert f"hyper_parameters.{key} is " in text
    assert expected in text
    assert len(text) < 300


def test_every_bad_hyper_parameter_is_named_in_one_refusal(state):
    text = refusal(state, hparams(hidden="x", heads=0, conv_type="gcn"))
    assert text.count("\n") == 3


def test_an_id_encoder_that_is_an_object_is_refused(state):
    text = refusal(state, hparams(id_encoder_cfg={"k": 2}))
    assert "not supported yet: id_encoder_cfg, an object of the code that trained the checkpoint" in text


PRESETS = [("small", 24, 2, 4), ("large", 64, 3, 8), ("mine", 48, 3, 8), (None, 24, 2, 4)]


@pytest.mark.parametrize(("scale", "hidden", "layers", "heads"), PRESETS)
def test_a_size_that_is_not_given_comes_from_the_preset(scale, hidden, layers, heads):
    got = gat.settings(hparams(scale=scale, hidden=None, layers=None, heads=None))
    assert (got.hidden, got.layers, got.heads) == (hidden, layers, heads)


def test_a_size_that_is_given_wins_over_the_preset():
    assert gat.settings(hparams(scale="large")).hidden == 3


@pytest.mark.parametrize("pools", [None, [], ["max"]])
def test_one_pool_is_the_mean_whatever_its_name_as_published(state, pools):
    graph = random_graph(2)
    subject = gat.load(state, hparams(pool_aggrs=pools))
    assert torch.equal(subject.embed(graph), gat.load(state, hparams()).embed(graph))


def test_hyper_parameters_that_do_not_touch_the_forward_pass_are_ignored(state):
    assert gat.load(state, hparams(lr="x", loss_fn=None, variational=True, unheard_of=[1])).family == "gat"


def test_missing_keys_are_listed_in_the_order_of_the_network(state):
    text = refusal({}, hparams())
    assert [line.split()[1] for line in text.splitlines()[1:]] == list(state)


def test_a_network_of_many_classes_has_as_many_logits():
    assert random_gat(seed=1, num_classes=5).predict(random_graph(1)).shape == (1, 5)
