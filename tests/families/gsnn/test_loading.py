"""Strict loading: what is no whole GSNN is refused by what is wrong with it."""

from typing import Any

import pytest
import torch
from families.gsnn import examples
from families.gsnn.examples import random_checkpoint, random_subject, random_table, reference_checkpoint
from torch import Tensor

from assay.errors import AssayError, Refused
from assay.families import gsnn
from assay.networks import EDGES

State = dict[str, Tensor]
SHARED = "ResBlocks.{}.lin_in.values"


def refusal(tensors: State, hparams: dict[str, Any]) -> str:
    with pytest.raises(Refused) as caught:
        gsnn.load(tensors, hparams)
    return str(caught.value)


def with_ctor(hparams: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**hparams, "ctor": {**hparams["ctor"], **changes}}


def test_the_published_model_keeps_its_parameters_in_their_order_and_shares_its_maps():
    tensors, hparams = reference_checkpoint()
    subject = gsnn.load(tensors, hparams)
    buffers = ("mask", "edge_index", "channel_groups", "indices", "n_channels")
    stored = [name for name in tensors if "/" not in name and not name.endswith(buffers)]
    shared = [name for name in stored if "lin_" in name and not name.startswith("ResBlocks.0.")]
    assert shared
    assert list(subject.parameters()) == [name for name in stored if name not in shared]
    assert list(subject.network.state_dict()) == [name for name in tensors if "/" not in name]
    blocks = subject.network.ResBlocks
    assert all(block.lin_in is blocks[0].lin_in and block.lin_out is blocks[0].lin_out for block in blocks)


def test_blocks_that_share_nothing_have_maps_of_their_own():
    blocks = random_subject(0, share_layers=False).network.ResBlocks
    assert blocks[0].lin_in is not blocks[1].lin_in


def test_options_of_newer_versions_are_read_where_they_change_nothing():
    tensors, hparams = random_checkpoint(0)
    newer = {"node_activity": False, "node_activity_dim": 1, "attn_mlp_hidden": 16, "verbose": True}
    gsnn.load(tensors, with_ctor(hparams, **newer))
    placeholder = {"placeholder": "torch.nn.modules.activation.ELU"}
    gsnn.load(tensors, with_ctor(hparams, nonlin=placeholder))
    assert type(random_subject(0).network.ResBlocks[0].nonlin) is torch.nn.ELU
    assert type(random_subject(0, nonlin="ReLU").network.ResBlocks[0].nonlin) is torch.nn.ReLU


def test_the_default_of_the_node_mlp_is_what_the_state_dict_has():
    assert random_subject(0, node_mlp=False).network.settings.mlp_hidden == 0
    tensors, hparams = random_checkpoint(0, node_mlp=False)
    del hparams["ctor"]["node_mlp"]
    assert gsnn.load(tensors, hparams).network.settings.mlp_hidden == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"activation": "ELU"}, "ctor.activation is unknown; known: channels, layers, "),
        ({"node_activity": True}, "not supported yet: ctor.node_activity"),
        ({"nonlin": "PReLU"}, "ctor.nonlin is 'PReLU'; allowed: one of ELU, "),
        ({"nonlin": {"placeholder": "mylab.Swish"}}, "ctor.nonlin is 'mylab.Swish'; allowed: one of ELU, "),
        ({"norm": "instance"}, "ctor.norm is 'instance'; allowed: one of layer, batch, "),
        ({"layers": 4}, "ctor.layers is 4 (int); allowed: 3, the blocks of the state dict"),
        ({"layers": 10**12}, "ctor.layers is 1000000000000 (int); allowed: an integer from 1 to 4096"),
        ({"channels": 10**9}, "ctor.channels is 1000000000 (int); allowed: the channels of each function"),
        ({"channels": [3, 3, 3, 3, 2]}, "ctor.channels is a list; allowed: those of channel_groups"),
        ({"channels": None}, "ctor.channels is missing; allowed: a number, or one a node"),
        ({"channels": "three"}, "ctor.channels is 'three'; allowed: a number, or one a node"),
        ({"edge_channels": 10**9}, "the state dict has 26 edges (edge_index); network and options give "),
        ({"add_function_self_edges": False}, "the state dict has 26 edges (edge_index)"),
        ({"node_mlp": False}, "ctor.node_mlp is False (bool); allowed: True, as the state dict"),
        ({"node_mlp_hidden": 128}, "ctor.node_mlp_hidden is 128 (int); allowed: 7, as the state dict"),
        ({"bias": False}, "unexpected: 'ResBlocks.0.lin_in.bias'"),
        ({"norm": "rms"}, "unexpected: 'ResBlocks.0.norm.beta'"),
    ],
)
def test_an_option_that_is_not_the_stored_networks_is_refused_by_name(changes, said):
    tensors, hparams = random_checkpoint(0)
    assert len(tensors["edge_index"][0]) == 26
    assert said in refusal(tensors, with_ctor(hparams, **changes))


