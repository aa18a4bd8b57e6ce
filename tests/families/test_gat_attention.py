"""What the heads of a GAT give to each edge: against an independent softmax, and its laws."""

import dataclasses

import pytest
import torch
from families.checkpoints import hparams, random_gat, random_state
from families.graphs import random_graph, together, without_edges
from families.oracle import State, gat_forward
from torch import Tensor

from assay import protocols
from assay.errors import AssayError
from assay.families import gat
from assay.protocols import GraphBatch

ROUNDING = {"rtol": 1e-4, "atol": 1e-6}  # float32 against float64, or another order of sums
CONVOLUTIONS = pytest.mark.parametrize("conv_type", ["gat", "gatv2", "transformer"])
WITH_LOOPS = pytest.mark.parametrize("conv_type", ["gat", "gatv2"])


def attention_oracle(state: State, graph: GraphBatch, *, conv_type: str) -> tuple[Tensor, list[Tensor]]:
    """The edges (2, edges) and, by layer, their weights (edges, heads), edge by edge in float64."""
    pairs, features = (as_they_are if conv_type == "transformer" else with_loops)(graph)
    outputs, _, _ = gat_forward(state, graph, conv_type=conv_type, layers=3)
    state = {name: tensor.double() for name, tensor in state.items()}
    table = state["input_encoder.id_encoder.embedding.weight"]
    inputs = [torch.cat([table[graph.node_id], graph.x.double()], dim=1), *outputs[:-1]]
    score = {"gat": static_score, "gatv2": dynamic_score, "transformer": matching_score}[conv_type]
    weights = []
    for layer, x in enumerate(inputs):
        rows = [score(state, f"convs.{layer}.", x[s], x[t], features[e]) for e, (s, t) in enumerate(pairs)]
        shares = torch.stack(rows).exp()  # (edges, heads)
        targets = torch.tensor([t for _, t in pairs])
        weights.append(
            torch.stack([row / shares[targets == t].sum(0) for row, t in zip(shares, targets, strict=True)])
        )
    return torch.tensor(pairs).T, weights


def as_they_are(graph: GraphBatch) -> tuple[list[tuple[int, int]], list[Tensor]]:
    return [tuple(ends) for ends in graph.edge_index.T.tolist()], list(graph.edge_attr.double())


def with_loops(graph: GraphBatch) -> tuple[list[tuple[int, int]], list[Tensor]]:
    """Source, target and features of the edges: those that are no loops, then a loop a node with their mean."""
    ends = graph.edge_index.T.tolist()
    kept = [e for e, (source, target) in enumerate(ends) if source != target]
    pairs, features = [tuple(ends[e]) for e in kept], [graph.edge_attr[e].double() for e in kept]
    entering = [
        [feature for (_, t), feature in zip(pairs, features, strict=True) if t == v]
        for v in range(len(graph.x))
    ]
    none = torch.zeros(graph.edge_attr.shape[1]).double()
    loops = [torch.stack(group).mean(0) if group else none for group in entering]
    return pairs + [(v, v) for v in range(len(graph.x))], features + loops


def static_score(state: State, under: str, source: Tensor, target: Tensor, _: Tensor) -> Tensor:
    shape = state[f"{under}att_src"].shape[1:]
    own, other = ((state[f"{under}lin.weight"] @ x).view(shape) for x in (target, source))
    return leaky((other * state[f"{under}att_src"][0] + own * state[f"{under}att_dst"][0]).sum(1))


def dynamic_score(state: State, under: str, source: Tensor, target: Tensor, edge: Tensor) -> Tensor:
    left = state[f"{under}lin_l.weight"] @ source + state[f"{under}lin_l.bias"]
    right = state[f"{under}lin_r.weight"] @ target + state[f"{under}lin_r.bias"]
    att = state[f"{under}att"][0]
    return (leaky(left + right + state[f"{under}lin_edge.weight"] @ edge).view(att.shape) * att).sum(1)


def matching_score(state: State, under: str, source: Tensor, target: Tensor, edge: Tensor) -> Tensor:
    query, key = (
        (state[f"{under}lin_{kind}.weight"] @ x + state[f"{under}lin_{kind}.bias"]).view(2, 3)
        for kind, x in (("query", target), ("key", source))
    )
    return (query * (key + (state[f"{under}lin_edge.weight"] @ edge).view(2, 3))).sum(1) / 3**0.5


def leaky(x: Tensor) -> Tensor:
    return torch.maximum(x, x / 5)


