import numpy as np
import pytest
import torch
from demo.rings import FACTS, graphs, loaded, parameter, samples, with_other_attacks

from assay.demo.autoencoders import benign
from assay.demo.train_dgi import dgi_hyper_parameters, trained
from assay.demo.training import checkpoint_bytes
from assay.families import dgi

SHAPE = dgi_hyper_parameters(FACTS, latent=8, hidden=16, seed=1)
MEASURED = benign(graphs(60, seed=2))


def fitted(split=None, *, epochs=1, **changes):
    return trained(split or graphs(), {**SHAPE, **changes}, measured_on=MEASURED, epochs=epochs)


@pytest.fixture(scope="module")
def result():
    return fitted(epochs=40)


@pytest.fixture
def subject(result, tmp_path):
    return loaded(dgi, result.checkpoint, tmp_path)


def test_the_loss_falls(result):
    assert result.losses[-1] < 0.6 * result.losses[0]


def test_the_same_seed_gives_the_same_bytes():
    same = [checkpoint_bytes(fitted().checkpoint) for _ in range(2)]
    assert same[0] == same[1] != checkpoint_bytes(fitted(seed=2).checkpoint)


def test_attacks_take_no_part():
    other = fitted(with_other_attacks(graphs()))
    assert checkpoint_bytes(other.checkpoint) == checkpoint_bytes(fitted().checkpoint)


def test_the_centre_is_the_mean_over_benign_training_graphs_of_their_mean_nodes(result, subject):
    split = benign(graphs())
    pooled = [subject.network.encode(split.select(np.array([g])).batch()).mean(0) for g in range(len(split))]
    expected = torch.stack(pooled).double().mean(0).numpy()
    assert parameter(result.checkpoint, "svdd_center").numpy() == pytest.approx(expected, abs=1e-5)


def test_the_threshold_is_a_high_quantile_of_what_the_family_says_of_benign_graphs(subject):
    scores = subject.detect(samples(MEASURED), batch_size=7, seed=0).scores
    assert subject.threshold == pytest.approx(np.quantile(scores.numpy(), 0.99), rel=1e-4)
