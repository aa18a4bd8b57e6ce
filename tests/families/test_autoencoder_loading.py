"""What VGAE and DGI checkpoints may hold, and what is said of one that cannot be used."""

import math

import pytest
import torch
from families.autoencoders import NETWORKS, hparams, odd_graphs, random_state
from families.graphs import together

from assay import protocols
from assay.errors import Refused
from assay.families import dgi, vgae

BOTH = pytest.mark.parametrize("family", ["vgae", "dgi"])
BATCH = together(odd_graphs(4))


def load(family, state, chosen):
    return NETWORKS[family][0].load(state, chosen)


def refusal(family, state, chosen) -> str:
    with pytest.raises(Refused) as caught:
        load(family, state, chosen)
    return str(caught.value)


@BOTH
@pytest.mark.parametrize("conv_type", ["gat", "gatv2", "transformer", "gps"])
def test_every_tensor_is_needed_and_every_other_is_refused(family, conv_type):
    chosen = hparams(family, conv_type=conv_type)
    state = random_state(chosen, seed=0)
    text = refusal(family, {}, chosen)
    assert [line.split()[1] for line in text.splitlines()[1:]] == list(state)
    assert "unexpected: 'extra' [2]" in refusal(family, {**state, "extra": torch.zeros(2)}, chosen)
    assert load(family, state, chosen).family == family


@pytest.mark.parametrize(
    ("family", "name", "shape"),
    [
        ("vgae", "masker.mask_token", "[6], expected [5]"),
        ("vgae", "mu_std", "[4], expected [3]"),
        ("vgae", "input_encoder.id_encoder.embedding.weight", "[9, 2], expected [8, 2]"),
        ("dgi", "svdd_center", "[4], expected [3]"),
        ("dgi", "input_encoder.id_encoder.embedding.weight", "[8, 2], expected [7, 2]"),
    ],
)
def test_a_tensor_is_held_to_its_shape_buffers_too(family, name, shape):
    state = random_state(hparams(family), seed=0)
    state[name] = torch.cat([state[name], state[name][:1]])
    assert f"wrong shape: {name} is {shape}" in refusal(family, state, hparams(family))


def test_whether_the_score_is_fitted_is_true_or_false():
    state = random_state(hparams("vgae"), seed=0)
    state["score_norm_fitted"] = torch.tensor(1)
    text = refusal("vgae", state, hparams("vgae"))
    assert "wrong type: score_norm_fitted is torch.int64, expected torch.bool" in text


@BOTH
def test_the_marks_of_torch_compile_and_the_weights_of_a_loss_are_dropped(family):
    chosen = hparams(family)
    state = random_state(chosen, seed=0)
    compiled = {name.replace("encoder_layers.", "encoder_layers._orig_mod."): t for name, t in state.items()}
    found = load(family, {**compiled, "loss_fn.weights": torch.ones(2)}, chosen).embed(BATCH)
    assert torch.equal(found, load(family, state, chosen).embed(BATCH))


@BOTH
@pytest.mark.parametrize("class_path", [None, 3, "graphids.core.models.supervised.gat.GAT", "os.system"])
def test_the_checkpoint_of_another_class_is_refused_with_what_is_allowed(family, class_path):
    text = refusal(family, {}, hparams(family) | {"class_path": class_path})
    assert str(class_path) in text
    assert f"family {family} reads {NETWORKS[family][0].CLASS_PATHS[0]}" in text


@BOTH
@pytest.mark.parametrize("values", [None, [], "heads=4"])
def test_hyper_parameters_that_are_no_mapping_are_refused(family, values):
    text = refusal(family, {}, hparams(family) | {"hyper_parameters": values})
    assert f"a {family} checkpoint has a mapping there" in text


@BOTH
@pytest.mark.parametrize("value", [math.nan, math.inf, "0.5", True, [0.5]])
def test_a_threshold_that_is_no_finite_number_is_refused(family, value):
    text = refusal(family, {}, hparams(family) | {"test_threshold": value})
    assert "test_threshold is " in text
    assert "allowed: a finite number" in text


HOSTILE = [
    ("latent_dim", 10**9, "1000000000 (int); allowed: an integer from 1 to 4096"),
    ("hidden_dims", 64, "64 (int); allowed: None or a list of up to 64 integers from 1 to 4096"),
    ("hidden_dims", [64, 0], "a list; allowed: None or a list"),
    ("hidden_dims", [True], "a list; allowed: None or a list"),
    ("hidden_dims", [10**9], "a list; allowed: None or a list"),
    ("hidden_dims", [4] * 65, "a list; allowed: None or a list"),
    ("batch_norm", 1, "1 (int); allowed: True or False"),
    ("heads", 0, "0 (int); allowed: an integer from 1 to 64"),
    ("dropout", 1.0, "1.0 (float); allowed: a number from 0 to below 1"),
    ("conv_type", "gcn", "'gcn'; allowed: one of gat, gatv2, transformer, gps"),
    ("num_ids", None, "missing; allowed: an integer from 1 to"),
    ("edge_dim", [11], "a list; allowed: an integer from 1 to 65536"),
]


