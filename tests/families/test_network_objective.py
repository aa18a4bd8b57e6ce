"""The plain engine of the landscape: any network's loss for any parameters, and which engine is chosen."""

import pytest
import torch
from artifacts.tiny import TinySamples
from families.checkpoints import random_gat
from families.graphs import one_node, random_graph, sequence_graph, together, without_edges
from families.oracle import gat_forward
from torch.nn.functional import cross_entropy

from assay.families.gat.objective import GatObjective
from assay.families.input_encoder import HASH
from assay.families.network_objective import NetworkObjective

FLAT = {"sequence_pool": "flat"}
VARIANTS = [
    {"conv_type": "transformer", **FLAT},
    {"conv_type": "gps", **FLAT},
    {"pool_aggrs": ["mean", "std"], **FLAT},
    {"proj_dim": 4, **FLAT},
    {"id_encoder_class_path": HASH, **FLAT},
    {"sequence_pool": "auto"},
    {"sequence_pool": "attention"},
    {"sequence_pool": "gru"},
]
EACH_VARIANT = pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: "-".join(map(str, v.values())))


def samples(graphs) -> TinySamples:
    return TinySamples("val", torch.arange(len(graphs)).numpy(), graphs)


def mixed(n: int):
    """Sequences of which every third has one node, or no edge."""
    kinds = [lambda graph: graph, one_node, without_edges]
    return [kinds[i % 3](sequence_graph(i)) for i in range(n)]


def exact_loss(subject, graphs) -> float:
    """Graph by graph, node by node, in float64."""
    sizes, losses = subject.network.settings, []
    for graph in graphs:
        *_, logits = gat_forward(
            subject.network.state_dict(),
            graph,
            conv_type=sizes.conv_type,
            layers=sizes.layers,
            pools=sizes.pools,
            sequence_pool=sizes.sequence_pool,
        )
        losses.append(cross_entropy(logits[None], graph.y))
    return float(torch.stack(losses).mean())


@EACH_VARIANT
def test_the_loss_is_that_of_the_equations_in_float64(variant):
    subject, graphs = random_gat(seed=1, **variant), mixed(40)
    objective = subject.objective(samples(graphs), seed=0)
    assert isinstance(objective, NetworkObjective)
    found = objective(list(subject.parameters().values()))
    assert found == pytest.approx(exact_loss(subject, graphs), rel=2e-5)


@EACH_VARIANT
def test_the_loss_follows_the_parameters_that_it_is_given_and_leaves_the_network_alone(variant):
    subject, other, graphs = random_gat(seed=1, **variant), random_gat(seed=2, **variant), mixed(5)
    other.network.load_state_dict({**other.network.state_dict(), **dict(subject.network.named_buffers())})
    before, batch = subject.network.state_dict(), together(graphs)
    tensors = {name: (tensor.data_ptr(), tensor.clone()) for name, tensor in before.items()}
    answers = subject.predict(batch)
    objective = subject.objective(samples(graphs), seed=0)
    found = objective(list(other.parameters().values()))
    assert found == pytest.approx(exact_loss(other, graphs), rel=2e-5)
    for name, tensor in subject.network.state_dict().items():
        place, values = tensors[name]
        assert tensor.data_ptr() == place, name
        assert torch.equal(tensor, values), name
    assert torch.equal(subject.predict(batch), answers)


@pytest.mark.parametrize("conv_type", ["gat", "gatv2"])
@pytest.mark.parametrize("graphs", [[random_graph(i) for i in range(40)], mixed(40)], ids=["plain", "steps"])
def test_the_engine_of_the_common_networks_gives_what_the_plain_one_gives(conv_type, graphs):
    subject = random_gat(seed=3, conv_type=conv_type, sequence_pool="flat")
    fast = subject.objective(samples(graphs), seed=0)
    plain = NetworkObjective(subject.network, list(samples(graphs).batches(32)))
    assert isinstance(fast, GatObjective)
    parameters = list(subject.parameters().values())
    assert fast(parameters) == pytest.approx(plain(parameters), rel=1e-6)


def test_the_size_of_the_batches_changes_rounding_only(monkeypatch):
    subject, graphs = random_gat(seed=5, conv_type="gps"), mixed(30)
    parameters = list(subject.parameters().values())
    whole = subject.objective(samples(graphs), seed=0)(parameters)
    for size in (1, 7):
        monkeypatch.setattr("assay.families.gat.GRAPHS_AT_A_TIME", size)
        assert subject.objective(samples(graphs), seed=0)(parameters) == pytest.approx(whole, rel=1e-5)


def test_the_same_point_has_the_same_loss_in_every_bit():
    subject = random_gat(seed=6, conv_type="transformer", sequence_pool="gru")
    objective = subject.objective(samples(mixed(6)), seed=0)
    parameters = list(subject.parameters().values())
    first = objective(parameters)
    objective([2 * p for p in parameters])
    assert objective(parameters) == first


def test_as_many_tensors_as_parameters_are_needed():
    subject = random_gat(seed=6, conv_type="transformer")
    objective = subject.objective(samples(mixed(2)), seed=0)
    with pytest.raises(ValueError, match="shorter"):
        objective(list(subject.parameters().values())[:-1])
