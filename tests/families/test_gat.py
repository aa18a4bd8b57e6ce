"""What a loaded GAT answers: against the published outputs, an independent forward pass, and its laws."""

import dataclasses

import numpy as np
import pytest
import torch
from families.checkpoints import hparams, random_gat, random_state, reference_student
from families.graphs import REFERENCE, random_graph, reference_graphs, together, without_edges
from families.oracle import gat_forward
from torch_geometric.nn import global_mean_pool

from assay import protocols
from assay.errors import AssayError, ResultWarning
from assay.families import gat

TOLERANCE = {"rtol": 0, "atol": 1e-5}
ROUNDING = {"rtol": 1e-4, "atol": 1e-5}  # float32 against float64, or another order of sums


@pytest.fixture(scope="module")
def published():
    return {name: torch.from_numpy(array) for name, array in np.load(REFERENCE / "forward.npz").items()}


@pytest.fixture(scope="module")
def student():
    return gat.load(*reference_student())


@pytest.fixture(scope="module")
def batch():
    return together(reference_graphs())


def test_logits_are_the_published_ones(student, batch, published):
    torch.testing.assert_close(student.predict(batch), published["gat_student_logits"], **TOLERANCE)


def test_embeddings_are_the_published_ones(student, batch, published):
    torch.testing.assert_close(student.embed(batch), published["gat_student_emb"], **TOLERANCE)


@pytest.mark.parametrize("layer", [0, 1])
def test_layers_are_the_published_ones_averaged_over_the_nodes_of_each_graph(
    student, batch, published, layer
):
    expected = global_mean_pool(published[f"gat_student_layer{layer}"], batch.graph, batch.n_graphs)
    torch.testing.assert_close(student.layers(batch)[layer], expected, **TOLERANCE)


def test_the_order_of_parameters_is_that_of_the_published_file(student):
    state, _ = reference_student()
    assert [name for name, _ in student.network.named_parameters()] == list(state)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("conv_type", ["gat", "gatv2"])
@pytest.mark.parametrize("sizes", [{}, {"layers": 1, "fc_layers": 1, "heads": 1, "num_classes": 4}])
def test_answers_agree_with_an_independent_forward_pass(conv_type, sizes, seed):
    chosen = hparams(conv_type=conv_type, **sizes)
    state = random_state(chosen, seed=seed)
    subject, graph = gat.load(state, chosen), random_graph(seed)
    layers = chosen["hyper_parameters"]["layers"]
    outputs, embedding, logits = gat_forward(state, graph, conv_type=conv_type, layers=layers)
    for got, expected in zip(subject.layers(graph), outputs, strict=True):
        torch.testing.assert_close(got[0].double(), expected.mean(0), **ROUNDING)
    torch.testing.assert_close(subject.embed(graph)[0].double(), embedding, **ROUNDING)
    torch.testing.assert_close(subject.predict(graph)[0].double(), logits, **ROUNDING)


@pytest.mark.parametrize("conv_type", ["gat", "gatv2"])
def test_a_graph_without_edges_attends_to_itself_alone(conv_type):
    chosen = hparams(conv_type=conv_type)
    state, graph = random_state(chosen, seed=1), without_edges(random_graph(1))
    _, _, logits = gat_forward(state, graph, conv_type=conv_type, layers=3)
    torch.testing.assert_close(gat.load(state, chosen).predict(graph)[0].double(), logits, **ROUNDING)


@pytest.mark.parametrize("conv_type", ["gat", "gatv2"])
def test_a_batch_answers_as_its_graphs_do_one_by_one(conv_type):
    subject = random_gat(seed=3, conv_type=conv_type)
    graphs = [random_graph(seed) for seed in range(9)] + [without_edges(random_graph(9))]
    alone = torch.cat([subject.predict(graph) for graph in graphs])
    torch.testing.assert_close(subject.predict(together(graphs)), alone, **ROUNDING)


def test_the_order_of_nodes_and_edges_does_not_matter():
    subject, graph = random_gat(seed=4), random_graph(4)
    nodes, edges = torch.randperm(len(graph.x)), torch.randperm(graph.edge_index.shape[1])
    shuffled = dataclasses.replace(
        graph,
        x=graph.x[nodes],
        node_id=graph.node_id[nodes],
        edge_index=torch.argsort(nodes)[graph.edge_index[:, edges]],
        edge_attr=graph.edge_attr[edges],
    )
    torch.testing.assert_close(subject.embed(shuffled), subject.embed(graph), **ROUNDING)


def test_the_direction_of_an_edge_matters():
    subject, graph = random_gat(seed=4), random_graph(4)
    turned = dataclasses.replace(graph, edge_index=graph.edge_index.flip(0))
    assert (subject.embed(turned) - subject.embed(graph)).abs().max() > 1e-3


def test_the_same_question_has_the_same_answer_in_every_bit(student, batch):
    assert torch.equal(student.predict(batch), student.predict(batch))


def test_answers_carry_no_gradient(student, batch):
    answers = [student.predict(batch), student.embed(batch), *student.layers(batch)]
    assert not any(answer.requires_grad for answer in answers)


def test_loading_leaves_the_global_random_state_alone():
    state, chosen = reference_student()
    before = torch.get_rng_state()
    gat.load(state, chosen)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_identity_that_the_checkpoint_does_not_know_counts_as_unknown_and_is_told():
    subject, graph = random_gat(seed=5), random_graph(5)
    known = graph.node_id.clone()
    known[:2] = 0
    foreign = known.clone()
    foreign[:2] = torch.tensor([7, 10**6])
    with pytest.warns(ResultWarning, match=r"an identity outside 0\.\.6"):
        answer = subject.predict(dataclasses.replace(graph, node_id=foreign))
    assert torch.equal(answer, subject.predict(dataclasses.replace(graph, node_id=known)))


def test_data_of_another_width_name_both_widths():
    graph = random_graph(6, features=4)
    with pytest.raises(AssayError, match=r"4 node features, the checkpoint takes 5 .*in_channels"):
        random_gat(seed=6).embed(graph)


def test_edge_features_of_another_width_name_both_widths():
    graph = random_graph(6, edge_features=2)
    with pytest.raises(AssayError, match=r"2 edge features, the checkpoint takes 3 .*edge_dim"):
        random_gat(seed=6).layers(graph)


def test_a_gat_that_reads_no_edge_features_takes_any_width_of_them():
    subject = random_gat(seed=6, conv_type="gat")
    narrow, wide = random_graph(6, edge_features=2), random_graph(6, edge_features=2)
    wide = dataclasses.replace(wide, edge_attr=torch.zeros(len(narrow.edge_attr), 11))
    assert torch.equal(subject.predict(narrow), subject.predict(wide))


def test_moving_returns_the_subject_itself(student):
    assert student.to("cpu") is student


@pytest.mark.parametrize("capability", ["embed", "layers", "predict"])
def test_it_answers_what_the_protocols_ask(student, capability):
    assert isinstance(student, protocols.CAPABILITIES[capability])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_numbers_of_the_cpu(batch, published):
    student = gat.load(*reference_student()).to("cuda")
    tensors = {
        field.name: value.to("cuda") if isinstance(value, torch.Tensor) else value
        for field in dataclasses.fields(batch)
        for value in [getattr(batch, field.name)]
    }
    logits = student.predict(protocols.GraphBatch(**tensors)).cpu()
    torch.testing.assert_close(logits, published["gat_student_logits"], **TOLERANCE)
