"""Every feature of the published class, alone and together, against an independent forward pass, and its laws."""

import dataclasses
import warnings

import pytest
import torch
from families.checkpoints import hparams, random_gat, random_state
from families.graphs import one_node, random_graph, sequence_graph, together, without_edges
from families.oracle import gat_forward
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import AssayError, ResultWarning
from assay.families import gat
from assay.families.convolutions import CONV_TYPES
from assay.families.gat.network import POOLS
from assay.families.input_encoder import HASH

ROUNDING = {"rtol": 2e-4, "atol": 2e-5}  # float32 against float64, or another order of sums
CONVOLUTIONS = pytest.mark.parametrize("conv_type", CONV_TYPES)
STEP_POOLS = pytest.mark.parametrize("sequence_pool", ["auto", "mean", "attention", "gru"])


def structures(seed: int, draw=random_graph):
    """One graph of each kind: with loops, parallel edges and an isolated node; without edges; of one node."""
    return [draw(seed), draw(seed + 1), without_edges(draw(seed + 2)), one_node(draw(seed + 3))]


def assert_agrees_with_the_equations(graphs, *, seed: int, **changes) -> None:
    chosen = hparams(**changes)
    state, values = random_state(chosen, seed=seed), chosen["hyper_parameters"]
    subject, batch = gat.load(state, chosen), together(graphs)
    sizes = {key: values[key] for key in ("conv_type", "layers", "heads")}
    pooling = {"pools": tuple(values.get("pool_aggrs") or ["mean"])}
    pooling["sequence_pool"] = values.get("sequence_pool", "auto")
    expected = [gat_forward(state, graph, **sizes, **pooling) for graph in graphs]
    for i, found in enumerate(subject.layers(batch)):
        means = torch.stack([outputs[i].mean(0) for outputs, _, _ in expected])
        torch.testing.assert_close(found.double(), means, **ROUNDING)
    for found, number in ((subject.embed(batch), 1), (subject.predict(batch), 2)):
        together_expected = torch.stack([answers[number] for answers in expected])
        torch.testing.assert_close(found.double(), together_expected, **ROUNDING)


@CONVOLUTIONS
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), layers=st.integers(1, 3), heads=st.integers(1, 3))
def test_every_convolution_follows_its_equations(conv_type, seed, layers, heads):
    assert_agrees_with_the_equations(
        structures(seed), seed=seed, conv_type=conv_type, layers=layers, heads=heads
    )


def test_a_gps_layer_as_wide_as_its_input_has_no_projection():
    sizes = {"conv_type": "gps", "in_channels": 4, "hidden": 3, "heads": 2}
    graphs = structures(1, lambda seed: random_graph(seed, features=4))
    assert_agrees_with_the_equations(graphs, seed=1, **sizes)
    names = random_gat(seed=1, **sizes).parameters()
    assert "convs.0.conv.att" in names
    assert not any("proj." in name.replace("out_proj.", "") for name in names)


@pytest.mark.parametrize(
    "pools", [["mean", "max"], ["std", "sum", "min"], list(POOLS), ["max", "max"]], ids="-".join
)
@pytest.mark.parametrize("seed", range(3))
def test_pools_stand_side_by_side_in_the_given_order(pools, seed):
    assert_agrees_with_the_equations(structures(seed), seed=seed, pool_aggrs=pools, fc_layers=1)


@STEP_POOLS
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pools", [None, ["mean", "std", "min"]])
def test_steps_are_pooled_as_published(sequence_pool, seed, pools):
    graphs = structures(seed, sequence_graph)
    assert_agrees_with_the_equations(graphs, seed=seed, sequence_pool=sequence_pool, pool_aggrs=pools)


@pytest.mark.parametrize(
    "kwargs", [None, {"k": 3, "seed": 7}, {"num_buckets": 5}, {"num_buckets_factor": 16, "k": 1}], ids=str
)
@pytest.mark.parametrize("seed", range(3))
def test_hashed_identities_are_sums_of_rows(kwargs, seed):
    chosen = {"id_encoder_class_path": HASH, "id_encoder_kwargs": kwargs}
    assert_agrees_with_the_equations(structures(10 * seed), seed=seed, **chosen)


