"""Correlations layer by layer, plain and partial, against residuals of least squares in float64."""

import numpy as np
import pytest
from numerics.edges.nulls import together

from assay.numerics.edges.magnitude_correlation import (
    correlation,
    fisher_z,
    largest_over_layers,
    mean_over_layers,
    partial_correlation,
)
from assay.numerics.edges.unit_columns import value_units

NONE = np.zeros(0, dtype=np.int64)


def sides(n: int = 40, k: int = 6, layers: int = 2, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((layers, n, 1))
    found = [np.abs(common + rng.standard_normal((layers, n, k))) for _ in range(2)]
    x, y = (values - values.mean(1, keepdims=True) for values in found)
    return x, y


def residual_correlation(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    design = np.column_stack([np.ones(len(x)), given])
    e, f = (v - design @ np.linalg.lstsq(design, v)[0] for v in (x, y))
    return float(e @ f / np.sqrt((e @ e) * (f @ f)))


def test_correlations_are_pearsons():
    x, y = sides()
    found = correlation(value_units(x, together(40)), value_units(y, together(40)))
    for layer in range(2):
        expected = np.corrcoef(x[layer].T, y[layer].T)[:6, 6:]
        np.testing.assert_allclose(found[layer], expected, atol=1e-12)


def test_a_constant_has_no_correlation_and_equal_columns_have_1():
    x, y = sides()
    x[0, :, 1], y[1, :, 2] = 3.0, 7 * x[1, :, 4]
    found = correlation(value_units(x, together(40)), value_units(y, together(40)))
    assert np.isnan(found[0, 1]).all() and np.isfinite(found[0, 0]).all()
    assert found[1, 4, 2] == pytest.approx(1, abs=1e-12)
    assert np.nanmax(found) <= 1


def test_partial_correlations_are_those_of_residuals():
    x, y = sides()
    given = [np.array([1, 3]), NONE, np.array([0, 2, 5])]
    found = partial_correlation(x, y[:, :, :3], given, ridge=1e-10)
    for layer in range(2):
        for j, chosen in enumerate(given):
            for i in sorted({*range(6)} - {*chosen.tolist()}):
                expected = residual_correlation(x[layer, :, i], y[layer, :, j], x[layer][:, chosen])
                assert found[layer, i, j] == pytest.approx(expected, abs=1e-7)
            assert np.isnan(found[layer, chosen, j]).all()


@pytest.mark.parametrize("factor", [1e-9, 1e6])
def test_the_ridge_knows_no_units(factor):
    x, y = sides()
    given = [np.array([1, 3])] * 6
    plain, scaled = (partial_correlation(side, y, given, ridge=0.1) for side in (x, factor * x))
    np.testing.assert_allclose(scaled, plain, rtol=1e-9)
    assert np.nanmax(np.abs(plain - partial_correlation(x, y, given, ridge=1e-8))) > 1e-3


def test_a_source_or_target_that_the_given_ones_explain_has_no_correlation():
    x, y = sides()
    x[:, :, 4] = 2 * x[:, :, 1] - x[:, :, 3]
    y[:, :, 0] = x[:, :, 1]
    found = partial_correlation(x, y, [np.array([1, 3])] * 6, ridge=0.0)
    assert np.isnan(found[:, 4]).all() and np.isnan(found[:, :, 0]).all()
    assert np.isfinite(found[:, [0, 2, 5]][:, :, 1:]).all()


def test_given_sources_that_are_alike_or_constant_are_no_crash():
    x, y = sides()
    x[:, :, 1] = x[:, :, 3]
    x[:, :, 2] = 0
    found = partial_correlation(x, y, [np.array([1, 2, 3])] * 6, ridge=0.0)
    expected = partial_correlation(x, y, [np.array([3])] * 6, ridge=0.0)
    np.testing.assert_allclose(found[:, [0, 4, 5]], expected[:, [0, 4, 5]], atol=1e-9)
    only = partial_correlation(x, y, [np.array([2])] * 6, ridge=1e-8)
    plain = partial_correlation(x, y, [NONE] * 6, ridge=1e-8)
    np.testing.assert_allclose(only[:, 0], plain[:, 0], atol=1e-12)


@pytest.mark.parametrize("n", [4, 5, 6])
def test_fewer_samples_than_given_sources_leave_no_correlation(n):
    x, y = sides(n)
    found = partial_correlation(x, y[:, :, :2], [np.arange(4), NONE], ridge=1e-8)
    assert np.isnan(found[:, :, 0]).all()
    assert np.isfinite(found[:, :, 1]).all()


def test_layers_without_a_correlation_do_not_count():
    r = np.array([[[0.2, np.nan, np.nan]], [[-0.6, 0.3, np.nan]]])
    np.testing.assert_allclose(mean_over_layers(r)[0], [-0.2, 0.3, np.nan])
    np.testing.assert_allclose(largest_over_layers(r)[0], [-0.6, 0.3, np.nan])


def test_of_equal_magnitudes_the_first_layer_is_taken():
    r = np.array([[[-0.5]], [[0.5]]])
    assert largest_over_layers(r).item() == -0.5


def test_fishers_z_is_the_published_one_up_to_its_limit_of_r():
    r, df = np.array([[0.3, -0.2, 0.5, 0.1]]), np.array([97, 20, 1, 2])
    expected = np.arctanh(r) * np.sqrt(np.array([97, 20, np.nan, 2]))
    np.testing.assert_allclose(fisher_z(r, df), expected)


def test_z_rises_to_the_last_digit_however_strong_the_correlation():
    z = fisher_z(np.array([[0.9, 0.99, 0.9999, 0.99999, 1.0]]), np.full(5, 197))
    assert (np.diff(z[0]) > 0).all() and np.isfinite(z).all()
