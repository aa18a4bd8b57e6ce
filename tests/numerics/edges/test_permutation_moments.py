"""The moments of sums over layers, against all permutations of a few samples."""

from itertools import permutations

import numpy as np
import pytest
from numerics.edges.nulls import together

from assay.numerics.edges.permutation_moments import side_products, third_moment, variance
from assay.numerics.edges.unit_columns import value_units


def skewed_units(seed: int, *, layers: int, n: int, k: int) -> np.ndarray:
    values = np.exp(np.random.default_rng(seed).standard_normal((layers, n, k)))
    return value_units(values, together(n)).columns


def sums_over_all_orders(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """T of every pair under each order of the samples of y, one order for all layers."""
    orders = permutations(range(x.shape[1]))
    return np.stack([np.einsum("pni,pnj->ij", x, y[:, list(order)]) for order in orders])


@pytest.mark.parametrize(("layers", "n"), [(1, 5), (3, 5), (2, 6), (4, 6)])
def test_mean_variance_and_third_moment_are_those_of_all_permutations(layers, n):
    x, y = (skewed_units(seed, layers=layers, n=n, k=k) for seed, k in ((1, 3), (2, 2)))
    drawn = sums_over_all_orders(x, y)
    of_x, of_y = side_products(x), side_products(y)
    np.testing.assert_allclose(drawn.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(variance(of_x, of_y, dof=n - 1), (drawn**2).mean(0), rtol=1e-10)
    found = third_moment(of_x, of_y, dof=n - 1)
    np.testing.assert_allclose(found, (drawn**3).mean(0), rtol=1e-9, atol=1e-13)
    assert np.abs(found).min() > 1e-5


def test_moments_are_those_of_all_pairs_and_triples_of_layers_written_out():
    x, y = (skewed_units(seed, layers=3, n=9, k=2) for seed in (3, 4))
    pairs = [np.einsum("pni,qni->pqi", side, side) for side in (x, y)]
    triples = [np.einsum("pni,qni,rni->pqri", side, side, side) for side in (x, y)]
    of_x, of_y = side_products(x), side_products(y)
    expected = np.einsum("pqi,pqj->ij", *pairs) / 8
    np.testing.assert_allclose(variance(of_x, of_y, dof=8), expected, rtol=1e-12)
    expected = np.einsum("pqri,pqrj->ij", *triples) * 9 / (8 * 7)
    np.testing.assert_allclose(third_moment(of_x, of_y, dof=8), expected, rtol=1e-10, atol=1e-14)


def test_a_part_holds_the_products_of_its_columns():
    x = skewed_units(5, layers=3, n=7, k=5)
    part, own = side_products(x).part(slice(1, 4, 2)), side_products(x[:, :, 1:4:2])
    np.testing.assert_allclose(part.pairs, own.pairs, atol=1e-15)
    np.testing.assert_allclose(part.cubes, (x[:, :, 1:4:2] ** 3).sum(1), atol=1e-15)


def test_a_zero_vector_is_not_used():
    x = skewed_units(6, layers=2, n=7, k=3)
    x[1, :, 2] = 0
    assert side_products(x).used.tolist() == [[True, True, True], [True, True, False]]
