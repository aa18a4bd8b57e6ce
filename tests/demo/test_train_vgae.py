import numpy as np
import pytest
import torch
from demo.rings import FACTS, graphs, loaded, parameter, samples, with_other_attacks

from assay.demo.autoencoders import benign
from assay.demo.train_vgae import calibrated_scores, trained, vgae_hyper_parameters
from assay.demo.training import checkpoint_bytes, seeded
from assay.families import vgae
from assay.families.vgae.network import COMPONENTS, VgaeNetwork
from assay.families.vgae.scores import graph_scores, score_draws

SHAPE = vgae_hyper_parameters(FACTS, latent=4, hidden=8, seed=1)
MEASURED = benign(graphs(60, seed=2))


def fitted(split=None, *, epochs=1, **changes):
    return trained(split or graphs(), {**SHAPE, **changes}, measured_on=MEASURED, epochs=epochs)


@pytest.fixture(scope="module")
def result():
    return fitted(epochs=12)


@pytest.fixture
def subject(result, tmp_path):
    return loaded(vgae, result.checkpoint, tmp_path)


def test_the_loss_falls(result):
    assert result.losses[-1] < 0.85 * result.losses[0]


def test_all_heads_and_the_hidden_identity_are_learnt(result):
    header = {"class_path": vgae.CLASS_PATHS[0], "hyper_parameters": SHAPE}
    with seeded(SHAPE["seed"]):
        before = VgaeNetwork(vgae.settings(header)).state_dict()
    heads = ("z_mean", "z_logvar", "canid_classifier", "neighborhood_decoder.6", "edge_decoder.3")
    for name in (*(f"{head}.weight" for head in heads), "decoder_layers.0.lin_l.weight"):
        assert (parameter(result.checkpoint, name) - before[name]).abs().max() > 0.01, name
    rows = "input_encoder.id_encoder.embedding.weight"
    hidden = parameter(result.checkpoint, rows)[-1] - before[rows][-1]
    assert hidden.abs().max() > 0.01


def test_the_same_seed_gives_the_same_bytes():
    same = [checkpoint_bytes(fitted().checkpoint) for _ in range(2)]
    assert same[0] == same[1] != checkpoint_bytes(fitted(seed=2).checkpoint)


def test_attacks_take_no_part():
    other = fitted(with_other_attacks(graphs()))
    assert checkpoint_bytes(other.checkpoint) == checkpoint_bytes(fitted().checkpoint)


def test_the_latent_space_is_measured_over_all_benign_nodes(result, subject):
    mus = [
        subject.network.encode(MEASURED.select(np.array([g])).batch(), None).mu for g in range(len(MEASURED))
    ]
    mu = torch.cat(mus).double().numpy()
    assert parameter(result.checkpoint, "mu_mean").numpy() == pytest.approx(mu.mean(0), abs=1e-5)
    assert parameter(result.checkpoint, "mu_std").numpy() == pytest.approx(mu.std(0, ddof=1), rel=1e-4)


def test_a_latent_axis_that_never_varies_has_the_least_published_spread():
    network = VgaeNetwork(
        vgae.settings({"class_path": vgae.CLASS_PATHS[0], "hyper_parameters": SHAPE})
    ).eval()
    torch.nn.init.zeros_(network.z_mean.weight)
    calibrated_scores(network, MEASURED, seed=0)
    assert network.mu_std.tolist() == pytest.approx([1e-3] * 4)


@pytest.mark.parametrize("name", COMPONENTS)
def test_components_are_measured_over_benign_graphs(result, subject, name):
    batch = MEASURED.batch()
    (draws,) = score_draws([len(batch.x)], latent=4, mask_rate=SHAPE["mask_rate"], seed=SHAPE["seed"])
    of_graphs = getattr(graph_scores(subject.network, batch, draws), name).double().numpy()
    assert of_graphs.std() > 0
    mean, std = (parameter(result.checkpoint, f"score_{name}_{what}").item() for what in ("mean", "std"))
    assert mean == pytest.approx(of_graphs.mean(), rel=1e-4)
    assert std == pytest.approx(of_graphs.std(ddof=1), rel=1e-4)


def test_the_threshold_is_a_high_quantile_of_what_the_family_says_of_benign_graphs(subject):
    scores = subject.detect(samples(MEASURED), batch_size=7, seed=SHAPE["seed"]).scores
    assert subject.threshold == pytest.approx(np.quantile(scores.numpy(), 0.99), rel=1e-4)
