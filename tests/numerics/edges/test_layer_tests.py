"""Tests over layers: what each is made of, what leaves them as they are, and that their p come true by chance."""

import numpy as np
import pytest
from numerics.edges.nulls import null_columns, together
from scipy import stats

from assay.numerics.edges.layer_tests import Null, cauchy_combination, layer_tests
from assay.numerics.edges.permutation_moments import Side
from assay.numerics.edges.unit_columns import score_units


def sides(seed: int = 0, *, layers: int = 3, n: int = 60, k: int = 5, shape: str = "half-normal"):
    rng = np.random.default_rng(seed)
    draws = [null_columns(shape, rng, layers=layers, n=n, k=k, rho=0.5) for _ in range(2)]
    return [score_units(values, together(n)).columns for values in draws]


def null(x: np.ndarray, y: np.ndarray) -> Null:
    return Null.of(*(Side.of(side, together(x.shape[1])) for side in (x, y)))


def of_layers(x: np.ndarray, y: np.ndarray):
    return layer_tests(x.transpose(0, 2, 1) @ y, null(x, y))


def all_of(found) -> list[np.ndarray]:
    return [found.z, found.skew, found.p, found.z_max, found.skew_max, found.p_max, found.p_omnibus]


def skewed_pair(n: int = 200):
    """The columns of one pair whose sum is far from normal, and its sums under 40,000 permutations."""
    x, y = sides(7, layers=2, n=n, k=20, shape="relu")
    skews = np.nan_to_num(of_layers(x, y).skew)
    i, j = np.argwhere(skews > skews.max() - 1e-9)[-1]  # two are equal but for rounding
    x, y = x[:, :, i : i + 1], y[:, :, j : j + 1]
    rng = np.random.default_rng(1)
    drawn = np.array([np.einsum("pni,pni->", x, y[:, rng.permutation(n)]) for _ in range(40_000)])
    return x, y, drawn


def test_z_skewness_and_p_are_those_of_many_permutations():
    x, y, drawn = skewed_pair()
    found = of_layers(x, y)
    assert found.z[0, 0] == pytest.approx(np.einsum("pni,pni->", x, y) / drawn.std(), rel=0.02)
    assert found.skew[0, 0] == pytest.approx(stats.skew(drawn), abs=0.05)
    assert found.skew[0, 0] > 0.3
    for z in (1.0, 2.0, 3.0):
        products = np.full((2, 1, 1), z * drawn.std() / 2)
        p = layer_tests(products, null(x, y)).p[0, 0]
        assert p == pytest.approx((drawn >= z * drawn.std()).mean(), rel=0.2)


def test_a_layer_that_is_not_used_changes_nothing():
    x, y = sides()
    empty = np.zeros((1, *x.shape[1:]))
    wide = of_layers(np.concatenate([x, empty]), np.concatenate([y, y[:1]]))
    for one, other in zip(all_of(of_layers(x, y)), all_of(wide), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_samples_in_another_order_on_both_sides_change_nothing():
    x, y = sides()
    order = np.random.default_rng(3).permutation(60)
    for one, other in zip(all_of(of_layers(x, y)), all_of(of_layers(x[:, order], y[:, order])), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-12)


def test_the_strongest_layer_counts_as_often_as_layers_were_tested():
    x, y = sides()
    y[2, :, 1] = 0
    found = of_layers(x, y)
    single = np.stack([of_layers(x[p : p + 1], y[p : p + 1]).p for p in range(3)])
    expected = np.minimum(1, np.nanmin(single, 0) * np.array([3, 2, 3, 3, 3]))
    np.testing.assert_allclose(found.p_max, expected, rtol=1e-9)
    layer = np.nanargmin(single, 0)
    z = np.stack([of_layers(x[p : p + 1], y[p : p + 1]).z for p in range(3)])
    np.testing.assert_allclose(found.z_max, np.take_along_axis(z, layer[None], 0)[0], rtol=1e-9)


def test_one_layer_has_one_p():
    x, y = sides(layers=1)
    found = of_layers(x, y)
    np.testing.assert_allclose(found.p_max, found.p, rtol=1e-9)
    np.testing.assert_allclose(found.p_omnibus, found.p, rtol=1e-6)


def test_a_pair_without_a_common_layer_is_not_tested():
    x, y = sides()
    x[:2, :, 0], y[2, :, 0] = 0, 0
    found = of_layers(x, y)
    for values in all_of(found):
        assert np.isnan(values[0, 0])
        assert np.isfinite(np.delete(values.ravel(), 0)).all()


def test_layers_that_cancel_are_not_tested():
    x, y = sides(layers=2)
    x[1], y[1] = x[0], -y[0]
    assert np.isnan(of_layers(x, y).p).all()


@pytest.mark.parametrize("p", [1e-300, 1e-12, 0.9e-8, 1.1e-8, 1e-3, 0.3, 0.9])
def test_a_combination_of_equal_p_is_that_p(p):
    both = np.array([[p]])
    assert cauchy_combination(both, both)[0, 0] == pytest.approx(p, rel=1e-6, abs=0)


def test_a_combination_is_the_mean_of_cauchy_quantiles():
    one, other = np.array([[0.01, 0.5, 1e-40]]), np.array([[0.2, 0.02, 1.0]])
    expected = stats.cauchy.sf((stats.cauchy.isf(one[0, :2]) + stats.cauchy.isf(other[0, :2])) / 2)
    found = cauchy_combination(one, other)[0]
    np.testing.assert_allclose(found[:2], expected, rtol=1e-9)
    assert found[2] == pytest.approx(2e-40, rel=1e-6, abs=0)


@pytest.mark.parametrize("shape", ["gaussian", "relu"])
def test_p_of_unrelated_columns_come_true(shape):
    shares = []
    for seed in range(12):
        x, y = sides(seed, layers=4, n=200, k=60, shape=shape)
        found = of_layers(x, y)
        every = np.stack([found.p, found.p_max, found.p_omnibus])
        every = every[:, ~np.isnan(found.p)]
        shares.append([(every <= level).mean(1) for level in (0.05, 1e-3)])
    at_5, at_01 = np.mean(shares, axis=0)
    assert (np.abs(at_5 - 0.05) < 0.008).all()
    assert (at_01 < 2.2e-3).all()
    assert at_01[0] > 2e-4
