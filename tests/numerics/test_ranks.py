"""Ranks are those of scipy to the last bit, whatever the numbers; normal scores are their quantiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.numerics import ranks
from assay.numerics.ranks import average_ranks, normal_scores

RNG = np.random.default_rng(0)
TINY = np.finfo(np.float32).smallest_subnormal
COLUMNS = {
    "continuous": RNG.standard_normal((200, 30)),
    "mostly zero": np.maximum(RNG.standard_normal((200, 30)) - 1, 0),
    "few values": RNG.integers(-3, 3, (200, 30)).astype(np.float64),
    "both zeros": np.where(RNG.random((50, 5)) < 0.5, -0.0, 0.0),
    "subnormal": TINY * RNG.integers(-4, 4, (50, 5)),
    "infinite": RNG.choice([-np.inf, np.inf, 1.0, -1.0], (50, 5)),
    "constant": np.full((9, 2), 7.0),
    "one row": np.zeros((1, 3)),
    "no row": np.zeros((0, 3)),
    "no column": np.zeros((3, 0)),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_ranks_are_those_of_scipy_bit_for_bit(columns, dtype):
    columns = columns.astype(dtype)
    ours = average_ranks(columns)
    assert ours.dtype == np.float64
    np.testing.assert_array_equal(ours, stats.rankdata(columns, axis=0).reshape(columns.shape))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=40))
def test_any_numbers_rank_as_scipy_ranks_them(numbers):
    for dtype in (np.float32, np.float64):
        column = np.array(numbers, dtype=dtype)[:, None]
        np.testing.assert_array_equal(average_ranks(column)[:, 0], stats.rankdata(column[:, 0]))


def test_a_nan_makes_its_own_column_nan_and_no_other():
    columns = RNG.standard_normal((20, 3))
    columns[4, 1] = np.nan
    for dtype in (np.float32, np.float64):
        found = average_ranks(columns.astype(dtype))
        assert np.isnan(found[:, 1]).all()
        np.testing.assert_array_equal(found[:, [0, 2]], stats.rankdata(columns[:, [0, 2]], axis=0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ranks_do_not_depend_on_how_many_columns_are_ranked_at_a_time(monkeypatch, dtype):
    columns = RNG.integers(0, 9, (40, 7)).astype(dtype)
    whole = average_ranks(columns)
    for numbers in (1, 80, 120):
        monkeypatch.setattr(ranks, "BLOCK_NUMBERS", numbers)
        np.testing.assert_array_equal(average_ranks(columns), whole)


def test_the_columns_that_were_given_stay_as_they_are():
    columns = np.array([[-0.0, 3.0], [2.0, np.nan]])
    before = columns.tobytes()
    average_ranks(columns)
    normal_scores(columns)
    assert columns.tobytes() == before


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_normal_scores_are_the_normal_quantiles_of_shifted_ranks(columns):
    expected = stats.norm.ppf((stats.rankdata(columns, axis=0) - 0.375) / (len(columns) + 0.25))
    np.testing.assert_allclose(
        normal_scores(columns), expected.reshape(columns.shape), rtol=1e-12, atol=1e-15
    )
