"""The landscape of a VGAE: the published points, one draw for all of them, and batches that decide nothing."""

import numpy as np
import pytest
import torch
from families.autoencoders import normal, odd_graphs, random_subject, reference_vgae, samples
from families.graphs import REFERENCE, reference_graphs, together
from families.oracle_autoencoders import vgae_pass

from assay.errors import AssayError
from assay.families import vgae
from assay.families.convolutions import CONV_TYPES
from assay.families.node_objective import NodeObjective
from assay.families.vgae.loss import landscape_losses
from assay.numerics.directions import filter_normalised

EVERY_CONVOLUTION = pytest.mark.parametrize("conv_type", CONV_TYPES)


@pytest.fixture(scope="module")
def published():
    return dict(np.load(REFERENCE / "landscape_vgae.npz"))


@pytest.fixture(scope="module")
def reference():
    return vgae.load(*reference_vgae())


def test_the_directions_are_the_published_ones(reference, published):
    for k in (1, 2):
        found = filter_normalised(list(reference.parameters().values()), seed=41 + k)
        for i, direction in enumerate(found):
            np.testing.assert_allclose(direction.numpy(), published[f"d{k}_{i}"], rtol=0, atol=1e-6)


@pytest.mark.parametrize(("grid", "n"), [("", 40), ("sub_", 17)])
def test_the_loss_with_the_published_draws_is_the_published_one_at_every_point(reference, published, grid, n):
    graphs = reference_graphs()
    chosen = range(40) if n == 40 else np.random.default_rng(42).choice(40, n, replace=False)
    batch, draw = together([graphs[i] for i in chosen]), torch.Generator().manual_seed(0)
    parameters = list(reference.parameters().values())
    d1, d2 = ([torch.from_numpy(published[f"d{k}_{i}"]) for i in range(len(parameters))] for k in (1, 2))
    losses = []
    for x, y in zip(published[f"{grid}x"].tolist(), published[f"{grid}y"].tolist(), strict=True):
        torch.empty((), dtype=torch.int64).random_(generator=draw)  # the loader's, one a point
        noise = torch.randn(len(batch.x), 8, generator=draw)  # fresh at each point: the published fault
        objective = NodeObjective(reference.network, landscape_losses, [batch], [noise])
        losses.append(objective([p + x * a + y * b for p, a, b in zip(parameters, d1, d2, strict=True)]))
    np.testing.assert_allclose(losses, published[f"{grid}loss"], rtol=0, atol=1e-5)


def loss(subject, graphs, *, seed: int = 0, parameters=None) -> float:
    return subject.objective(samples(graphs), seed=seed)(parameters or list(subject.parameters().values()))


@EVERY_CONVOLUTION
def test_the_loss_is_that_of_the_equations_in_float64(conv_type):
    subject, graphs = random_subject("vgae", seed=1, conv_type=conv_type), odd_graphs(40)
    batch = together(graphs)
    found = vgae_pass(
        subject.network.state_dict(), batch, normal(len(batch.x), 3, seed=9), conv_type=conv_type, heads=2
    )
    expected = float(((found.x - batch.x) ** 2).mean()) + 0.01 * float(found.kl.mean())
    assert loss(subject, graphs, seed=9) == pytest.approx(expected, rel=2e-5)


@EVERY_CONVOLUTION
@pytest.mark.parametrize("size", [1, 7, 64, 500])
def test_batches_change_rounding_only(conv_type, size, monkeypatch):
    subject, graphs = random_subject("vgae", seed=2, conv_type=conv_type), odd_graphs(70)
    whole = loss(subject, graphs)
    monkeypatch.setattr("assay.families.node_objective.GRAPHS_AT_A_TIME", size)
    assert loss(subject, graphs) == pytest.approx(whole, rel=1e-6)


def test_every_node_counts_the_same_whatever_the_size_of_its_graph():
    subject, graphs = random_subject("vgae", seed=3), odd_graphs(6)
    sizes, alone = [len(graph.x) for graph in graphs], []
    for graph, noise in zip(graphs, normal(sum(sizes), 3).split(sizes), strict=True):
        objective = NodeObjective(subject.network, landscape_losses, [graph], [noise])
        alone.append(objective(list(subject.parameters().values())))
    by_node, by_graph = np.average(alone, weights=sizes), np.mean(alone)
    assert loss(subject, graphs) == pytest.approx(by_node, rel=1e-6)
    assert abs(by_node - by_graph) > 1e-2


def test_the_same_point_has_the_same_loss_in_every_bit():
    subject = random_subject("vgae", seed=4)
    objective, parameters = (
        subject.objective(samples(odd_graphs(6)), seed=0),
        list(subject.parameters().values()),
    )
    first = objective(parameters)
    objective([2 * p for p in parameters])
    assert objective(parameters) == first


def test_the_seed_decides_the_noise_and_the_global_random_state_is_left_alone():
    subject, graphs = random_subject("vgae", seed=4), odd_graphs(6)
    before = torch.get_rng_state()
    assert loss(subject, graphs, seed=1) == loss(subject, graphs, seed=1) != loss(subject, graphs, seed=2)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_loss_follows_the_parameters_that_it_is_given_and_leaves_the_network_alone():
    subject, other, graphs = random_subject("vgae", seed=5), random_subject("vgae", seed=6), odd_graphs(6)
    tensors = {name: (t.data_ptr(), t.clone()) for name, t in subject.network.state_dict().items()}
    found = loss(subject, graphs, parameters=list(other.parameters().values()))
    assert found == pytest.approx(loss(other, graphs), rel=1e-6)
    for name, tensor in subject.network.state_dict().items():
        assert (tensor.data_ptr(), True) == (tensors[name][0], torch.equal(tensor, tensors[name][1])), name


def test_parameters_that_fail_leave_the_network_alone():
    subject = random_subject("vgae", seed=5)
    state = {name: tensor.clone() for name, tensor in subject.network.state_dict().items()}
    objective = subject.objective(samples(odd_graphs(3)), seed=0)
    with pytest.raises(RuntimeError):
        objective([torch.ones(1, 1, 1, 1, 1) for _ in subject.parameters()])
    for name, tensor in subject.network.state_dict().items():
        assert torch.equal(tensor, state[name]), name


def test_a_split_without_graphs_has_no_loss():
    with pytest.raises(AssayError, match="split val has no graph"):
        random_subject("vgae", seed=5).objective(samples([]), seed=0)
