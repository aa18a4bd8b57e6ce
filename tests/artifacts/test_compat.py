"""`compat: published` gives the old numbers, of batches or of all samples: against loops in float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from artifacts.test_cka import OPTIONS, autoregression, rows
from artifacts.test_landscape import Whole
from artifacts.tiny import Echo, TinyData, TinySamples, feature_split
from families.autoencoders import normal, odd_graphs, random_subject, samples
from families.checkpoints import random_gat
from families.fusion.examples import random_policy
from families.oracle_autoencoders import dgi_pass, hidden_nodes, vgae_pass, vgae_scores
from numerics.song import biased_cka

from assay.artifacts import cka, evaluation, fusion_states, landscape
from assay.catalog import ARTIFACTS
from assay.errors import ResultWarning
from assay.families.fusion import FusionSubject
from assay.families.vgae.scores import score_draws

LANDSCAPE = {"resolution": 3, "scale": 0.5, "split": "val", "max_graphs": 500, "ignore": "none", "seed": 4}
SIZE = 5  # graphs in a published batch, here


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr("assay.families.node_objective.PUBLISHED_BATCH", SIZE)


def split(n: int = 12) -> TinySamples:
    """Graphs of both classes, of every oddity."""
    return samples([replace(graph, y=torch.tensor([i % 2])) for i, graph in enumerate(odd_graphs(n))])


def loss_at_the_checkpoint(subject, compat: str) -> float:
    found = landscape.compute(subject, TinyData({"val": split()}), Whole(), compat=compat, **LANDSCAPE)
    assert found.compat == compat
    return found.loss_at_checkpoint


def published_mean(batches, losses) -> float:
    """Means of nodes, weighted by graphs."""
    means = [float(np.mean(of_nodes)) for of_nodes in losses]
    return float(np.average(means, weights=[batch.n_graphs for batch in batches]))


@pytest.mark.parametrize("conv_type", ["gps", "gatv2"])
def test_the_published_landscape_of_a_vgae_weighs_means_of_batches_that_attend_as_a_whole(
    conv_type, small_batches
):
    subject, batches = random_subject("vgae", seed=1, conv_type=conv_type), list(split().batches(SIZE))
    noise = normal(sum(len(b.x) for b in batches), 3, seed=4).split([len(b.x) for b in batches])
    losses = []
    for batch, drawn in zip(batches, noise, strict=True):
        state = subject.network.state_dict()
        found = vgae_pass(state, batch, drawn, conv_type=conv_type, heads=2, apart=False)
        losses.append((((found.x - batch.x.double()) ** 2).mean(1) + 0.01 * found.kl).tolist())
    old = published_mean(batches, losses)
    assert loss_at_the_checkpoint(subject, "published") == pytest.approx(old, rel=2e-5)
    assert abs(loss_at_the_checkpoint(subject, "none") / old - 1) > 1e-3


def test_the_published_landscape_of_a_dgi_permutes_within_batches_and_weighs_their_means(small_batches):
    subject, batches = random_subject("dgi", seed=3), list(split().batches(SIZE))
    draw, losses = torch.Generator().manual_seed(4), []
    for batch in batches:
        corrupted = batch.x[torch.randperm(len(batch.x), generator=draw)]
        found = dgi_pass(subject.network.state_dict(), batch, corrupted, conv_type="gatv2", heads=2)
        losses.append(found.losses)
    old = published_mean(batches, losses)
    assert loss_at_the_checkpoint(subject, "published") == pytest.approx(old, rel=2e-5)
    assert abs(loss_at_the_checkpoint(subject, "none") / old - 1) > 1e-3


@pytest.mark.parametrize("family", ["vgae", "dgi"])
def test_only_the_published_landscape_depends_on_the_batches(family, monkeypatch):
    subject, losses = random_subject(family, seed=2, conv_type="gps"), {"published": [], "none": []}
    for size in (3, 12):
        for name in ("GRAPHS_AT_A_TIME", "PUBLISHED_BATCH"):
            monkeypatch.setattr(f"assay.families.node_objective.{name}", size)
        for compat, of_size in losses.items():
            of_size.append(loss_at_the_checkpoint(subject, compat))
    assert losses["none"][0] == pytest.approx(losses["none"][1], rel=1e-6)
    assert abs(losses["published"][0] / losses["published"][1] - 1) > 1e-4


def states(vgae, compat: str, *, batch_size: int = SIZE) -> np.ndarray:
    policy, gat = FusionSubject(random_policy("dqn")), random_gat(seed=4)
    data, options = TinyData({"val": split()}), {"splits": (), "batch_size": batch_size, "seed": 4}
    return fusion_states.compute(policy, vgae, gat, data, compat=compat, **options).features


def test_the_published_states_of_a_gps_vgae_are_of_decoders_that_attend_to_the_whole_batch():
    subject, batches = random_subject("vgae", seed=1, conv_type="gps"), list(split().batches(SIZE))
    state, passes = subject.network.state_dict(), {"conv_type": "gps", "heads": 2}
    draws = score_draws([len(b.x) for b in batches], latent=3, mask_rate=0.15, seed=4)
    recon = []
    for batch, drawn in zip(batches, draws, strict=True):
        seen = vgae_pass(state, batch, drawn.noise, **passes)
        shown = hidden_nodes(state, batch, drawn.mask, mask_id=7)
        hidden = vgae_pass(state, shown, drawn.masked_noise, apart=False, **passes)
        recon += [graph["recon"] for graph in vgae_scores(state, batch, seen, hidden, drawn.mask)]
    old, new = states(subject, "published"), states(subject, "none")
    np.testing.assert_allclose(old[:, 9], recon, rtol=5e-4, atol=2e-5)
    assert np.abs(new[:, 9] - old[:, 9]).max() > 1e-3
    np.testing.assert_array_equal(new[:, [*range(8), *range(10, 13)]], old[:, [*range(8), *range(10, 13)]])


def test_only_the_published_states_depend_on_the_batches():
    subject = random_subject("vgae", seed=1, conv_type="gps")
    one, whole = (states(subject, "none", batch_size=size) for size in (1, 12))
    np.testing.assert_allclose(one, whole, rtol=1e-4, atol=1e-5)
    one, whole = (states(subject, "published", batch_size=size) for size in (1, 12))
    assert np.abs(one[:, 9] - whole[:, 9]).max() > 1e-3


def test_the_published_evaluation_of_a_gps_vgae_is_of_the_published_scores():
    subject = random_subject("vgae", seed=3, conv_type="gps", mask_rate=0.5)
    data, options = TinyData({"val": split(40)}), {"splits": (), "batch_size": 20, "seed": 4}
    old = evaluation.compute(subject, data, compat="published", **options)
    assert old == evaluation.compute(subject.as_published(), data, compat="none", **options)
    assert old != evaluation.compute(subject, data, compat="none", **options)


class Mixed(Echo):
    """Its layer is the features, times a matrix that makes them wider."""

    def layers(self, batch):
        return [batch.x @ torch.arange(24.0).sin().reshape(3, 8)]


def cka_of(x: np.ndarray, compat: str, **columns) -> cka.Cka:
    data = TinyData({"val": feature_split("val", x, **columns)})
    return cka.compute(Mixed(), Echo(), data, **OPTIONS | {"compat": compat})


def test_the_published_cka_is_the_biased_one_of_all_samples_however_alike_neighbours_are():
    series = autoregression(0.6, 500)
    old, new = (cka_of(series, compat, time=np.arange(500.0)) for compat in ("published", "none"))
    x = torch.as_tensor(series, dtype=torch.float32)
    expected = biased_cka(x, Mixed().layers(next(feature_split("val", x).batches(500)))[0])
    assert old.matrix[0][0] == pytest.approx(expected, abs=1e-6)
    assert (old.scores, old.biased) == ({"teacher_0_student_0": old.matrix[0][0]}, old.matrix)
    assert (old.n, old.compat, old.thinned.applied) == (500, "published", False)
    assert (new.compat, new.thinned.applied) == ("none", True)
    assert abs(new.biased[0][0] - expected) > 1e-3


def test_the_published_cka_has_no_interval_and_no_level_of_chance_which_are_of_the_debiased_one():
    old = cka_of(rows(60), "published")
    assert (old.interval, old.chance_sd) == ([[None]], None)
    assert old.undefined == {"interval": "is of the debiased score; compat is published"}


def test_the_published_cka_is_undefined_beside_a_constant_layer_alone():
    outlier = rows(60)
    outlier[3] *= 1e7
    new, old = cka_of(outlier, "none"), cka_of(outlier, "published")
    assert new.matrix == [[None]]
    assert old.matrix == new.biased
    assert old.matrix[0][0] == pytest.approx(1, abs=1e-3)
    assert "teacher_0_student_0" not in old.undefined
    constant = cka_of(np.ones((60, 3)), "published")
    assert constant.matrix == constant.biased == [[None]]
    assert "constant" in constant.undefined["teacher_0_student_0"]


def test_a_published_cka_of_few_samples_is_warned_about_without_a_level_of_chance():
    with pytest.warns(ResultWarning, match=r"CKA of 49 samples .* the biased CKA of so few is high"):
        cka_of(rows(49), "published")


def test_a_family_whose_numbers_were_no_others_gives_its_own():
    subject = random_gat(seed=4)
    assert loss_at_the_checkpoint(subject, "published") == loss_at_the_checkpoint(subject, "none")
    data, options = TinyData({"val": split()}), {"splits": (), "batch_size": 5, "seed": 4}
    answers = [
        evaluation.compute(subject, data, compat=compat, **options) for compat in ("published", "none")
    ]
    assert answers[0] == answers[1]


def test_the_published_subject_shares_its_weights_and_leaves_the_other_as_it_was():
    for family in ("vgae", "dgi"):
        subject = random_subject(family, seed=1, conv_type="gps", threshold=0.5)
        before = loss_at_the_checkpoint(subject, "none")
        old = subject.as_published()
        assert old.network is subject.network
        assert (old.family, old.threshold) == (subject.family, subject.threshold)
        assert loss_at_the_checkpoint(subject, "none") == before


def test_the_published_numbers_are_never_the_default():
    takers = {name for name, row in ARTIFACTS.items() if "compat" in row.options}
    assert takers == {"cka", "landscape", "fusion_states", "evaluation"}
    assert {ARTIFACTS[name].options["compat"].default for name in takers} == {"none"}
