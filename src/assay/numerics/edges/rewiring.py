"""Random edges with the degrees of given ones: ends are swapped until nothing else is left of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from jaxtyping import Bool, Int64

SWAPS_PER_EDGE = 10
TRIES_PER_SWAP = 100  # after which a set of edges counts as stuck
BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Rewired:
    """The targets that the edges have in each graph; their sources stay. No graph where too few swaps succeed."""

    targets: Int64[np.ndarray, "graphs edges"]
    swaps_per_edge: float  # the fewest of any graph


def rewired(
    edges: Int64[np.ndarray, "2 edges"],
    closed: Bool[np.ndarray, "n n"],
    *,
    n_graphs: int,
    generator: np.random.Generator,
) -> Rewired:
    """Graphs of a chain, at least 10 accepted swaps an edge apart; i→j and k→l become i→l and k→j.

    A swap that would make a closed pair, or an edge twice, is refused; so every source and every target keeps its
    number of edges. Refused tries count as steps: a chain that moves at every step would prefer graphs with many
    neighbours, and of some only every other one would ever come.

    Source: Maslov and Sneppen 2002, Specificity and stability in topology of protein networks, Science 296.
    """
    n_edges = edges.shape[1]
    chain = _Chain(edges, closed, generator)
    graphs = []
    for _ in range(n_graphs):
        accepted = chain.swap(SWAPS_PER_EDGE * n_edges)
        if accepted < SWAPS_PER_EDGE * n_edges:
            return Rewired(np.zeros((0, n_edges), np.int64), accepted / n_edges)
        graphs.append(np.array(chain.targets))
    return Rewired(np.stack(graphs), float(SWAPS_PER_EDGE))


class _Chain:
    def __init__(
        self,
        edges: Int64[np.ndarray, "2 edges"],
        closed: Bool[np.ndarray, "n n"],
        generator: np.random.Generator,
    ):
        self.sources, self.targets = edges.tolist()
        self._n, self._pairs = len(closed), _pairs(edges.shape[1], generator)
        self._taken = {*np.flatnonzero(closed).tolist(), *(edges[0] * self._n + edges[1]).tolist()}

    def swap(self, wanted: int) -> int:
        """Try until at least so many swaps are accepted, or there seem to be none left; returns how many were."""
        accepted = 0
        for _ in range(TRIES_PER_SWAP):
            accepted += self._try(wanted)
            if accepted >= wanted:
                break
        return accepted

    def _try(self, n_tries: int) -> int:
        sources, targets, taken, n = self.sources, self.targets, self._taken, self._n
        accepted = 0
        for a, b in islice(self._pairs, n_tries):
            one, other = sources[a] * n + targets[b], sources[b] * n + targets[a]
            if one in taken or other in taken:
                continue
            taken.remove(sources[a] * n + targets[a])
            taken.remove(sources[b] * n + targets[b])
            taken.add(one)
            taken.add(other)
            targets[a], targets[b] = targets[b], targets[a]
            accepted += 1
        return accepted


def _pairs(n_edges: int, generator: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Endless pairs of edges."""
    while True:
        yield from zip(*generator.integers(0, n_edges, (BLOCK, 2)).T.tolist(), strict=True)
