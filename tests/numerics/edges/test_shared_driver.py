"""Samples that hang together: one driver of all columns, and replicates of one unit."""

import numpy as np
import pytest
from numerics.edges.nulls import together

from assay.numerics.edges.layer_tests import Null, layer_tests
from assay.numerics.edges.multiple_testing import q_values
from assay.numerics.edges.permutation_moments import Side
from assay.numerics.edges.shared_driver import unit_means, without_mean_column
from assay.numerics.edges.unit_columns import score_units


def p_of(x: np.ndarray, y: np.ndarray, *, adjusted: bool = False) -> np.ndarray:
    n = x.shape[1]
    sides = [score_units(np.abs(side), together(n)).columns for side in (x, y)]
    if adjusted:
        sides = [without_mean_column(side) for side in sides]
    null = Null.of(*(Side.of(side, together(n)) for side in sides), lost=2 if adjusted else 0)
    return layer_tests(sides[0].transpose(0, 2, 1) @ sides[1], null).p.ravel()


def driven(seed: int, *, layers: int = 3, n: int = 200, k: int = 40, loading: float = 0.44):
    """Both sides answer to one factor of the sample, and to nothing else in common."""
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((1, n, 1))
    return [loading * factor + rng.standard_normal((layers, n, k)) + 3 for _ in range(2)]


def test_what_is_left_is_orthogonal_to_the_mean_column_and_of_length_1():
    columns = score_units(driven(0)[0], together(200)).columns
    left = without_mean_column(columns)
    np.testing.assert_allclose(columns.mean(2)[:, None] @ left, 0, atol=1e-12)
    np.testing.assert_allclose((left**2).sum(1), 1, rtol=1e-12)


def test_a_column_that_is_the_driver_itself_leaves_nothing():
    columns = score_units(driven(0)[0], together(200)).columns
    columns[1, :, 1:] = 0
    assert not without_mean_column(columns)[1].any()
    assert without_mean_column(columns)[0].any(0).all()


def test_a_shared_driver_calls_nearly_every_pair_and_none_once_it_is_taken_out():
    called, adjusted, errors = [], [], []
    for seed in range(5):
        x, y = driven(seed)
        plain, without = p_of(x, y), p_of(x, y, adjusted=True)
        called.append((q_values(plain, m=len(plain)) <= 0.1).mean())
        adjusted.append((q_values(without, m=len(without)) <= 0.1).sum())
        errors.append((without <= 0.05).mean())
    assert np.mean(called) > 0.95
    assert np.mean(adjusted) < 1
    assert np.mean(errors) == pytest.approx(0.05, abs=0.01)


def test_unit_means_are_the_means_of_each_unit_in_the_order_of_codes():
    values = np.random.default_rng(0).standard_normal((2, 7, 3))
    units = np.array([5, 2, 5, 9, 2, 5, 9])
    found = unit_means(values, units)
    expected = np.stack([values[:, units == unit].mean(1) for unit in (2, 5, 9)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_replicates_taken_as_samples_are_too_bold_and_their_means_are_not():
    replicates, means = [], []
    units = np.repeat(np.arange(60), 5)
    for seed in range(15):
        rng = np.random.default_rng(seed)
        sides = [
            9 + 2 * rng.standard_normal((3, 60, 30))[:, units] + rng.standard_normal((3, 300, 30))
            for _ in range(2)
        ]
        replicates.append((p_of(*sides) <= 0.05).mean())
        means.append((p_of(*(unit_means(side, units) for side in sides)) <= 0.05).mean())
    assert np.mean(replicates) > 0.15
    assert np.mean(means) == pytest.approx(0.05, abs=0.01)
