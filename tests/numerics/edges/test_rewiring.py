"""Rewired graphs keep every degree, take no closed pair and forget where they began."""

from collections import Counter

import numpy as np
import pytest
from numerics.edges.planted import planted

from assay.numerics.edges.rewiring import SWAPS_PER_EDGE, rewired


def graphs(edges, closed, n: int = 20, *, seed: int = 0):
    return rewired(edges, closed, n_graphs=n, generator=np.random.default_rng(seed))


def test_every_graph_keeps_all_degrees_and_takes_each_pair_once_and_no_closed_one():
    case = planted(0)
    found = graphs(case.held_out, case.closed)
    assert (len(found.targets), found.swaps_per_edge) == (20, SWAPS_PER_EDGE)
    for targets in found.targets:
        assert Counter(targets.tolist()) == Counter(case.held_out[1].tolist())
        pairs = set(zip(case.held_out[0].tolist(), targets.tolist(), strict=True))
        assert len(pairs) == case.held_out.shape[1]
        assert not case.closed[case.held_out[0], targets].any()


def test_little_is_left_of_the_edges_after_ten_swaps_each():
    case = planted(0)
    found = graphs(case.held_out, case.closed, 50)
    true = set(map(tuple, case.held_out.T.tolist()))
    shared = [
        len(true & set(zip(case.held_out[0].tolist(), targets.tolist(), strict=True)))
        for targets in found.targets
    ]
    assert max(shared) < 0.5 * len(true)
    assert len({tuple(targets.tolist()) for targets in found.targets}) == 50


def test_all_graphs_of_the_same_degrees_come_equally_often():
    edges = np.array([[0, 1, 2], [3, 4, 5]])  # any of 3! ways to deal the targets
    found = graphs(edges, np.eye(6, dtype=bool), 3000)
    counts = Counter(map(tuple, found.targets.tolist()))
    assert len(counts) == 6
    assert max(counts.values()) < 1.25 * min(counts.values())


@pytest.mark.parametrize(
    "edges",
    [[[0], [1]], [[0, 0, 0], [1, 2, 3]], [[0, 1, 2], [3, 3, 3]], [[0, 1], [1, 0]]],
    ids=["one edge", "one source", "one target", "there and back"],
)
def test_edges_that_cannot_be_swapped_give_no_graph(edges):
    found = graphs(np.array(edges), np.eye(4, dtype=bool))
    assert (found.targets.shape, found.swaps_per_edge) == ((0, len(edges[0])), 0)


def test_a_swap_into_an_existing_edge_is_refused():
    closed = np.eye(4, dtype=bool)
    closed[0, 3] = True
    assert graphs(np.array([[0, 1], [2, 3]]), closed).swaps_per_edge == 0
    closed[0, 3] = False
    assert graphs(np.array([[0, 1], [2, 3]]), closed).swaps_per_edge == SWAPS_PER_EDGE
