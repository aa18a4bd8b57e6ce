from dataclasses import replace

import pytest
import torch
from demo.rings import loaded

from assay.demo.screen import simulated
from assay.demo.train_gsnn import TrainingScreen, gsnn_options, trained
from assay.demo.training import checkpoint_bytes
from assay.families import gsnn
from assay.protocols import TableBatch

OPTIONS = gsnn_options(channels=3, layers=3, hidden=8)


def training(n=160, seed=0) -> TrainingScreen:
    screen = simulated(n=n, seed=seed)
    return TrainingScreen(
        screen.genes,
        torch.from_numpy(screen.known),
        torch.from_numpy(screen.doses),
        torch.from_numpy(screen.levels),
    )


def fitted(screen=None, *, epochs=1, seed=1):
    return trained(screen or training(), OPTIONS, epochs=epochs, seed=seed)


@pytest.fixture(scope="module")
def result():
    return fitted(epochs=15)


def test_the_loss_falls(result):
    assert result.losses[-1] < 0.7 * result.losses[0]


def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_state():
    before = torch.get_rng_state()
    same = [checkpoint_bytes(fitted().checkpoint) for _ in range(2)]
    assert same[0] == same[1] != checkpoint_bytes(fitted(seed=2).checkpoint)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_checkpoint_passes_the_border_with_the_known_edges_alone(result, tmp_path):
    subject, screen = loaded(gsnn, result.checkpoint, tmp_path), training()
    assert subject.functions == screen.genes
    torch.testing.assert_close(torch.from_numpy(subject.edges), screen.known)
    assert subject.outputs == tuple(f"level_{gene}" for gene in screen.genes)


def test_the_loaded_network_predicts_better_than_the_mean(result, tmp_path):
    subject, screen = loaded(gsnn, result.checkpoint, tmp_path), training(400)
    unseen = replace(screen, doses=screen.doses[160:], levels=screen.levels[160:])
    error = (subject.regress(TableBatch(unseen.doses, unseen.levels)) - unseen.levels).square().mean()
    assert error < 0.85 * unseen.levels.var()
