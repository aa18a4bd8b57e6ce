"""The training loss of a VGAE, term by term, against its equations in float64."""

import pytest
import torch
from families.autoencoders import hparams, normal, odd_graphs, random_state, random_subject
from families.graphs import one_node, random_graph, together
from families.oracle_autoencoders import after, hidden_nodes, normal_kl, vgae_pass, vgae_terms

from assay.families import vgae
from assay.families.convolutions import CONV_TYPES
from assay.families.vgae.loss import LossTerms, neighbour_means, normal_divergence, training_terms

NAMES = ("features", "identities", "neighbours", "kl", "edges")


def both(conv_type: str, mask: torch.Tensor | None, *, seed: int = 0):
    """The terms as they are, and those of the equations."""
    chosen = hparams("vgae", conv_type=conv_type)
    state, batch = random_state(chosen, seed=seed), together(odd_graphs(6, seed=seed))
    noise = normal(len(batch.x), 3, seed=seed)
    mask = None if mask is None else mask[: len(batch.x)]
    shown = batch if mask is None else hidden_nodes(state, batch, mask, mask_id=7)
    asked = range(len(batch.x)) if mask is None or not mask.any() else mask.nonzero().flatten().tolist()
    expected = vgae_terms(vgae_pass(state, shown, noise, conv_type=conv_type, heads=2), batch, list(asked))
    return training_terms(vgae.load(state, chosen).network, batch, noise, mask), expected


@pytest.mark.parametrize("conv_type", CONV_TYPES)
@pytest.mark.parametrize("share", [None, 0.0, 0.4, 1.0])
def test_each_term_is_that_of_the_equations_with_and_without_hidden_nodes(conv_type, share):
    mask = None if share is None else torch.rand(99, generator=torch.Generator().manual_seed(1)) < share
    found, expected = both(conv_type, mask)
    for name in NAMES:
        assert float(getattr(found, name)) == pytest.approx(expected[name], rel=1e-4, abs=1e-6), name


def test_the_loss_is_the_published_sum_of_the_terms():
    terms = LossTerms(*torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert float(terms.total) == pytest.approx(1 + 0.2 + 0.3 + 0.04 + 0.5)


def test_a_graph_without_edges_has_no_edge_error():
    terms = training_terms(random_subject("vgae", seed=1).network, one_node(random_graph(1)), normal(1, 3))
    assert float(terms.edges) == 0


def test_a_single_node_has_a_finite_loss():
    terms = training_terms(random_subject("vgae", seed=1).network, one_node(random_graph(1)), normal(1, 3))
    assert terms.total.isfinite()


def test_neighbours_are_those_that_edges_go_to_and_parallel_edges_count():
    x = torch.tensor([[1.0], [10.0], [100.0]])
    edges = torch.tensor([[0, 0, 0, 1], [1, 1, 2, 1]])
    torch.testing.assert_close(neighbour_means(x, edges), torch.tensor([[40.0], [10.0], [0.0]]))


def test_neighbour_means_are_those_of_a_plain_loop():
    batch = together(odd_graphs(6))
    torch.testing.assert_close(neighbour_means(batch.x, batch.edge_index), after(batch.x, batch))


@pytest.mark.parametrize("seed", range(4))
def test_the_divergence_is_the_closed_form_of_two_normal_distributions(seed):
    p, t = normal(9, 4, seed=seed), 2 * normal(9, 4, seed=seed + 10) + 1
    assert float(normal_divergence(p, t)) == pytest.approx(normal_kl(p.double(), t.double()), rel=1e-5)


def test_the_divergence_is_zero_for_the_same_rows_and_not_symmetric():
    p, t = normal(9, 4, seed=1), 2 * normal(9, 4, seed=2) + 1
    assert float(normal_divergence(p, p)) == pytest.approx(0, abs=1e-5)
    assert abs(float(normal_divergence(p, t)) - float(normal_divergence(t, p))) > 0.1


def test_determinants_beyond_float32_leave_the_divergence_finite():
    p, t = 9 * normal(400, 128, seed=1), 8 * normal(400, 128, seed=2)
    assert not torch.linalg.det(torch.cov(p.T) + torch.eye(128)).isfinite()
    assert float(normal_divergence(p, t)) == pytest.approx(normal_kl(p.double(), t.double()), rel=1e-4)


def test_the_loss_can_be_trained_on():
    subject = random_subject("vgae", seed=2)
    subject.network.requires_grad_(True)
    batch = together(odd_graphs(6))
    mask = torch.arange(len(batch.x)) % 3 == 0
    training_terms(subject.network, batch, normal(len(batch.x), 3), mask).total.backward()
    without = [
        name
        for name, p in subject.network.named_parameters()
        if p.grad is None or not p.grad.isfinite().all()
    ]
    assert without == []
