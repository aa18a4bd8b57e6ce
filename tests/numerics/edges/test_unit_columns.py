"""Columns as unit vectors: centred, whatever their scale and offset, and unused where they hardly vary."""

import numpy as np
import pytest
from numerics.edges.nulls import together
from scipy import special, stats

from assay.numerics.edges.unit_columns import score_units, value_units


def values(n: int = 50, k: int = 4, layers: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2, size=(layers, n, k))


@pytest.mark.parametrize("units", [value_units, score_units])
def test_used_columns_have_mean_0_and_length_1(units):
    found = units(values(), together(50))
    assert found.used.all()
    np.testing.assert_allclose(found.columns.sum(1), 0, atol=1e-12)
    np.testing.assert_allclose((found.columns**2).sum(1), 1, rtol=1e-12)


@pytest.mark.parametrize("units", [value_units, score_units])
def test_columns_are_centred_within_each_batch(units):
    groups = np.arange(50) % 3
    shifted = values() + 5 * groups[:, None]
    found = units(shifted, groups).columns
    for group in range(3):
        np.testing.assert_allclose(found[:, groups == group].sum(1), 0, atol=1e-12)
    np.testing.assert_allclose((found**2).sum(1), 1, rtol=1e-12)


@pytest.mark.parametrize("factor", [1e-30, 1e-7, 1e20])
def test_no_scale_is_too_small_to_be_used(factor):
    found = value_units(values() * factor, together(50))
    assert found.used.all()
    np.testing.assert_allclose(found.columns, value_units(values(), together(50)).columns, atol=1e-12)


def test_inner_products_are_correlations_of_numbers_with_little_spread_about_a_large_mean():
    rng = np.random.default_rng(1)
    true = rng.standard_normal((20_000, 2)) @ np.array([[1, 0.5], [0, np.sqrt(0.75)]])
    found = value_units(1e5 + true[None], together(20_000)).columns[0]
    assert found[:, 0] @ found[:, 1] == pytest.approx(np.corrcoef(true.T)[0, 1], abs=1e-9)


def test_scores_are_normal_quantiles_of_average_ranks():
    column = np.round(values(k=1, layers=1), 1)
    expected = special.ndtri((stats.rankdata(column[0, :, 0]) - 3 / 8) / 50.25)
    expected -= expected.mean()
    found = score_units(column, together(50)).columns[0, :, 0]
    np.testing.assert_allclose(found, expected / np.sqrt((expected**2).sum()), atol=1e-12)


def test_tied_samples_have_one_score_whatever_their_order():
    column = np.repeat([0.0, 1.0, 2.0], [30, 20, 10])[None, :, None]
    found = score_units(column, together(60)).columns[0, :, 0]
    assert len(np.unique(found.round(12))) == 3
    order = np.random.default_rng(0).permutation(60)
    moved = score_units(column[:, order], together(60)).columns[0, :, 0]
    np.testing.assert_allclose(moved, found[order], atol=1e-12)


@pytest.mark.parametrize(("n_varying", "used"), [(0, False), (5, False), (19, False), (20, True)])
def test_a_column_is_scored_from_20_samples_on_that_differ_from_its_most_frequent_value(n_varying, used):
    column = np.zeros(200)
    column[:n_varying] = 1 + np.arange(n_varying)
    found = score_units(column[None, :, None], together(200))
    assert found.used.item() is used
    assert found.varies.item() is (n_varying > 0)
    assert found.columns.any() == used
    assert value_units(column[None, :, None], together(200)).used.item() is (n_varying > 0)


def test_constants_and_their_rounding_are_not_used():
    columns = np.stack([np.full(50, 0.1), np.full(50, 0.1) * (1 + 1e-15 * np.arange(50)), np.zeros(50)], 1)
    for units in (value_units, score_units):
        for groups in (together(50), np.arange(50) % 2):
            found = units(columns[None], groups)
            assert not (found.used.any() or found.varies.any() or found.columns.any())


@pytest.mark.parametrize("units", [value_units, score_units])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_column_that_is_not_finite_is_no_column_and_harms_no_other(units, bad):
    held = values()
    held[1, 7, 2] = bad
    found = units(held, together(50))
    assert np.argwhere(~found.used).tolist() == np.argwhere(~found.finite).tolist() == [[1, 2]]
    assert np.isfinite(found.columns).all()
    np.testing.assert_array_equal(found.columns[0], units(values(), together(50)).columns[0])


def test_scores_are_taken_within_each_batch():
    groups = np.repeat([0, 1], [22, 28])
    held = values()
    spread = held * np.array([1.0, 50.0])[groups][:, None] + 7 * groups[:, None]
    found = score_units(spread, groups)
    np.testing.assert_allclose(found.columns, score_units(held, groups).columns, atol=1e-12)
    alone = score_units(held[:, :22], together(22)).columns
    part = found.columns[:, :22]
    np.testing.assert_allclose(part / np.sqrt((part**2).sum(1))[:, None], alone, atol=1e-12)


def test_what_varies_from_batch_to_batch_alone_is_not_used():
    groups = np.arange(100) % 5
    column = 3.0 * groups
    column[:19] += 1 + np.arange(19)
    found = score_units(column[None, :, None], groups)
    assert (found.varies.item(), found.used.item()) == (True, False)
    assert not score_units(3.0 * groups[None, :, None], groups).varies.any()