def repeated(tensors: State, copies: int) -> State:
    """The checkpoint with its edges between functions in the file as often."""
    name = EDGES["function", "function"]
    return {**tensors, name: tensors[name].repeat(1, copies)}


@pytest.mark.parametrize("self_edges", [True, False])
def test_edges_that_were_stored_as_often_as_the_network_has_them_are_read_once(self_edges):
    options = {"edge_channels": 2, "add_function_self_edges": self_edges}
    tensors, hparams = random_checkpoint(0, **options)
    once, twice = gsnn.load(tensors, hparams), gsnn.load(repeated(tensors, 2), hparams)
    assert (once.edges == twice.edges).all()
    table = random_table(0)
    assert torch.equal(once.network(table.x), twice.network(table.x))


def test_edges_that_are_no_whole_copies_or_are_stored_oftener_are_refused():
    tensors, hparams = random_checkpoint(0, edge_channels=2)
    said = "network and options give"
    assert said in refusal(repeated(tensors, 3), hparams)
    assert said in refusal(repeated(tensors, 4), hparams)
    halves = repeated(tensors, 2)
    halves[EDGES["function", "function"]] = halves[EDGES["function", "function"]].sort(1).values
    assert said in refusal(halves, hparams)
    once, hparams = random_checkpoint(0)
    assert said in refusal(repeated(once, 2), hparams)


def test_all_wrong_options_are_told_at_once():
    tensors, hparams = random_checkpoint(0)
    said = refusal(tensors, with_ctor(hparams, norm="instance", activation=1, bias="yes"))
    assert all(f"ctor.{name} is" in said for name in ("norm", "activation", "bias"))


@pytest.mark.parametrize(
    ("kind", "names", "said"),
    [
        ("function", ["a", "b", "a", "c", "d"], "function nodes have the same name: 'a'"),
        ("function", ["a", "b", "c"], "the edges from input to function name function "),
        ("input", [], "no names of input nodes"),
        ("output", ["a", 1, "b"], "the names of output nodes are not all text"),
        ("input", [f"i{i}" for i in range(5)], "input nodes without an edge: 'i4'"),
    ],
)
def test_names_that_do_not_fit_the_edges_are_refused(kind, names, said):
    tensors, hparams = random_checkpoint(0)
    assert said in refusal(tensors, {**hparams, "node_names": {**hparams["node_names"], kind: names}})


def test_a_checkpoint_without_its_network_or_options_is_refused_by_what_it_lacks():
    tensors, hparams = random_checkpoint(0)
    assert "no names of input nodes" in refusal(tensors, {"ctor": hparams["ctor"]})
    assert "no ctor" in refusal(tensors, {"node_names": hparams["node_names"]})
    without = {name: tensor for name, tensor in tensors.items() if name != "network/input/function"}
    assert "the edges from input to function are missing" in refusal(without, hparams)
    foreign = {name: tensor for name, tensor in tensors.items() if "/" in name}
    assert "the state dict has no ResBlocks.0.channel_groups" in refusal(foreign, hparams)


def test_an_isolated_function_is_refused_where_it_does_not_feed_itself():
    tensors, hparams = random_checkpoint(0, add_function_self_edges=False)
    names = {**hparams["node_names"], "function": [*hparams["node_names"]["function"], "lonely"]}
    assert "function nodes without an edge: 'lonely'" in refusal(tensors, {**hparams, "node_names": names})


def test_a_function_that_the_network_joins_to_itself_alone_is_a_node_like_others(monkeypatch):
    sparse = {
        ("input", "function"): [(i, i % 4) for i in range(4)],
        ("function", "function"): [(0, 1), (1, 2), (2, 3), (3, 0)],
        ("function", "output"): [(i, i) for i in range(3)],
    }
    monkeypatch.setattr(examples, "_random_edges", lambda *_: sparse)
    subject, table = random_subject(0), random_table(0)
    assert len(subject.functions) == 5
    assert subject.regress(table).isfinite().all()
    assert not subject.trace(table, criterion="mse", prenorm=True).gradient[:, :, -3:].any()