@pytest.mark.parametrize("seed", range(5))
@CONVOLUTIONS
def test_the_weights_of_every_layer_agree_with_an_independent_softmax(conv_type, seed):
    chosen = hparams(conv_type=conv_type)
    state, graph = random_state(chosen, seed=seed), random_graph(seed)
    edge_index, weights = attention_oracle(state, graph, conv_type=conv_type)
    layers = gat.load(state, chosen).attend(graph)
    for got, expected in zip(layers, weights, strict=True):
        assert torch.equal(got.edge_index, edge_index)
        torch.testing.assert_close(got.alpha.double(), expected, **ROUNDING)


@CONVOLUTIONS
def test_the_weights_that_enter_a_node_sum_to_one_in_every_head(conv_type):
    batch = together([*map(random_graph, range(6)), without_edges(random_graph(6))])
    for layer in random_gat(seed=1, conv_type=conv_type).attend(batch):
        sums = torch.zeros(len(batch.x), 2).index_add(0, layer.edge_index[1], layer.alpha)
        entered = torch.zeros(len(batch.x), dtype=torch.bool).index_fill(0, layer.edge_index[1], True)
        torch.testing.assert_close(sums, entered[:, None].expand(sums.shape).float(), rtol=0, atol=1e-6)
        assert (layer.alpha >= 0).all()
        assert entered.all() == (conv_type != "transformer")


@WITH_LOOPS
def test_a_node_that_no_edge_enters_gives_all_to_its_own_loop(conv_type):
    graph = without_edges(random_graph(2))
    for layer in random_gat(seed=2, conv_type=conv_type).attend(graph):
        assert torch.equal(layer.edge_index, torch.arange(len(graph.x)).expand(2, -1))
        assert torch.equal(layer.alpha, torch.ones(len(graph.x), 2))


def test_a_transformer_gives_no_weight_where_no_edge_enters():
    graph = without_edges(random_graph(2))
    for layer in random_gat(seed=2, conv_type="transformer").attend(graph):
        assert layer.alpha.shape == (0, 2)
        assert layer.edge_index.shape == (2, 0)


@WITH_LOOPS
def test_renaming_the_nodes_moves_the_loops_and_leaves_each_edge_its_weight(conv_type):
    subject, graph = random_gat(seed=3, conv_type=conv_type), random_graph(3)
    place = torch.randperm(len(graph.x), generator=torch.Generator().manual_seed(0))
    renamed = dataclasses.replace(
        graph,
        x=graph.x[place],
        node_id=graph.node_id[place],
        edge_index=place.argsort()[graph.edge_index],
    )
    for before, after in zip(subject.attend(graph), subject.attend(renamed), strict=True):
        edges, loops = before.alpha[: -len(place)], before.alpha[-len(place) :]
        torch.testing.assert_close(after.alpha, torch.cat([edges, loops[place]]), **ROUNDING)
        assert torch.equal(place[after.edge_index[:, : len(edges)]], before.edge_index[:, : len(edges)])


@CONVOLUTIONS
def test_parallel_edges_with_the_same_features_share_alike(conv_type):
    graph = random_graph(4)
    twice = dataclasses.replace(
        graph,
        edge_index=torch.tensor([[0, 1, 0], [1, 2, 1]]),
        edge_attr=graph.edge_attr[[0, 1, 0]],
    )
    for layer in random_gat(seed=4, conv_type=conv_type).attend(twice):
        assert torch.equal(layer.alpha[0], layer.alpha[2])
        assert (layer.alpha[0] <= 0.5).all()


@pytest.mark.parametrize(("conv_type", "alike"), [("gat", True), ("gatv2", False)])
def test_gat_ranks_the_senders_alike_for_every_receiver_and_gatv2_need_not(conv_type, alike):
    graph, n = random_graph(5), len(random_graph(5).x)
    pairs = torch.cartesian_prod(torch.arange(n), torch.arange(n)).T
    complete = dataclasses.replace(graph, edge_index=pairs, edge_attr=torch.zeros(n * n, 3))
    layer = random_gat(seed=5, conv_type=conv_type).attend(complete)[0]
    table = torch.zeros(n, n, 2)
    table[layer.edge_index[1], layer.edge_index[0]] = layer.alpha  # (receiver, sender, head)
    ranking = table.argsort(1)
    assert (ranking == ranking[:1]).all() == alike


def test_attending_changes_no_answer():
    subject, graph = random_gat(seed=6), random_graph(6)
    before = subject.predict(graph)
    layers = subject.attend(graph)
    assert torch.equal(subject.predict(graph), before)
    assert not any(layer.alpha.requires_grad for layer in layers)


def test_data_of_another_width_name_both_widths():
    with pytest.raises(AssayError, match=r"4 node features, the checkpoint takes 5 .*in_channels"):
        random_gat(seed=6).attend(random_graph(6, features=4))


def test_it_answers_what_the_protocol_asks():
    assert isinstance(random_gat(seed=6), protocols.Attends)
