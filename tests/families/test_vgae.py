"""What a loaded VGAE answers: against the published outputs, an independent pass in float64, and its laws."""

import dataclasses

import numpy as np
import pytest
import torch
from families.autoencoders import hparams, normal, odd_graphs, random_state, random_subject, reference_vgae
from families.graphs import REFERENCE, random_graph, reference_graphs, together
from families.oracle_autoencoders import hidden_nodes, vgae_pass
from torch_geometric.nn import global_mean_pool

from assay.errors import AssayError, ResultWarning
from assay.families import vgae
from assay.families.convolutions import CONV_TYPES
from assay.families.input_encoder import HASH

TOLERANCE = {"rtol": 0, "atol": 1e-5}
ROUNDING = {"rtol": 2e-4, "atol": 2e-5}  # float32 against float64, or another order of sums
SHAPES = [
    {},
    {"hidden_dims": [6]},
    {"hidden_dims": [4, 6, 3], "heads": 3, "mlp_hidden": 5},
    {"batch_norm": False},
    {"proj_dim": 3},
    {"id_encoder_class_path": HASH},
]
EVERY_CONVOLUTION = pytest.mark.parametrize("conv_type", CONV_TYPES)
EVERY_SHAPE = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(shape) or "tiny")


@pytest.fixture(scope="module")
def published():
    return {name: torch.from_numpy(array) for name, array in np.load(REFERENCE / "forward.npz").items()}


@pytest.fixture(scope="module")
def reference():
    return vgae.load(*reference_vgae())


@pytest.fixture(scope="module")
def batch():
    return together(reference_graphs())


def test_a_pass_with_the_published_draw_gives_the_published_numbers(reference, batch, published):
    found = reference.network(batch, normal(len(batch.x), 8, seed=0))
    torch.testing.assert_close(found.latent.mu, published["vgae_mu"], **TOLERANCE)
    torch.testing.assert_close(found.latent.kl, published["vgae_kl"], **TOLERANCE)
    torch.testing.assert_close(found.latent.z, published["vgae_z_seed0"], **TOLERANCE)
    torch.testing.assert_close(found.x, published["vgae_recon_seed0"], **TOLERANCE)


def test_embeddings_without_noise_are_the_published_means(reference, batch):
    expected = torch.from_numpy(np.load(REFERENCE / "embeddings_vgae.npz")["mu_mean_pooled"])
    torch.testing.assert_close(reference.embed(batch), expected, **TOLERANCE)


def test_embeddings_with_the_published_draws_are_the_published_ones(reference):
    draw, graphs = torch.Generator().manual_seed(0), reference_graphs()
    torch.empty((), dtype=torch.int64).random_(generator=draw)  # the loader's
    embeddings = []
    for part in (together(graphs[i : i + 16]) for i in range(0, 40, 16)):
        embeddings.append(reference.embed(part, torch.randn(len(part.x), 8, generator=draw)))
    expected = torch.from_numpy(np.load(REFERENCE / "embeddings_vgae.npz")["embeddings"])
    torch.testing.assert_close(torch.cat(embeddings), expected, **TOLERANCE)


def test_the_state_dict_and_the_parameters_are_in_the_order_of_the_published_file(reference):
    state, _ = reference_vgae()
    assert list(reference.network.state_dict()) == list(state)
    names = np.load(REFERENCE / "landscape_vgae.npz")["param_names"].tolist()
    assert list(reference.parameters()) == names


@EVERY_CONVOLUTION
@EVERY_SHAPE
@pytest.mark.parametrize("seed", range(1, 4))
def test_every_number_agrees_with_an_independent_pass_on_odd_graphs(conv_type, shape, seed):
    chosen = hparams("vgae", conv_type=conv_type, **shape)
    state, graphs = random_state(chosen, seed=seed), together(odd_graphs(6, seed=seed))
    subject, noise = vgae.load(state, chosen), normal(len(graphs.x), 3, seed=seed)
    expected = vgae_pass(state, graphs, noise, conv_type=conv_type, heads=chosen["hyper_parameters"]["heads"])
    found = subject.network(graphs, noise)
    heads = subject.network.heads(found.latent.z, graphs)
    pairs = [(found.latent, ("mu", "z", "kl")), (found, ("x",)), (heads, ("identity_logits", "neighbours"))]
    for got, names in pairs:
        for name in names:
            torch.testing.assert_close(getattr(got, name).double(), getattr(expected, name), **ROUNDING)
    if conv_type == "gat":
        assert heads.edge_attr is expected.edge_attr is None
    else:
        torch.testing.assert_close(heads.edge_attr.double(), expected.edge_attr, **ROUNDING)
    for got, wanted in zip(subject.layers(graphs), expected.layers, strict=True):
        wanted = global_mean_pool(wanted, graphs.graph, graphs.n_graphs)
        torch.testing.assert_close(got.double(), wanted, **ROUNDING)


