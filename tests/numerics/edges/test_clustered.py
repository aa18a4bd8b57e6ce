"""Intervals of a mean over clusters hold what they promise, and there is none of a few clusters."""

import numpy as np
import pytest
from scipy import stats

from assay.numerics.edges.clustered import DRAWS, Clustered, interval, resampled_clusters


def clusters(rng: np.random.Generator, n: int) -> list[np.ndarray]:
    """Values of mean 0.6 that are alike inside a cluster."""
    return [
        0.6 + 0.2 * rng.standard_normal() + 0.1 * rng.standard_normal((1, rng.integers(1, 6)))
        for _ in range(n)
    ]


def test_the_mean_is_that_of_all_values():
    values = clusters(np.random.default_rng(0), 30)
    assert Clustered.of(values).means == pytest.approx(np.concatenate(values, axis=1).mean())


def test_values_that_are_not_defined_are_left_out():
    values = [np.array([[1.0, np.nan]]), np.array([[np.nan]]), np.array([[0.0, 1.0]])]
    found = Clustered.of(values)
    assert (found.counts.tolist(), found.means.tolist()) == ([1, 2], [2 / 3])


@pytest.mark.parametrize("n", [0, 1, 19])
def test_fewer_than_20_clusters_have_no_interval(n):
    values = Clustered(np.ones((1, n)), np.ones(n))
    assert interval(values, seed=0) is None


def test_from_20_to_59_clusters_it_is_students_t_of_the_ratio_estimator():
    rng = np.random.default_rng(0)
    for n in (20, 59):
        sums, counts = rng.standard_normal(n), rng.integers(1, 5, n).astype(float)
        mean = sums.sum() / counts.sum()
        squared = (
            n
            / (n - 1)
            * sum((s - m * mean) ** 2 for s, m in zip(sums, counts, strict=True))
            / counts.sum() ** 2
        )
        expected = stats.t.interval(0.95, n - 1, mean, np.sqrt(squared))
        assert interval(Clustered(sums[None], counts), seed=0) == pytest.approx(expected)


def test_of_clusters_of_one_it_is_the_interval_of_a_mean():
    values = np.random.default_rng(0).standard_normal(40)
    expected = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert interval(Clustered(values[None], np.ones(40)), seed=0) == pytest.approx(expected)


def test_from_60_clusters_on_it_is_a_bootstrap_of_clusters_that_the_seed_decides():
    values = Clustered.of(clusters(np.random.default_rng(0), 60))
    weights = resampled_clusters(60, seed=7)
    assert weights.shape == (DRAWS, 60)
    assert (weights.sum(1) == 60).all()
    means = [(w * values.sums[0]).sum() / (w * values.counts).sum() for w in weights]
    assert interval(values, seed=7) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
    assert interval(values, seed=7) != interval(values, seed=8)


@pytest.mark.parametrize("n", [25, 80])
def test_intervals_hold_the_mean_about_as_often_as_they_say(n):
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        low, high = interval(Clustered.of(clusters(rng, n)), seed=0)
        held += low <= 0.6 <= high
    assert held >= 178  # of 200; with 0.95 each fewer come in 1 of 10,000


def test_a_difference_is_taken_cluster_by_cluster():
    one, other = (
        Clustered(np.array([[3.0, 4.0]]), np.array([2.0, 3.0])),
        Clustered(np.array([[1.0, 0.0], [2.0, 2.0]]), np.array([2.0, 3.0])),
    )
    found = one.less(other)
    assert (found.sums.tolist(), found.means.tolist()) == ([[1.5, 3.0]], [0.9])
