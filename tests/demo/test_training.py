from itertools import chain, pairwise

import pytest
import torch
from torch import nn

from assay.demo.training import BATCH, PEAK_LEARNING_RATE, fit, seeded

N = 2 * BATCH + 3


def met(epochs: int) -> tuple[list[list[int]], list[float]]:
    """The samples of every batch, and the losses, where the loss of a sample is its number."""
    network, batches = nn.Linear(1, 1), []

    def loss(index):
        batches.append(index.tolist())
        return index.double().mean() + 0 * network.weight.sum()

    return batches, fit(network, loss, n=N, epochs=epochs)


def test_every_epoch_meets_every_sample_once_in_an_order_of_its_own():
    batches, _ = met(epochs=2)
    assert [len(batch) for batch in batches] == 2 * [BATCH, BATCH, 3]
    first, second = [*chain(*batches[:3])], [*chain(*batches[3:])]
    assert sorted(first) == sorted(second) == list(range(N))
    assert first != second


def test_the_loss_of_an_epoch_is_the_mean_over_samples_not_over_batches():
    assert met(epochs=2)[1] == pytest.approx([(N - 1) / 2] * 2, rel=1e-12)


def test_the_last_steps_are_far_smaller_than_the_largest():
    network = nn.Linear(1, 1, bias=False)
    places = []

    def loss(index):
        places.append(network.weight.item())
        return network.weight.sum()  # a slope of 1 everywhere, so that Adam's step is the learning rate

    fit(network, loss, n=N, epochs=10)
    steps = [before - after for before, after in pairwise(places)]
    assert 0.8 * PEAK_LEARNING_RATE < max(steps) <= PEAK_LEARNING_RATE
    assert max(steps[0], steps[-1]) < 0.1 * max(steps)


def test_a_seed_decides_what_is_drawn_and_leaves_the_global_generator_as_found():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    drawn = []
    for seed in (1, 1, 2):
        with seeded(seed):
            drawn.append(torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert torch.equal(torch.rand(1), expected)