@pytest.mark.parametrize("seed", range(3))
def test_projected_features_stand_where_the_features_stood(seed):
    assert_agrees_with_the_equations(structures(10 * seed), seed=seed, proj_dim=4)


@CONVOLUTIONS
def test_all_features_go_together(conv_type):
    assert_agrees_with_the_equations(
        structures(4, sequence_graph),
        seed=4,
        conv_type=conv_type,
        proj_dim=3,
        pool_aggrs=["max", "mean"],
        sequence_pool="gru",
        id_encoder_class_path=HASH,
        num_classes=3,
    )


@CONVOLUTIONS
def test_companions_in_a_batch_change_nothing(conv_type):
    subject = random_gat(seed=3, conv_type=conv_type, sequence_pool="gru", pool_aggrs=["mean", "std", "max"])
    graphs = [graph for seed in range(0, 12, 4) for graph in structures(seed, sequence_graph)]
    alone = torch.cat([subject.predict(graph) for graph in graphs])
    torch.testing.assert_close(subject.predict(together(graphs)), alone, **ROUNDING)


@CONVOLUTIONS
def test_the_order_of_nodes_does_not_matter(conv_type):
    subject, graph = random_gat(seed=4, conv_type=conv_type), random_graph(4)
    nodes = torch.randperm(len(graph.x), generator=torch.Generator().manual_seed(0))
    shuffled = dataclasses.replace(
        graph, x=graph.x[nodes], node_id=graph.node_id[nodes], edge_index=nodes.argsort()[graph.edge_index]
    )
    torch.testing.assert_close(subject.embed(shuffled), subject.embed(graph), **ROUNDING)


def test_a_gps_layer_hears_of_every_node_of_its_graph_along_no_edge():
    graph = without_edges(random_graph(5))
    louder = dataclasses.replace(graph, x=graph.x + torch.eye(len(graph.x))[:, :1])  # the first node
    for conv_type, hears in (("gps", True), ("gatv2", False)):
        network = random_gat(seed=5, conv_type=conv_type, layers=1).network
        before, after = (network.representations(g)[0][1:] for g in (graph, louder))
        assert (not torch.equal(before, after)) == hears


def test_a_transformer_has_no_loops_of_its_own_and_keeps_those_of_the_graph():
    graph = random_graph(6)
    for layer in random_gat(seed=6, conv_type="transformer").attend(graph):
        assert torch.equal(layer.edge_index, graph.edge_index)


def test_steps_that_are_far_apart_take_no_more_memory():
    subject, graph = random_gat(seed=7, sequence_pool="attention"), sequence_graph(7)
    far = dataclasses.replace(graph, node_sequence_step=graph.node_sequence_step * 2**60)
    torch.testing.assert_close(subject.embed(far), subject.embed(graph), **ROUNDING)