@pytest.mark.parametrize("shape", [{}, {"id_encoder_class_path": HASH}], ids=["table", "hash"])
def test_a_masked_node_is_the_mask_token_under_an_identity_that_no_data_have(shape):
    chosen = hparams("vgae", **shape)
    state, graph = random_state(chosen, seed=2), random_graph(2)
    subject, noise, mask = (
        vgae.load(state, chosen),
        normal(len(graph.x), 3),
        torch.arange(len(graph.x)) % 2 == 0,
    )
    expected = vgae_pass(
        state, hidden_nodes(state, graph, mask, mask_id=7), noise, conv_type="gatv2", heads=2
    )
    found = subject.network(subject.network.masker(graph, mask), noise)
    torch.testing.assert_close(found.x.double(), expected.x, **ROUNDING)


def test_log_variances_stop_at_10_and_minus_10():
    subject, graph = random_subject("vgae", seed=3), random_graph(3)
    subject.network.z_logvar.bias.copy_(torch.tensor([1e6, -1e6, 0.0]))
    latent = subject.network.encode(graph, torch.ones(len(graph.x), 3))
    assert (latent.logvar[:, 0] == 10).all()
    assert (latent.logvar[:, 1] == -10).all()
    torch.testing.assert_close(latent.z[:, 0], latent.mu[:, 0] + torch.tensor(5.0).exp())


def test_a_node_that_is_a_standard_normal_has_no_divergence():
    subject, graph = random_subject("vgae", seed=3), random_graph(3)
    for layer in (subject.network.z_mean, subject.network.z_logvar):
        layer.weight.zero_()
        layer.bias.zero_()
    assert (subject.network.encode(graph, None).kl == 0).all()


def test_an_embedding_without_noise_is_the_one_with_noise_of_zeros():
    subject, graphs = random_subject("vgae", seed=4), together(odd_graphs(4))
    assert subject.noise_width == 3
    assert torch.equal(subject.embed(graphs), subject.embed(graphs, torch.zeros(len(graphs.x), 3)))
    assert (subject.embed(graphs) - subject.embed(graphs, normal(len(graphs.x), 3))).abs().min() > 1e-4


@EVERY_CONVOLUTION
def test_a_batch_answers_as_its_graphs_do_one_by_one(conv_type):
    subject, graphs = random_subject("vgae", seed=5, conv_type=conv_type), odd_graphs(9)
    alone = [subject.network(graph, None).x for graph in graphs]
    torch.testing.assert_close(subject.network(together(graphs), None).x, torch.cat(alone), **ROUNDING)


def test_the_published_last_gps_layer_attends_to_the_companions_of_the_batch():
    chosen = hparams("vgae", conv_type="gps")
    state, graphs = random_state(chosen, seed=6), together(odd_graphs(5))
    network, noise = vgae.load(state, chosen).network, normal(len(graphs.x), 3)
    published = network(graphs, noise, compat="published").x
    expected = vgae_pass(state, graphs, noise, conv_type="gps", heads=2, apart=False)
    torch.testing.assert_close(published.double(), expected.x, **ROUNDING)
    assert (published - network(graphs, noise).x).abs().max() > 1e-3


@pytest.mark.parametrize("conv_type", ["gat", "gatv2", "transformer"])
def test_other_layers_have_no_such_fault(conv_type):
    network, graphs = random_subject("vgae", seed=6, conv_type=conv_type).network, together(odd_graphs(5))
    assert torch.equal(network(graphs, None, compat="published").x, network(graphs, None).x)


def test_an_identity_that_the_checkpoint_does_not_know_counts_as_unknown_and_is_told_once():
    subject, graph = random_subject("vgae", seed=7), random_graph(7)
    known, foreign = graph.node_id.clone(), graph.node_id.clone()
    known[:2], foreign[:2] = 0, torch.tensor([7, 10**6])  # 7 is the identity of masked nodes
    with pytest.warns(ResultWarning, match=r"an identity outside 0\.\.6") as told:
        answer = subject.embed(dataclasses.replace(graph, node_id=foreign))
    assert len(told) == 1
    assert torch.equal(answer, subject.embed(dataclasses.replace(graph, node_id=known)))


def test_data_of_another_width_name_both_widths():
    with pytest.raises(AssayError, match=r"4 node features, the checkpoint takes 5 .*in_channels"):
        random_subject("vgae", seed=8).embed(random_graph(8, features=4))
    with pytest.raises(AssayError, match=r"2 edge features, the checkpoint takes 3 .*edge_dim"):
        random_subject("vgae", seed=8).layers(random_graph(8, edge_features=2))


def test_answers_carry_no_gradient_and_the_network_is_in_eval_mode(reference, batch):
    assert not reference.embed(batch).requires_grad
    assert not any(module.training for module in reference.network.modules())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gives_the_numbers_of_the_cpu(batch):
    subject = vgae.load(*reference_vgae()).to("cuda")
    moved = {
        field.name: value.to("cuda") if isinstance(value, torch.Tensor) else value
        for field in dataclasses.fields(batch)
        for value in [getattr(batch, field.name)]
    }
    expected = torch.from_numpy(np.load(REFERENCE / "embeddings_vgae.npz")["mu_mean_pooled"])
    torch.testing.assert_close(subject.embed(type(batch)(**moved)).cpu(), expected, **TOLERANCE)
