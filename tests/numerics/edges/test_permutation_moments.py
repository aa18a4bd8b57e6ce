"""The moments of sums over layers, against all permutations of a few samples, also within groups."""

from itertools import permutations, product

import numpy as np
import pytest
from numerics.edges.nulls import together

from assay.numerics.edges import permutation_moments
from assay.numerics.edges.permutation_moments import Side, freedom, layer_moments, permuted, sum_moments
from assay.numerics.edges.unit_columns import centred_within, value_units


def skewed_units(seed: int, *, layers: int, n: int, k: int, groups: np.ndarray | None = None) -> np.ndarray:
    values = np.exp(np.random.default_rng(seed).standard_normal((layers, n, k)))
    return value_units(values, together(n) if groups is None else groups).columns


def moments(x: np.ndarray, y: np.ndarray, groups: np.ndarray, lost: int = 0):
    return sum_moments(Side.of(x, groups), permuted(Side.of(y, groups), lost=lost))


def orders_within(groups: np.ndarray):
    """Every order of the samples that keeps each in its group."""
    places = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    for orders in product(*(permutations(own) for own in places)):
        order = np.empty(len(groups), dtype=np.int64)
        order[np.concatenate(places)] = np.concatenate(orders)
        yield order


def sums_over_all_orders(x: np.ndarray, y: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Of every pair the products of each layer under each order of the samples of y, one order for all layers."""
    return np.stack([np.einsum("pni,pnj->pij", x, y[:, order]) for order in orders_within(groups)])


GROUPS = {
    "one": [0, 0, 0, 0, 0, 0],
    "two": [0, 0, 0, 1, 1, 1, 1],
    "mixed": [1, 0, 1, 0, 0, 1, 0],
    "three, two and one": [0, 0, 0, 4, 4, 9],
    "pairs": [0, 0, 1, 1, 2, 2],
}


@pytest.mark.parametrize("layers", [1, 3, 4])
@pytest.mark.parametrize("groups", [np.array(groups) for groups in GROUPS.values()], ids=list(GROUPS))
def test_mean_variance_and_third_moment_are_those_of_all_permutations(layers, groups):
    x, y = (
        skewed_units(seed, layers=layers, n=len(groups), k=k, groups=groups) for seed, k in ((1, 3), (2, 2))
    )
    by_layer = sums_over_all_orders(x, y, groups)
    drawn = by_layer.sum(1)
    second, third = moments(x, y, groups)
    np.testing.assert_allclose(drawn.mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(second, (drawn**2).mean(0), rtol=1e-10)
    np.testing.assert_allclose(third, (drawn**3).mean(0), rtol=1e-9, atol=1e-13)
    second, third = layer_moments(Side.of(x, groups), permuted(Side.of(y, groups)))
    np.testing.assert_allclose(second, (by_layer**2).mean(0), rtol=1e-10)
    np.testing.assert_allclose(third, (by_layer**3).mean(0), rtol=1e-9, atol=1e-13)


def test_third_moments_of_the_cases_are_not_zero_but_for_groups_of_two():
    for name, groups in GROUPS.items():
        x, y = (skewed_units(seed, layers=2, n=len(groups), k=2, groups=np.array(groups)) for seed in (1, 2))
        third = np.abs(moments(x, y, np.array(groups))[1])
        assert (third.max() < 1e-15) if name == "pairs" else (third.min() > 1e-6)


def test_columns_that_are_silent_in_the_same_groups_have_the_variance_of_the_others():
    groups = np.repeat([0, 1], [4, 5])
    silent = (groups == 0)[:, None]
    x, y = (np.where(silent, 0, skewed_units(seed, layers=2, n=9, k=2)) for seed in (1, 2))
    x, y = (centred_within(side, groups) for side in (x, y))
    alone = [side[:, groups == 1] for side in (x, y)]
    for found, expected in zip(moments(x, y, groups), moments(*alone, together(5)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    pooled = moments(x, y, together(9))[0]
    assert (moments(x, y, groups)[0] > 1.5 * pooled).all()


def test_columns_that_are_silent_in_each_others_groups_do_not_vary():
    groups = np.repeat([0, 1], [4, 5])
    x, y = (skewed_units(seed, layers=2, n=9, k=2, groups=groups) for seed in (1, 2))
    x, y = (np.where((groups == group)[:, None], 0, side) for side, group in ((x, 0), (y, 1)))
    for found in moments(x, y, groups):
        np.testing.assert_array_equal(found, 0)


def test_moments_are_those_of_all_pairs_and_triples_of_layers_written_out():
    x, y = (skewed_units(seed, layers=3, n=9, k=2) for seed in (3, 4))
    pairs = [np.einsum("pni,qni->pqi", side, side) for side in (x, y)]
    triples = [np.einsum("pni,qni,rni->pqri", side, side, side) for side in (x, y)]
    second, third = moments(x, y, together(9))
    np.testing.assert_allclose(second, np.einsum("pqi,pqj->ij", *pairs) / 8, rtol=1e-12)
    expected = np.einsum("pqri,pqrj->ij", *triples) * 9 / (8 * 7)
    np.testing.assert_allclose(third, expected, rtol=1e-10, atol=1e-14)


def test_degrees_of_freedom_that_are_lost_are_those_of_fewer_samples_and_every_group_bears_its_share():
    x, y = (skewed_units(seed, layers=3, n=9, k=2) for seed in (3, 4))
    second, third = moments(x, y, together(9))
    fewer = moments(x, y, together(9), lost=2)
    np.testing.assert_allclose(fewer[0], second * 8 / 6, rtol=1e-12)
    np.testing.assert_allclose(fewer[1], third * (7 / (6 * 5)) / (9 / (8 * 7)), rtol=1e-12)
    groups = np.repeat([0, 1], [4, 5])
    x, y = (centred_within(side, groups) for side in (x, y))
    np.testing.assert_allclose(moments(x, y, groups, lost=2)[0], moments(x, y, groups)[0] * 7 / 5, rtol=1e-12)


def test_a_part_holds_the_products_of_its_columns():
    x, groups = skewed_units(5, layers=3, n=7, k=5), np.arange(7) % 2
    part = next(Side.of(x, groups).part(slice(1, 4, 2)).products())
    own = next(Side.of(x[:, :, 1:4:2], groups).products())
    np.testing.assert_allclose(part.pairs, own.pairs, atol=1e-15)
    np.testing.assert_allclose(part.triples, own.triples, atol=1e-15)


def test_groups_taken_a_few_at_a_time_and_made_anew_change_nothing_but_rounding(monkeypatch):
    groups = np.arange(60) % 23
    x, y = (skewed_units(seed, layers=2, n=60, k=4, groups=groups) for seed in (1, 2))
    whole = moments(x, y, groups)
    monkeypatch.setattr(permutation_moments, "SETS_AT_A_TIME", 35)  # 5 groups of 7 sets
    monkeypatch.setattr(permutation_moments, "HELD_NUMBERS", 0)
    side = Side.of(x, groups)
    assert side.held is None and len(list(side.products())) == 5
    for found, expected in zip(moments(x, y, groups), whole, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    part = next(side.part(slice(0, 2)).products())
    np.testing.assert_allclose(part.pairs, next(side.products()).pairs[..., :2], atol=1e-15)


def test_degrees_of_freedom_are_samples_less_groups_and_at_least_2():
    assert freedom(np.array([5, 1, 4])) == 7
    assert freedom(np.array([5, 1, 4]), 3) == 4
    assert freedom(np.array([1, 1])) == 2