def test_a_gru_reads_as_many_steps_as_have_nodes_from_the_first_on():
    subject, graph = random_gat(seed=8, sequence_pool="gru"), random_graph(8)
    steps = torch.zeros(len(graph.x), dtype=torch.int64)
    gap = dataclasses.replace(graph, node_sequence_step=steps.index_fill(0, torch.tensor([0, 1]), 2))
    later = dataclasses.replace(gap, node_sequence_step=gap.node_sequence_step * 5)
    assert torch.equal(
        subject.embed(gap), subject.embed(later)
    )  # neither reads the second step that has nodes
    full = dataclasses.replace(gap, node_sequence_step=gap.node_sequence_step // 2)
    assert (subject.embed(full) - subject.embed(gap)).abs().max() > 1e-3


@pytest.mark.parametrize("sequence_pool", ["mean", "attention", "gru"])
def test_data_without_steps_are_pooled_at_once_which_is_told(sequence_pool):
    chosen = hparams(sequence_pool=sequence_pool)
    state, graph = random_state(chosen, seed=9), random_graph(9)
    shared = {name: tensor for name, tensor in state.items() if not name.startswith("sequence_")}
    subject, flat = gat.load(state, chosen), gat.load(shared, hparams(sequence_pool="flat"))
    with pytest.warns(ResultWarning, match=rf"sequence_pool {sequence_pool}\), the data have no node_seq"):
        found = subject.predict(graph)
    assert torch.equal(found, flat.predict(graph))


def test_a_checkpoint_that_names_no_pool_of_steps_takes_data_without_them_as_they_are():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        random_gat(seed=9, sequence_pool="auto").embed(random_graph(9))


def test_a_flat_pool_ignores_steps():
    subject, graph = random_gat(seed=9, sequence_pool="flat"), sequence_graph(9)
    without = dataclasses.replace(graph, node_sequence_step=None)
    assert torch.equal(subject.embed(graph), subject.embed(without))


def test_a_hashing_encoder_knows_every_identity():
    subject = random_gat(seed=10, id_encoder_class_path=HASH)
    graph = random_graph(10)
    foreign = dataclasses.replace(graph, node_id=graph.node_id + 10**6 + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not torch.equal(subject.embed(foreign), subject.embed(graph))


def test_a_gps_layer_has_no_attention_over_edges_to_show():
    with pytest.raises(AssayError, match="conv_type gps has no attention over edges"):
        random_gat(seed=11, conv_type="gps").attend(random_graph(11))


@CONVOLUTIONS
def test_no_answer_changes_the_checkpoint(conv_type):
    subject, graph = random_gat(seed=12, conv_type=conv_type), random_graph(12)
    before = {name: tensor.clone() for name, tensor in subject.network.state_dict().items()}
    subject.predict(graph)
    assert not any(module.training for module in subject.network.modules())
    for name, tensor in subject.network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def published_names() -> list[str]:
    gps = ["conv.att", "conv.bias", "conv.lin_l.weight", "conv.lin_l.bias", "conv.lin_r.weight"]
    gps += ["conv.lin_r.bias", "conv.lin_edge.weight", "attn.in_proj_weight", "attn.in_proj_bias"]
    gps += ["attn.out_proj.weight", "attn.out_proj.bias", "mlp.0.weight", "mlp.0.bias"]
    gps += ["mlp.3.weight", "mlp.3.bias"]
    gps += [f"norm{i}.module.{kind}" for i in (1, 2, 3) for kind in ("weight", "bias")]
    cells = [f"{kind}_l0" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    names = ["input_encoder.id_encoder.embedding.weight"]
    names += [f"input_encoder.feat_proj.{kind}" for kind in ("weight", "bias")]
    names += [f"convs.0.proj.{kind}" for kind in ("weight", "bias")] + [f"convs.0.gps.{name}" for name in gps]
    names += [f"convs.1.{name}" for name in gps]
    names += [f"jk.lstm.{name}{way}" for way in ("", "_reverse") for name in cells]
    names += ["jk.att.weight", "jk.att.bias"] + [f"sequence_gru.{name}" for name in cells]
    names += [f"fc_layers.{i}.{kind}" for i in (0, 3) for kind in ("weight", "bias")]
    return names + [f"temporal_event_head.{i}.{kind}" for i in (0, 3) for kind in ("weight", "bias")]


def test_the_order_of_parameters_is_the_published_one():
    subject = random_gat(
        seed=0, conv_type="gps", layers=2, proj_dim=3, sequence_pool="gru", id_encoder_class_path=HASH
    )
    assert list(subject.parameters()) == published_names()


def test_the_heads_are_as_wide_as_all_pools():
    shapes = {
        name: p.shape for name, p in random_gat(seed=0, pool_aggrs=["mean", "max"]).parameters().items()
    }
    assert shapes["fc_layers.0.weight"] == (12, 12)
    assert shapes["temporal_event_head.0.weight"] == (12, 2 * 6 + 5)
    assert shapes["temporal_event_head.3.weight"] == (2, 12)
