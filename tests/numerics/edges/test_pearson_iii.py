"""The tail of Pearson III: its identities, its limits, and far out where digits are lost easily."""

import numpy as np
import pytest
from mpmath import gammainc, mp, mpf
from scipy import special, stats

from assay.numerics.edges.pearson_iii import LEAST, smallest_tail, upper_tail


def tail(z: float, skew: float) -> float:
    return float(upper_tail(np.array([z]), np.array([skew]))[0])


@pytest.mark.parametrize("skew", [-1.3, -0.4, -0.01, 0.01, 0.4, 1.3])
@pytest.mark.parametrize("z", [-2.5, -0.3, 0.0, 1.0, 2.5])
def test_it_is_the_distribution_of_scipy(z, skew):
    assert tail(z, skew) == pytest.approx(stats.pearson3.sf(z, skew), rel=1e-6)


@pytest.mark.parametrize("skew", [0.0, 5e-4, 0.02, 0.7])
def test_the_tail_of_the_mirrored_distribution_is_what_is_left(skew):
    z = np.linspace(-3, 3, 13)
    one, other = upper_tail(z, np.full(13, skew)), upper_tail(-z, np.full(13, -skew))
    np.testing.assert_allclose(one + other, 1, rtol=1e-9)


@pytest.mark.parametrize("z", [-3.0, 0.0, 3.0, 6.0])
def test_a_small_skewness_goes_over_into_none(z):
    assert tail(z, 1.001e-3) == pytest.approx(special.ndtr(-z), rel=0.05)
    assert tail(z, 0.999e-3) == special.ndtr(-z)


@pytest.mark.parametrize(("z", "skew"), [(9.0, 0.3), (30.0, 0.3), (30.0, 0.01), (12.0, -0.05), (6.0, -0.3)])
def test_far_out_every_digit_holds(z, skew):
    mp.dps = 60
    k = 4 / mpf(skew) ** 2
    at = k + mpf(z) * mp.sqrt(k) * (1 if skew > 0 else -1)
    exact = gammainc(k, at, mp.inf, regularized=True) if skew > 0 else gammainc(k, 0, at, regularized=True)
    assert 0 < float(exact) < 1e-7
    assert tail(z, skew) == pytest.approx(float(exact), rel=1e-6, abs=0)


def test_a_normal_tail_is_no_difference_from_one():
    assert tail(36.0, 0.0) == pytest.approx(4.182624065797386e-284, rel=1e-9, abs=0)


def test_no_p_is_zero_where_the_support_ends_or_numbers_do():
    assert tail(7.0, -0.5) == LEAST
    assert tail(60.0, 0.0) == LEAST
    assert LEAST > 0


def test_what_is_not_tested_stays_so():
    assert np.isnan(upper_tail(np.array([np.nan, np.nan]), np.array([0.0, 0.5]))).all()


def test_the_smallest_tail_is_that_of_all_worked_out():
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.uniform(-9, 12, (5, 40_000)), rng.standard_normal((5, 40_000))], axis=1)
    skew = rng.uniform(-1, 1, z.shape) * rng.choice([1, 0.3, 0.1, 0.001], z.shape)
    z[1:3, ::3] = z[0, ::3] + 0.05 * rng.standard_normal((2, len(z[0, ::3])))  # that a skewness can decide
    z[rng.random(z.shape) < 0.2] = np.nan
    tails = upper_tail(z, skew)
    first, tail = smallest_tail(z, skew)
    known = ~np.isnan(z).all(0)
    np.testing.assert_array_equal(tail, np.where(known, np.nanmin(np.where(known, tails, 1), 0), np.nan))
    np.testing.assert_array_equal(first[known], np.nanargmin(tails[:, known], 0))
    assert (first[known] != np.nanargmax(z[:, known], 0)).any()
