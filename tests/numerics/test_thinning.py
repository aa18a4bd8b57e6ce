"""Thinning: what it measures on series whose correlation is known, and when it leaves samples alone."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from assay.numerics.similarity import chance_sd, linear_cka
from assay.numerics.thinning import autocorrelation_threshold, leading_autocorrelation, thinning_step


def autoregression(seed: int, rho: float, *, n: int, d: int) -> torch.Tensor:
    noise = np.random.default_rng(seed).standard_normal((n, d))
    return torch.from_numpy(lfilter([math.sqrt(1 - rho**2)], [1, -rho], noise, axis=0))


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.6, 0.95])
def test_the_autocorrelation_of_an_autoregression_is_its_coefficient(rho):
    series = autoregression(0, rho, n=20_000, d=1)
    assert leading_autocorrelation(series) == pytest.approx(rho, abs=0.03)


def test_only_the_component_of_largest_variance_counts():
    slow, fast = autoregression(1, 0.9, n=2000, d=1), autoregression(2, 0.0, n=2000, d=4)
    turn = torch.linalg.qr(torch.from_numpy(np.random.default_rng(3).standard_normal((5, 5)))).Q
    assert leading_autocorrelation(torch.cat([10 * slow, fast], dim=1) @ turn) > 0.85
    assert leading_autocorrelation(torch.cat([slow, 10 * fast], dim=1) @ turn) < 0.1


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_equal_rows_have_no_autocorrelation(value):
    assert leading_autocorrelation(torch.full((70, 3), value)) == 0


def test_the_autocorrelation_ignores_scale_and_shift():
    series = autoregression(4, 0.7, n=300, d=5)
    assert leading_autocorrelation(3 * series + 50) == pytest.approx(
        leading_autocorrelation(series), abs=1e-9
    )


@pytest.mark.parametrize(("rho", "step"), [(0.9, 29), (0.97, 99), (0.5, 5), (0.2, 2)])
def test_kept_samples_are_three_correlation_lengths_apart(rho, step):
    assert thinning_step(rho, 500) == step


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.0999])
def test_a_correlation_that_chance_explains_leaves_every_sample(rho):
    assert autocorrelation_threshold(400) == 0.1
    assert thinning_step(rho, 400) == 1


def test_one_series_in_forty_without_correlation_is_above_the_threshold():
    n = 100
    above = [
        leading_autocorrelation(autoregression(seed, 0.0, n=n, d=1)) > autocorrelation_threshold(n)
        for seed in range(1000)
    ]
    assert 0.005 < np.mean(above) < 0.04


def test_thinning_takes_the_similarity_of_unrelated_series_away():
    x, y = autoregression(5, 0.9, n=3000, d=64), autoregression(6, 0.9, n=3000, d=64)
    step = thinning_step(leading_autocorrelation(x), len(x))
    assert linear_cka(x[:100], y[:100]) > 0.6
    assert abs(linear_cka(x[::step], y[::step])) < 4 * chance_sd(len(x[::step]))