@BOTH
@pytest.mark.parametrize(("key", "value", "expected"), HOSTILE, ids=[f"{k}-{e[:12]}" for k, _, e in HOSTILE])
def test_a_hostile_hyper_parameter_is_refused_with_what_is_allowed(family, key, value, expected):
    text = refusal(family, {}, hparams(family, **{key: value}))
    assert f"hyper_parameters.{key} is {expected}" in text
    assert len(text) < 300


@pytest.mark.parametrize(("key", "value"), [("mask_rate", 1.5), ("mlp_hidden", -1)])
def test_what_only_a_vgae_has_is_checked_too(key, value):
    assert f"hyper_parameters.{key} is {value}" in refusal("vgae", {}, hparams("vgae", **{key: value}))


@BOTH
@pytest.mark.parametrize("protocol", [protocols.Embeds, protocols.Layers, protocols.Loses, protocols.Detects])
def test_a_loaded_one_answers_what_the_protocols_ask(family, protocol):
    assert isinstance(load(family, random_state(hparams(family), seed=0), hparams(family)), protocol)


@BOTH
def test_every_bad_hyper_parameter_is_named_in_one_refusal(family):
    text = refusal(family, {}, hparams(family, latent_dim="x", heads=0, conv_type="gcn", batch_norm="no"))
    assert text.count("\n") == 4


@BOTH
def test_hyper_parameters_that_do_not_touch_the_forward_pass_are_ignored(family):
    chosen = hparams(family, lr="x", score_kl_weight=None, variational=True, unheard_of=[1])
    assert load(family, random_state(hparams(family), seed=0), chosen).family == family


NOTHING = dict.fromkeys(("hidden_dims", "latent_dim", "heads", "embedding_dim", "mlp_hidden"))


@pytest.mark.parametrize(
    ("scale", "latent", "widths"),
    [("small", 64, (64,)), ("large", 128, (128,)), ("mine", 48, (128,)), (None, 64, (64,))],
)
def test_a_vgae_takes_what_is_not_given_from_its_preset(scale, latent, widths):
    got = vgae.settings(hparams("vgae", **NOTHING, scale=scale))
    assert (got.latent, got.encoder.widths, got.mlp_hidden) == (latent, widths, latent)
    assert (got.encoder.heads, got.encoder.inputs.embedding_dim, got.mask_rate) == (4, 32, 0.15)


@pytest.mark.parametrize(
    ("scale", "sizes", "width"), [("small", (48, 32, 4), 128), ("large", (96, 64, 8), 192)]
)
def test_a_dgi_takes_what_is_not_given_from_its_preset(scale, sizes, width):
    got = dgi.settings(hparams("dgi", **NOTHING, scale=scale))
    assert (got.latent, got.encoder.inputs.embedding_dim, got.encoder.heads) == sizes
    assert got.encoder.widths == (width,)


@BOTH
@pytest.mark.parametrize(
    ("hidden_dims", "widths"),
    [([6, 4], (6, 4)), ([6, 3], (6,)), ([3], (3,)), ([3, 6], (3, 6)), ([], (128,))],
)
def test_a_last_width_that_is_the_latent_one_is_left_out_where_it_is_not_the_only_one(
    family, hidden_dims, widths
):
    assert NETWORKS[family][0].settings(hparams(family, hidden_dims=hidden_dims)).encoder.widths == widths


@pytest.mark.parametrize(
    ("width", "heads", "expected"),
    [(6, 2, (1, 2, 3)), (6, 4, (1, 1, 6)), (6, 1, (1, 1, 6)), (6, 6, (1, 6, 1))],
)
def test_heads_that_do_not_divide_the_width_are_one(width, heads, expected):
    network = NETWORKS["dgi"][1](dgi.settings(hparams("dgi", hidden_dims=[width, width], heads=heads)))
    assert network.encoder_layers[0].att.shape == expected
    assert network.encoder_layers[1].att.shape == (1, 1, width)


def test_the_decoder_is_the_encoder_turned_round_with_the_features_at_its_end():
    network = NETWORKS["vgae"][1](vgae.settings(hparams("vgae", hidden_dims=[8, 6, 4])))
    assert [layer.bias.numel() for layer in network.decoder_layers] == [4, 6, 5]
    assert [len(norm.bias) for norm in network.decoder_bns] == [4, 6]
    assert [layer.att.shape[1] for layer in network.decoder_layers] == [2, 1, 1]