def changed(tensors: State, name: str, place: Any, value: Any) -> State:
    tensor = tensors[name].clone()
    tensor[place] = value
    return {**tensors, name: tensor}


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("edge_index", (0, 0), 3),
        ("input_node_mask", 0, True),
        ("function_edge_mask", 0, False),
        ("ResBlocks.1.channel_groups", 3, 0),
        ("ResBlocks.2.norm.channel_groups", 3, 0),
        ("ResBlocks.2.norm.n_channels", 0, 4),
    ],
)
def test_a_buffer_that_graph_and_options_do_not_give_is_refused_by_name(name, place, value):
    tensors, hparams = random_checkpoint(0)
    said = refusal(changed(tensors, name, place, value), hparams)
    assert f"{name} is not what the network and the options give" in said


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ((1, 0), 14, "join an edge with a channel of another function"),
        ((0, 0), 26, "lie outside of 26 edges and 15 channels"),
        ((1, 0), -1, "lie outside of 26 edges and 15 channels"),
    ],
)
def test_entries_that_no_edge_has_are_refused(place, value, said):
    tensors, hparams = random_checkpoint(0, share_layers=False)
    name = "ResBlocks.1.lin_in.indices"
    assert f"{name} {said}" in refusal(changed(tensors, name, place, value), hparams)


def test_entries_in_another_order_or_twice_are_refused():
    tensors, hparams = random_checkpoint(0, share_layers=False)
    name = "ResBlocks.1.lin_out.indices"
    turned = {**tensors, name: tensors[name].flip(1)}
    assert f"{name} are not in the published order" in refusal(turned, hparams)
    twice = changed(tensors, name, (slice(None), 0), tensors[name][:, 1])
    assert f"{name} hold an entry twice" in refusal(twice, hparams)


@pytest.mark.parametrize(
    "name",
    [
        "edge_index",
        "ResBlocks.0.channel_groups",
        "ResBlocks.0.lin_in.indices",
        "ResBlocks.0.lin_in.values",
        "ResBlocks.0.mlp.mlp.0.weight",
        "network/input/function",
    ],
)
@pytest.mark.parametrize("tensor", [torch.tensor(1), torch.zeros(0), torch.zeros(2, 1, 1), torch.ones(2, 2)])
def test_a_tensor_of_another_shape_is_refused(name, tensor):
    tensors, hparams = random_checkpoint(0)
    refusal({**tensors, name: tensor}, hparams)


def test_shared_maps_that_differ_are_refused():
    tensors, hparams = random_checkpoint(0)
    said = refusal(changed(tensors, SHARED.format(2), 0, 9.0), hparams)
    assert f"{SHARED.format(2)} differs from {SHARED.format(0)}, and share_layers is True" in said
    gsnn.load(changed(tensors, SHARED.format(2), 0, 9.0), with_ctor(hparams, share_layers=False))


def test_gates_take_one_weight_an_edge():
    options = {"node_attn": True, "weighted": True}
    whole = random_checkpoint(0, add_function_self_edges=False, **options)
    gsnn.load(*whole)
    tensors, hparams = random_checkpoint(0, **options)
    weights = [name for name in tensors if name.endswith("edge_weight")]
    for name in weights:
        tensors[name] = tensors[name][:-5]
    assert "ctor.edge_weight_dict is '21 weights'; allowed: 26, one an edge" in refusal(tensors, hparams)


def test_one_channel_a_function_has_no_layer_norm():
    tensors, hparams = random_checkpoint(0, channels=1)
    assert "ctor.norm is 'layer'; allowed: with 2 channels or more a function" in refusal(tensors, hparams)


def test_a_node_mlp_takes_as_many_channels_of_each_function():
    tensors, hparams = random_checkpoint(0, channels=[3, 2, 4, 2, 5, *7 * [0]], node_mlp=False)
    for layer in range(3):
        tensors[f"ResBlocks.{layer}.mlp.mlp.0.weight"] = torch.zeros(7, 3)
    said = refusal(tensors, with_ctor(hparams, node_mlp=True))
    assert "ctor.channels is a list; allowed: as many for each function" in said


def test_edges_are_not_inferred_from_a_checkpointing_network_or_from_one_block():
    batch = random_table(0)
    with pytest.raises(AssayError, match=r"this GSNN cannot be traced: ctor\.checkpoint is True"):
        random_subject(0, checkpoint=True).trace(batch, criterion="mse", prenorm=True)
    with pytest.raises(AssayError, match=r"this GSNN cannot be traced: ctor\.layers is 1"):
        random_subject(0, layers=1).trace(batch, criterion="mse", prenorm=True)
    assert len(random_subject(0, layers=1).layers(batch)) == 1
