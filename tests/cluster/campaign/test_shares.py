"""Shares: disjoint, whole, and of about equal cost."""

from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assay.cluster.campaign.shares import shares

COSTS = st.lists(st.integers(0, 1000), max_size=40)


@given(COSTS, st.integers(1, 12))
@example([0, 0, 0], 2)
def test_every_unit_is_in_one_share_and_no_share_is_empty(costs, n):
    found = shares(costs, n)
    assert sorted(unit for share in found for unit in share.units) == list(range(len(costs)))
    assert len(found) == min(n, len(costs))
    assert all(share.units for share in found)


@given(COSTS, st.integers(1, 12))
def test_a_share_costs_what_its_units_cost_together(costs, n):
    for share in shares(costs, n):
        assert share.cost == sum(costs[unit] for unit in share.units)
        assert list(share.units) == sorted(share.units)


@given(COSTS.filter(bool), st.integers(1, 12))
def test_no_two_shares_differ_by_more_than_the_longest_unit(costs, n):
    found = [share.cost for share in shares(costs, n)]
    assert max(found) - min(found) <= max(costs)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=7), st.integers(1, 3))
def test_the_heaviest_share_is_at_most_a_third_above_the_best_possible(costs, n):
    ways = product(range(n), repeat=len(costs))
    best = min(
        max(sum(c for c, at in zip(costs, way, strict=True) if at == k) for k in range(n)) for way in ways
    )
    assert 3 * max(share.cost for share in shares(costs, n)) <= 4 * best


def test_the_longest_units_go_first():
    assert [share.cost for share in shares([1, 1, 1, 1, 4], 2)] == [4, 4]


@pytest.mark.parametrize("n", [0, 3])
def test_nothing_has_no_shares(n):
    assert shares([], n) == []
