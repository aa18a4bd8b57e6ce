"""What a loaded DGI network answers: against an independent pass in float64, and its laws."""

import dataclasses

import pytest
import torch
from families.autoencoders import hparams, normal, odd_graphs, random_state, random_subject, samples
from families.graphs import random_graph, together
from families.oracle_autoencoders import dgi_pass, latent_statistics
from torch.testing import assert_close
from torch_geometric.nn import global_mean_pool

from assay.errors import AssayError, ResultWarning
from assay.families import dgi
from assay.families.convolutions import CONV_TYPES
from assay.families.dgi.scores import extra_features
from assay.families.input_encoder import HASH

ROUNDING = {"rtol": 2e-4, "atol": 2e-5}  # float32 against float64, or another order of sums
SHAPES = [
    {},
    {"hidden_dims": [6]},
    {"hidden_dims": [4, 6, 3], "heads": 3},
    {"batch_norm": False},
    {"proj_dim": 3},
    {"id_encoder_class_path": HASH},
]
EVERY_CONVOLUTION = pytest.mark.parametrize("conv_type", CONV_TYPES)
EVERY_SHAPE = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "-".join(shape) or "tiny")


def both(*, seed: int = 1, **changes):
    """Subject, batch, corrupted features and the independent pass over them."""
    chosen = hparams("dgi", **changes)
    state, batch = random_state(chosen, seed=seed), together(odd_graphs(6, seed=seed))
    corrupted, values = normal(*batch.x.shape, seed=seed), chosen["hyper_parameters"]
    expected = dgi_pass(state, batch, corrupted, conv_type=values["conv_type"], heads=values["heads"])
    return dgi.load(state, chosen), batch, corrupted, expected


@EVERY_CONVOLUTION
@EVERY_SHAPE
@pytest.mark.parametrize("seed", range(1, 4))
def test_every_number_agrees_with_an_independent_pass_on_odd_graphs(conv_type, shape, seed):
    subject, batch, corrupted, expected = both(seed=seed, conv_type=conv_type, **shape)
    assert_close(subject.network.encode(batch).double(), expected.z, **ROUNDING)
    assert_close(subject.network(batch, corrupted).true.double(), expected.true, **ROUNDING)
    assert_close(subject.embed(batch).double(), expected.pooled, **ROUNDING)
    for got, wanted in zip(subject.layers(batch), expected.layers, strict=True):
        assert_close(got.double(), global_mean_pool(wanted, batch.graph, batch.n_graphs), **ROUNDING)


def test_the_state_dict_begins_with_the_discriminator_and_the_centre():
    names = list(random_subject("dgi", seed=1, hidden_dims=[6]).network.state_dict())
    assert names[:3] == ["discriminator_weight", "svdd_center", "input_encoder.id_encoder.embedding.weight"]
    stems = list(dict.fromkeys(name.split(".")[0] for name in names[3:]))
    assert stems == ["encoder_layers", "encoder_bns", "z_proj"]


def test_parameters_leave_out_the_centre_alone():
    subject = random_subject("dgi", seed=1)
    assert list(subject.parameters()) == [
        name for name in subject.network.state_dict() if name != "svdd_center"
    ]


def test_a_node_with_its_own_features_belongs_to_its_graph_as_much_as_before():
    subject, batch, *_ = both()
    found = subject.network(batch, batch.x)
    assert torch.equal(found.true, found.corrupted)


def test_identities_and_edges_stay_where_features_are_corrupted():
    subject, batch, corrupted, _ = both()
    summaries = torch.sigmoid(subject.embed(batch))
    z = subject.network.encode(dataclasses.replace(batch, x=corrupted))
    expected = subject.network.discriminate(z, summaries, batch)
    assert torch.equal(subject.network(batch, corrupted).corrupted, expected)


@EVERY_CONVOLUTION
def test_a_batch_answers_as_its_graphs_do_one_by_one(conv_type):
    subject, graphs = random_subject("dgi", seed=5, conv_type=conv_type), odd_graphs(9)
    alone = torch.cat([subject.embed(graph) for graph in graphs])
    assert_close(subject.embed(together(graphs)), alone, **ROUNDING)


def test_nothing_is_random_in_an_embedding():
    subject, batch, *_ = both()
    assert subject.noise_width == 0
    assert torch.equal(subject.embed(batch), subject.embed(batch, torch.zeros(len(batch.x), 0)))


