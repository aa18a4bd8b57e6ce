"""The landscape of a DGI network: one permutation for all points and all batches."""

import math

import pytest
import torch
from families.autoencoders import odd_graphs, random_subject, samples
from families.graphs import together
from families.oracle_autoencoders import dgi_pass

from assay.families.convolutions import CONV_TYPES
from assay.families.dgi.network import Discrimination, corrupted_features
from assay.families.dgi.scores import infomax_losses
from assay.families.node_objective import NodeObjective

EVERY_CONVOLUTION = pytest.mark.parametrize("conv_type", CONV_TYPES)


def loss(subject, graphs, *, seed: int = 0, parameters=None) -> float:
    return subject.objective(samples(graphs), seed=seed)(parameters or list(subject.parameters().values()))


@EVERY_CONVOLUTION
def test_the_loss_is_that_of_the_equations_in_float64(conv_type):
    subject, graphs = random_subject("dgi", seed=1, conv_type=conv_type), odd_graphs(40)
    batch = together(graphs)
    order = torch.randperm(len(batch.x), generator=torch.Generator().manual_seed(9))
    found = dgi_pass(subject.network.state_dict(), batch, batch.x[order], conv_type=conv_type, heads=2)
    expected = sum(found.losses) / len(found.losses)
    assert loss(subject, graphs, seed=9) == pytest.approx(expected, rel=2e-5)


def test_a_discriminator_that_cannot_tell_has_a_loss_of_two_ln_2_and_a_perfect_one_none():
    batch = together(odd_graphs(2))
    half, one = torch.full((len(batch.x),), 0.5), torch.ones(len(batch.x))
    assert float(infomax_losses(batch, Discrimination(half, half)).mean()) == pytest.approx(
        2 * math.log(2), abs=1e-5
    )
    assert float(infomax_losses(batch, Discrimination(one, 0 * one)).mean()) == pytest.approx(0, abs=1e-5)
    worst = infomax_losses(batch, Discrimination(0 * one, one))
    assert worst.tolist() == pytest.approx([-2 * math.log(1e-6)] * len(worst))


@EVERY_CONVOLUTION
@pytest.mark.parametrize("size", [1, 7, 64, 500])
def test_batches_change_rounding_only(conv_type, size, monkeypatch):
    subject, graphs = random_subject("dgi", seed=2, conv_type=conv_type), odd_graphs(70)
    whole = loss(subject, graphs)
    monkeypatch.setattr("assay.families.node_objective.GRAPHS_AT_A_TIME", size)
    assert loss(subject, graphs) == pytest.approx(whole, rel=1e-6)


def test_features_are_exchanged_among_all_batches():
    batches = [together(odd_graphs(2, seed=seed)) for seed in range(3)]
    found, whole = corrupted_features(batches, seed=1), torch.cat([batch.x for batch in batches])
    assert [len(x) for x in found] == [len(batch.x) for batch in batches]
    assert torch.equal(torch.cat(found).sort(0).values, whole.sort(0).values)
    assert any(not _is_row_of(row, batch.x) for x, batch in zip(found, batches, strict=True) for row in x)


def test_the_published_permutation_stays_within_each_batch():
    batches = [together(odd_graphs(2, seed=seed)) for seed in range(3)]
    draw = torch.Generator().manual_seed(1)
    for x, batch in zip(corrupted_features(batches, seed=1, compat="published"), batches, strict=True):
        assert torch.equal(x, batch.x[torch.randperm(len(batch.x), generator=draw)])


def test_with_the_published_permutation_batches_decide_the_loss():
    subject, graphs = random_subject("dgi", seed=3), odd_graphs(12)
    losses = []
    for size in (2, 12):
        batches = list(samples(graphs).batches(size))
        drawn = corrupted_features(batches, seed=1, compat="published")
        objective = NodeObjective(subject.network, infomax_losses, batches, drawn)
        losses.append(objective(list(subject.parameters().values())))
    assert abs(losses[0] - losses[1]) > 1e-4


def test_the_same_point_has_the_same_loss_in_every_bit():
    subject = random_subject("dgi", seed=4)
    objective, parameters = (
        subject.objective(samples(odd_graphs(6)), seed=0),
        list(subject.parameters().values()),
    )
    first = objective(parameters)
    objective([2 * p for p in parameters])
    assert objective(parameters) == first


def test_the_seed_decides_the_permutation_and_the_global_random_state_is_left_alone():
    subject, graphs = random_subject("dgi", seed=4), odd_graphs(6)
    before = torch.get_rng_state()
    assert loss(subject, graphs, seed=1) == loss(subject, graphs, seed=1) != loss(subject, graphs, seed=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_loss_follows_the_parameters_that_it_is_given_and_leaves_the_network_alone():
    subject, other, graphs = random_subject("dgi", seed=5), random_subject("dgi", seed=6), odd_graphs(6)
    tensors = {name: (t.data_ptr(), t.clone()) for name, t in subject.network.state_dict().items()}
    found = loss(subject, graphs, parameters=list(other.parameters().values()))
    assert found == pytest.approx(loss(other, graphs), rel=1e-6)
    for name, tensor in subject.network.state_dict().items():
        assert (tensor.data_ptr(), True) == (tensors[name][0], torch.equal(tensor, tensors[name][1])), name


def test_a_gradient_step_lowers_the_loss():
    subject, batch = random_subject("dgi", seed=7), together(odd_graphs(12))
    (corrupted,) = corrupted_features([batch], seed=0)
    subject.network.requires_grad_(True)

    def mean_loss() -> torch.Tensor:
        return infomax_losses(batch, subject.network(batch, corrupted)).mean()

    before = mean_loss()
    before.backward()
    with torch.no_grad():
        for parameter in subject.network.parameters():
            parameter -= 1e-3 * parameter.grad
    assert mean_loss() < before


def _is_row_of(row: torch.Tensor, x: torch.Tensor) -> bool:
    return bool((x == row).all(1).any())
