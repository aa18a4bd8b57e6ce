"""The engine of the landscape gives what the network gives, for any parameters, on any graphs."""

import pytest
import torch
from artifacts.tiny import TinySamples
from families.checkpoints import random_gat
from families.graphs import random_graph, together, without_edges
from families.oracle import gat_forward
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

CONVS = pytest.mark.parametrize("conv_type", ["gat", "gatv2"])


def samples(graphs) -> TinySamples:
    return TinySamples("val", torch.arange(len(graphs)).numpy(), graphs)


def exact_loss(subject, graphs) -> float:
    """Graph by graph, node by node, in float64."""
    sizes, losses = subject.network.settings, []
    for graph in graphs:
        *_, logits = gat_forward(
            subject.network.state_dict(), graph, conv_type=sizes.conv_type, layers=sizes.layers
        )
        losses.append(cross_entropy(logits[None], graph.y))
    return float(torch.stack(losses).mean())


def networks_loss(subject, graphs) -> float:
    batch = together(graphs)
    return float(cross_entropy(subject.predict(batch).double(), batch.y))


def loss(subject, graphs) -> float:
    return subject.objective(samples(graphs), seed=0)(list(subject.parameters().values()))


@CONVS
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), layers=st.integers(1, 3), heads=st.integers(1, 3), fc=st.integers(1, 3))
def test_the_loss_is_that_of_the_equations_in_float64(conv_type, seed, layers, heads, fc):
    subject = random_gat(seed=seed, conv_type=conv_type, layers=layers, heads=heads, fc_layers=fc)
    graphs = [random_graph(seed + i) for i in range(3)]
    assert loss(subject, graphs) == pytest.approx(exact_loss(subject, graphs), rel=2e-5)


@CONVS
def test_the_loss_is_that_of_the_networks_own_logits(conv_type):
    subject, graphs = random_gat(seed=5, conv_type=conv_type), [random_graph(i) for i in range(40)]
    assert loss(subject, graphs) == pytest.approx(networks_loss(subject, graphs), rel=1e-6)


@CONVS
def test_a_graph_without_edges_has_its_loops(conv_type):
    subject = random_gat(seed=5, conv_type=conv_type)
    graphs = [without_edges(random_graph(1)), random_graph(2), without_edges(random_graph(3))]
    assert loss(subject, graphs) == pytest.approx(exact_loss(subject, graphs), rel=1e-5)


@CONVS
@pytest.mark.parametrize("size", [30.0, 1000.0])
def test_scores_that_are_far_apart_neither_overflow_nor_vanish(conv_type, size):
    subject, graphs = random_gat(seed=5, conv_type=conv_type), [random_graph(i) for i in range(4)]
    for name, parameter in subject.network.named_parameters():
        if "att" in name and "jk" not in name:
            parameter.mul_(size)
    assert loss(subject, graphs) == pytest.approx(networks_loss(subject, graphs), rel=1e-5)


@CONVS
def test_the_size_of_the_blocks_changes_rounding_only(conv_type, monkeypatch):
    subject, graphs = random_gat(seed=5, conv_type=conv_type), [random_graph(i) for i in range(30)]
    whole = loss(subject, graphs)
    for size in (1, 7, 16):
        monkeypatch.setattr("assay.families.gat.GRAPHS_AT_A_TIME", size)
        assert loss(subject, graphs) == pytest.approx(whole, rel=1e-6)


def test_the_loss_follows_the_parameters_that_it_is_given_and_not_the_networks():
    subject, other = random_gat(seed=5), random_gat(seed=6)
    graphs = [random_graph(i) for i in range(4)]
    objective = subject.objective(samples(graphs), seed=0)
    assert objective(list(other.parameters().values())) == pytest.approx(loss(other, graphs), rel=1e-6)


def test_parameters_that_overflow_give_a_loss_that_is_not_finite():
    subject, graphs = random_gat(seed=5), [random_graph(1)]
    objective = subject.objective(samples(graphs), seed=0)
    found = objective([p * 1e30 for p in subject.parameters().values()])
    assert not torch.isfinite(torch.tensor(found))