def test_the_score_is_the_squared_distance_from_the_centre():
    subject, _, _, expected = both()
    centre = subject.network.svdd_center.double()
    wanted = [float(((row - centre) ** 2).sum()) for row in expected.pooled]
    found = subject.detect(samples(odd_graphs(6, seed=1)), batch_size=4, seed=0)
    assert found.scores.tolist() == pytest.approx(wanted, rel=1e-4)
    assert found.scores.dtype == torch.float64
    assert found.logits is found.decisions is None


def test_a_graph_at_the_centre_has_the_score_0():
    subject, graph = random_subject("dgi", seed=2), random_graph(2)
    subject.network.svdd_center.copy_(subject.embed(graph)[0])
    assert subject.detect(samples([graph]), batch_size=1, seed=0).scores.tolist() == [0]


@pytest.mark.parametrize("size", [1, 7, 64, 500])
def test_batches_and_the_seed_do_not_change_scores(size):
    subject, graphs = random_subject("dgi", seed=5), samples(odd_graphs(70))
    whole = subject.detect(graphs, batch_size=70, seed=0).scores
    assert_close(subject.detect(graphs, batch_size=size, seed=1).scores, whole, rtol=1e-6, atol=1e-6)


def test_a_score_above_the_threshold_of_the_checkpoint_is_an_attack():
    graphs = samples(odd_graphs(12))
    scores = random_subject("dgi", seed=5).detect(graphs, batch_size=5, seed=0).scores
    threshold = float(scores.sort().values[5])
    found = random_subject("dgi", seed=5, threshold=threshold).detect(graphs, batch_size=5, seed=0)
    assert found.decisions.tolist() == [int(score > threshold) for score in scores.tolist()]
    assert found.decisions.sum() == 6


def test_a_centre_that_was_never_fitted_is_refused():
    subject = random_subject("dgi", seed=5)
    subject.network.svdd_center.zero_()
    with pytest.raises(AssayError, match="svdd_center is zero in its state dict"):
        subject.detect(samples(odd_graphs(3)), batch_size=5, seed=0)


def test_a_split_without_graphs_has_neither_score_nor_loss():
    subject = random_subject("dgi", seed=5)
    with pytest.raises(AssayError, match="split val has no graph to score"):
        subject.detect(samples([]), batch_size=5, seed=0)
    with pytest.raises(AssayError, match="split val has no graph whose loss"):
        subject.objective(samples([]), seed=0)


@EVERY_CONVOLUTION
def test_the_extra_features_are_those_of_the_equations(conv_type):
    subject, batch, _, expected = both(conv_type=conv_type)
    found = extra_features(subject.network, batch)
    for g in range(batch.n_graphs):
        own = expected.true[batch.graph == g]
        p, spread = float(own.mean()), float(own.std(correction=0))
        assert found["pos_stats"][g].tolist() == pytest.approx([1 - p, p, spread], rel=1e-3, abs=1e-3)
        assert float(found["conf"][g]) == pytest.approx(1 / (1 + (1 - p)), rel=1e-4)
    assert_close(found["z_stats"].double(), latent_statistics(expected.z, batch), **ROUNDING)


def test_an_identity_that_the_checkpoint_does_not_know_counts_as_unknown_and_is_told_once():
    subject, graph = random_subject("dgi", seed=7), random_graph(7)
    known, foreign = graph.node_id.clone(), graph.node_id.clone()
    known[:2], foreign[:2] = 0, torch.tensor([7, 10**6])
    with pytest.warns(ResultWarning, match=r"an identity outside 0\.\.6") as told:
        answer = subject.embed(dataclasses.replace(graph, node_id=foreign))
    assert len(told) == 1
    assert torch.equal(answer, subject.embed(dataclasses.replace(graph, node_id=known)))


def test_data_of_another_width_name_both_widths():
    with pytest.raises(AssayError, match=r"4 node features, the checkpoint takes 5 .*in_channels"):
        random_subject("dgi", seed=8).embed(random_graph(8, features=4))
    with pytest.raises(AssayError, match=r"2 edge features, the checkpoint takes 3 .*edge_dim"):
        random_subject("dgi", seed=8).layers(random_graph(8, edge_features=2))


def test_moving_returns_the_subject_itself_in_eval_mode():
    subject = random_subject("dgi", seed=8)
    assert subject.to("cpu") is subject
    assert not any(module.training for module in subject.network.modules())
