"""Rank correlation of maps: that of scipy, row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.numerics.rank_agreement import rank_agreement


@given(seed=st.integers(0, 10**6), p=st.integers(3, 60))
def test_it_is_the_correlation_of_average_ranks(seed, p):
    generator = np.random.default_rng(seed)
    one, other = generator.integers(0, 20, (2, 4, p)).astype(np.float32)
    one[:, :2], other[:, :2] = [-1, 21], [21, -1]  # none is constant
    expected = [stats.spearmanr(*pair).statistic for pair in zip(one, other, strict=True)]
    np.testing.assert_allclose(rank_agreement(one, other), expected, rtol=0, atol=1e-12)


def test_a_map_agrees_with_its_own_increasing_functions_and_not_with_decreasing_ones():
    rows = np.random.default_rng(0).random((3, 35))
    assert rank_agreement(rows, np.exp(9 * rows)) == pytest.approx(1)
    assert rank_agreement(rows, -(rows**3)) == pytest.approx(-1)


def test_a_constant_map_agrees_with_nothing():
    rows = np.random.default_rng(1).random((2, 35)).astype(np.float32)
    flat = rows.copy()
    flat[0] = 0
    assert np.isnan(rank_agreement(rows, flat)).tolist() == [True, False]
