"""Anomaly scores and fusion features of a VGAE: against loops in float64, and what decides them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from families.autoencoders import hparams, normal, odd_graphs, random_state, random_subject, samples
from families.graphs import one_node, random_graph, together, without_edges
from families.oracle_autoencoders import hidden_nodes, latent_statistics, vgae_pass, vgae_scores
from torch.testing import assert_close

from assay import protocols
from assay.errors import AssayError
from assay.families import vgae
from assay.families.convolutions import CONV_TYPES
from assay.families.row_statistics import row_statistics
from assay.families.vgae.scores import (
    ScoreDraws,
    fusion_features,
    graph_scores,
    normalised_score,
    rayleigh_quotient,
    score_draws,
)

ROUNDING = {"rtol": 5e-4, "atol": 2e-5}
COMPONENTS = ("recon", "recon_max", "mahal", "kl", "affinity", "rq")


def scored(conv_type: str, *, mask_rate: float = 0.4, apart: bool = True):
    """Network, batch, found components, those of the equations, and the pass that sees every node."""
    chosen = hparams("vgae", conv_type=conv_type)
    state, batch = random_state(chosen, seed=1), together(odd_graphs(7))
    network = vgae.load(state, chosen).network
    (draws,) = score_draws([len(batch.x)], latent=3, mask_rate=mask_rate, seed=3)
    passes = {"conv_type": conv_type, "heads": 2}
    seen = vgae_pass(state, batch, draws.noise, **passes)
    shown = hidden_nodes(state, batch, draws.mask, mask_id=7)
    hidden = vgae_pass(state, shown, draws.masked_noise, apart=apart, **passes)
    found = graph_scores(network, batch, draws, compat=None if apart else "published")
    return network, batch, found, vgae_scores(state, batch, seen, hidden, draws.mask), seen


@pytest.mark.parametrize("conv_type", CONV_TYPES)
@pytest.mark.parametrize("mask_rate", [0.0, 0.4, 1.0])
def test_the_components_are_those_of_the_equations(conv_type, mask_rate):
    *_, found, expected, _ = scored(conv_type, mask_rate=mask_rate)
    for name in COMPONENTS:
        wanted = torch.tensor([graph[name] for graph in expected], dtype=torch.float64)
        assert_close(
            getattr(found, name).double(), wanted, **ROUNDING, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_the_published_gps_layer_is_there_for_scores_too():
    *_, found, expected, _ = scored("gps", apart=False)
    assert_close(
        found.recon.double(), torch.tensor([graph["recon"] for graph in expected]).double(), **ROUNDING
    )


def test_the_score_is_the_component_that_lies_most_deviations_above_benign_graphs():
    network, _, found, expected, _ = scored("gatv2")
    buffers = dict(network.named_buffers())
    wanted = [
        max(
            (graph[name] - float(buffers[f"score_{name}_mean"]))
            / (float(buffers[f"score_{name}_std"]) + 1e-6)
            for name in ("recon", "recon_max", "affinity", "rq")
        )
        for graph in expected
    ]
    assert_close(normalised_score(network, found).double(), torch.tensor(wanted).double(), **ROUNDING)


def test_a_deviation_of_mu_that_is_almost_zero_counts_as_a_thousandth():
    network, graph = random_subject("vgae", seed=2).network, random_graph(2)
    draws = ScoreDraws(
        normal(len(graph.x), 3), torch.ones(len(graph.x), dtype=torch.bool), normal(len(graph.x), 3)
    )
    network.mu_std.fill_(1e-3)
    at_a_thousandth = graph_scores(network, graph, draws).mahal
    network.mu_std.fill_(1e-9)
    assert torch.equal(graph_scores(network, graph, draws).mahal, at_a_thousandth)


def test_fusion_features_are_the_published_blocks_of_the_state():
    _, batch, found, expected, seen = scored("gatv2")
    features = fusion_features(found)
    assert {name: value.shape[1] for name, value in features.items()} == {
        "affinity": 1,
        "conf": 1,
        "errors": 3,
        "rq": 1,
        "spike": 1,
        "z_stats": 4,
    }
    for g, graph in enumerate(expected):
        errors = [graph["recon"], graph["mahal"], graph["kl"]]
        assert features["errors"][g].tolist() == pytest.approx(errors, rel=1e-3)
        assert float(features["conf"][g]) == pytest.approx(1 / (1 + graph["recon"]), rel=1e-4)
        assert float(features["spike"][g]) == pytest.approx(graph["recon_max"], rel=1e-3)
        assert float(features["affinity"][g]) == pytest.approx(graph["affinity"], rel=1e-3)
        assert float(features["rq"][g]) == pytest.approx(graph["rq"], rel=1e-4)
    assert_close(features["z_stats"].double(), latent_statistics(seen.z, batch), **ROUNDING)


def test_a_graph_without_edges_has_no_neighbour_to_resemble_and_is_flat():
    graph = without_edges(random_graph(3))
    draws = ScoreDraws(
        normal(len(graph.x), 3), torch.zeros(len(graph.x), dtype=torch.bool), normal(len(graph.x), 3)
    )
    found = graph_scores(random_subject("vgae", seed=3).network, graph, draws)
    assert (float(found.affinity), float(found.rq)) == (1, 0)
    assert (float(found.recon), float(found.recon_max)) == (0, 0)


def test_the_rayleigh_quotient_ignores_the_scale_and_is_small_where_features_are_alike():
    graph = random_graph(4)
    scaled, shifted = replace(graph, x=100 * graph.x), replace(graph, x=100 + graph.x)
    assert_close(rayleigh_quotient(scaled), rayleigh_quotient(graph), rtol=1e-4, atol=0)
    assert rayleigh_quotient(shifted) < 1e-2 * rayleigh_quotient(graph)


def test_a_single_number_has_no_deviation():
    assert row_statistics(torch.tensor([[3.0]])).tolist() == [[3, 0, 3, 3]]


@pytest.mark.parametrize("size", [1, 7, 64, 500])
@pytest.mark.parametrize("conv_type", CONV_TYPES)
def test_batches_do_not_change_scores(conv_type, size):
    subject, graphs = random_subject("vgae", seed=5, conv_type=conv_type), samples(odd_graphs(70))
    whole = subject.detect(graphs, batch_size=70, seed=1).scores
    found = subject.detect(graphs, batch_size=size, seed=1).scores
    assert_close(found, whole, rtol=1e-6 if conv_type != "gps" else 1e-5, atol=2e-6)


def test_the_seed_decides_the_scores():
    subject, graphs = random_subject("vgae", seed=5), samples(odd_graphs(12))
    first, again, other = (subject.detect(graphs, batch_size=5, seed=seed).scores for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_draws_are_cut_and_not_drawn_again():
    whole = score_draws([12], latent=3, mask_rate=0.3, seed=1)
    parts = score_draws([1, 9, 2], latent=3, mask_rate=0.3, seed=1)
    for name in ("noise", "mask", "masked_noise"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(whole[0], name))


def test_nodes_are_hidden_at_the_rate_of_the_checkpoint():
    (draws,) = score_draws([20000], latent=1, mask_rate=0.15, seed=0)
    assert float(draws.mask.double().mean()) == pytest.approx(0.15, abs=0.01)
    assert float(np.corrcoef(draws.noise[:, 0], draws.masked_noise[:, 0])[0, 1]) == pytest.approx(0, abs=0.03)


def test_the_hyper_parameters_say_how_many_nodes_are_hidden():
    graphs = samples(odd_graphs(12))
    none, some = (random_subject("vgae", seed=5, mask_rate=rate) for rate in (0, 0.9))
    assert not torch.equal(*(subject.detect(graphs, batch_size=5, seed=1).scores for subject in (none, some)))
    assert none.network.settings.mask_rate == 0


def test_a_score_above_the_threshold_of_the_checkpoint_is_an_attack():
    graphs = samples(odd_graphs(12))
    scores = random_subject("vgae", seed=5).detect(graphs, batch_size=5, seed=1).scores
    threshold = float(scores.sort().values[5])
    found = random_subject("vgae", seed=5, threshold=threshold).detect(graphs, batch_size=5, seed=1)
    assert isinstance(found, protocols.Detection)
    assert found.scores.dtype == torch.float64
    assert found.decisions.tolist() == [int(score > threshold) for score in scores.tolist()]
    assert found.decisions.sum() == 6
    assert found.logits is None


def test_without_a_threshold_nothing_is_decided():
    assert (
        random_subject("vgae", seed=5).detect(samples(odd_graphs(3)), batch_size=5, seed=1).decisions is None
    )


def test_a_score_that_was_never_calibrated_is_refused():
    subject = random_subject("vgae", seed=5, fitted=False)
    with pytest.raises(AssayError, match=r"score_norm_fitted is False in its state dict.*calibration"):
        subject.detect(samples([one_node(random_graph(1))]), batch_size=5, seed=1)


def test_a_split_without_graphs_has_no_score():
    with pytest.raises(AssayError, match="split val has no graph to score"):
        random_subject("vgae", seed=5).detect(samples([]), batch_size=5, seed=1)
