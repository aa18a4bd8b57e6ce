"""The check by permutations: ratios of 1 where p are right, and no alarm by chance alone."""

import numpy as np
import pytest

from assay.numerics.edges.permutation_check import LEVELS, PERMUTATIONS, LevelCheck, permutation_check


def checked(p_in_order, groups=None, seed=0):
    groups = np.zeros(30, dtype=np.int64) if groups is None else groups
    return permutation_check(
        lambda orders: map(p_in_order, orders), groups, generator=np.random.default_rng(seed)
    )


def test_p_that_are_right_have_ratios_of_1_and_p_that_are_halved_of_2():
    rng = np.random.default_rng(0)
    right = checked(lambda order: rng.random(400_000))
    halved = checked(lambda order: rng.random(400_000) / 2)
    assert [one.level for one in right] == list(LEVELS)
    for one, other in zip(right, halved, strict=True):
        assert abs(one.ratio - 1) < 4 * one.standard_error
        assert abs(other.ratio - 2) < 4 * other.standard_error
        assert (one.too_bold, other.too_bold) == (False, True)


def test_what_a_few_permutations_cannot_tell_is_no_alarm():
    few = iter([1e-5, 0.5, 0.5, 0.5, 0.5])
    found = checked(lambda order: np.array([next(few)]))
    assert found[2].ratio == pytest.approx(2000)
    assert not any(one.too_bold for one in found)


def test_too_bold_is_above_1_3_and_clear_of_chance():
    assert LevelCheck(0.05, 1.31, 0.05).too_bold
    assert not LevelCheck(0.05, 1.29, 0.01).too_bold
    assert not LevelCheck(0.05, 1.5, 0.2).too_bold


def test_every_order_is_a_permutation_within_its_groups():
    groups = np.random.default_rng(0).integers(0, 3, 30)
    seen: list[np.ndarray] = []
    checked(lambda order: seen.append(order) or np.ones(1), groups)
    assert len(seen) == PERMUTATIONS
    for order in seen:
        assert sorted(order.tolist()) == list(range(30))
        assert (groups[order] == groups).all()
    assert len({tuple(order) for order in seen}) == PERMUTATIONS


def test_the_seed_decides_the_orders():
    orders = [[], []]
    for found in orders:
        checked(lambda order, found=found: found.append(order.tolist()) or np.ones(1), seed=4)
    assert orders[0] == orders[1]


def test_no_pair_has_no_calibration():
    assert checked(lambda order: np.empty(0)) == ()
