"""The p-values of edges where nothing is associated, on columns of every shape that magnitudes have."""

import numpy as np
import pytest
from numerics.edges.nulls import SHAPES, null_columns, together

from assay.numerics.edges.layer_tests import Null, layer_tests
from assay.numerics.edges.magnitude_correlation import (
    correlation,
    fisher_z,
    largest_over_layers,
    mean_over_layers,
)
from assay.numerics.edges.pearson_iii import upper_tail
from assay.numerics.edges.permutation_moments import Side
from assay.numerics.edges.unit_columns import score_units, value_units

LAYERS, N, K = 4, 200, 100
CORRELATIONS = (0.2, 0.5, 0.8, 0.95)


def null_sides(shape: str, rho: float, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng([seed, round(100 * rho), list(SHAPES).index(shape)])
    return [null_columns(shape, rng, layers=LAYERS, n=N, k=K, rho=rho) for _ in range(2)]


def null(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> Null:
    return Null.of(Side.of(x, groups), Side.of(y, groups))


def exact_p(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the mean, of the strongest layer, and of either: (3, pairs tested)."""
    x, y = (score_units(side, together(N)).columns for side in (x, y))
    found = layer_tests(x.transpose(0, 2, 1) @ y, null(x, y, together(N)))
    every = np.stack([found.p, found.p_max, found.p_omnibus])
    return every[:, ~np.isnan(found.p)]


def published_p(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of the mean and of the largest magnitude, as if either were one correlation."""
    r = correlation(value_units(x, together(N)), value_units(y, together(N)))
    scores = np.stack([mean_over_layers(r), largest_over_layers(r)])
    z = fisher_z(scores.reshape(2, -1), np.full(K * K, N - 3))
    return upper_tail(z, np.zeros_like(z))


def shares(p_of, shape: str, rho: float, draws: int) -> np.ndarray:
    """Of each test the shares of p up to .05 and .001: (tests, 2)."""
    drawn = [p_of(*null_sides(shape, rho, seed)) for seed in range(draws)]
    p = np.concatenate(drawn, axis=1)
    return np.stack([(p <= level).mean(1) for level in (0.05, 0.001)], axis=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_exact_p_are_near_their_level(shape):
    found = shares(exact_p, shape, 0.8, draws=8)
    assert found[0, 0] == pytest.approx(0.05, abs=0.008)
    assert (found[1:, 0] < 0.06).all()
    assert (found[:, 1] < 2.2e-3).all()
    assert (found[:, 1] > 2e-4).all()


def test_published_p_of_the_mean_are_too_timid_and_of_the_largest_too_bold():
    mean, largest = shares(published_p, "half-normal", 0.2, draws=4)
    assert mean[0] < 0.02
    assert largest[0] > 0.08


@pytest.mark.slow
@pytest.mark.parametrize("rho", CORRELATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_exact_p_come_true_at_both_levels(shape, rho):
    found = shares(exact_p, shape, rho, draws=20)
    assert found[0, 0] == pytest.approx(0.05, abs=0.005)
    assert (found[:2, 1] <= 0.0016).all()
    assert (found[1:, 0] <= 0.057).all()


def test_p_within_batches_that_spread_and_lie_differently_are_near_their_level():
    rng, p = np.random.default_rng(0), []
    groups = np.repeat(np.arange(4), [20, 40, 60, 80])
    for _ in range(8):
        noise = rng.standard_normal((2, LAYERS, N, K))
        sides = noise * np.array([8, 4, 1, 0.3])[groups][:, None] + 5 * groups[:, None]
        x, y = (score_units(side, groups).columns for side in sides)
        p.append(layer_tests(x.transpose(0, 2, 1) @ y, null(x, y, groups)).p.ravel())
    assert (np.concatenate(p) <= 0.05).mean() == pytest.approx(0.05, abs=0.01)


BATCHES = np.repeat([0, 1], [N // 2, N // 2])


def silent(share: float):
    """Of the first batch so many values 0, the same share in every column; of the other none."""

    def shape(values: np.ndarray) -> np.ndarray:
        least = np.where(BATCHES == 0, np.quantile(values[:, BATCHES == 0], share), -1)
        return np.maximum(values - least[:, None], 0)

    return shape


def batch_shares(shape, *, draws: int) -> np.ndarray:
    """Shares of p up to .05 and .001 of columns that take this shape on both sides."""
    p = []
    for seed in range(draws):
        sides = (shape(side) for side in null_sides("half-normal", 0.5, seed))
        x, y = (score_units(side, BATCHES).columns for side in sides)
        found = layer_tests(x.transpose(0, 2, 1) @ y, null(x, y, BATCHES))
        p.append(np.stack([found.p, found.p_max, found.p_omnibus]).reshape(3, -1))
    p = np.concatenate(p, axis=1)
    return np.stack([(p <= level).mean(1) for level in (0.05, 0.001)], axis=1)


def test_p_of_functions_that_are_silent_in_the_same_batch_are_near_their_level():
    found = batch_shares(silent(1), draws=4)
    assert found[0, 0] == pytest.approx(0.05, abs=0.008)
    assert (found[:, 0] < 0.06).all() and (found[:, 1] < 2.2e-3).all()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.84, 1])
def test_p_of_functions_that_are_silent_in_the_same_batch_come_true(share):
    found = batch_shares(silent(share), draws=20)
    assert found[0, 0] == pytest.approx(0.05, abs=0.005)
    assert (found[1:, 0] < 0.057).all()
    assert (found[:2, 1] < 1.6e-3).all()


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3, 10])
def test_p_within_many_small_batches_come_true(size):
    groups, p = np.arange(N) // size, []
    for seed in range(20):
        x, y = (score_units(side, groups).columns for side in null_sides("lognormal", 0.5, seed))
        p.append(layer_tests(x.transpose(0, 2, 1) @ y, null(x, y, groups)).p.ravel())
    assert (np.concatenate(p) <= 0.05).mean() == pytest.approx(0.05, abs=0.005)
