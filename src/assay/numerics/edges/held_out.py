"""Where held-out edges stand among the candidates: ranks, what a rank is worth, and what it is worth by chance.

Tables are [source, target]. `closed` marks the pairs that are no candidates: loops, and edges that the network has.
Queries are grouped by target, each asking for its sources; transposed tables and reversed edges ask for targets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.ranks import average_ranks

Edges = Int64[np.ndarray, "2 edges"]
Draws = list[
    Int64[np.ndarray, "draws _"]
]  # of every pool, places of as many of its candidates as it has positives


@dataclass(frozen=True, slots=True)
class Pool:
    """The sources that one target may have, ascending, and the positives that end in it, as numbers of edges."""

    target: int
    sources: Int64[np.ndarray, " candidates"]
    scores: Float64[np.ndarray, " candidates"]
    edges: Int64[np.ndarray, " positives"]

    @property
    def n_candidates(self) -> int:
        """Of one query, for which the other positives of the target are none."""
        return len(self.sources) - len(self.edges) + 1


@dataclass(frozen=True, slots=True)
class Metric:
    """What a positive of some rank among c candidates is worth, and what it is worth on average at a random rank."""

    worth: Callable[[np.ndarray, int], np.ndarray]
    by_chance: Callable[[int], float]


RECIPROCAL_RANK = Metric(lambda rank, c: 1 / rank, lambda c: float((1 / np.arange(1, c + 1)).mean()))
AUROC = Metric(
    lambda rank, c: 1 - (rank - 1) / (c - 1) if c > 1 else np.full(rank.shape, np.nan),
    lambda c: 0.5 if c > 1 else float("nan"),
)


def hit(k: int) -> Metric:
    """1 for a positive among the first k, else 0."""
    return Metric(lambda rank, c: (rank <= k).astype(np.float64), lambda c: min(k, c) / c)


def pools(scores: Float64[np.ndarray, "n n"], edges: Edges, closed: Bool[np.ndarray, "n n"]) -> list[Pool]:
    """One for each target of the positives `edges`, ascending."""
    by_target = np.argsort(edges[1], kind="stable")
    targets, starts = np.unique(edges[1][by_target], return_index=True)
    found = []
    for target, own in zip(targets.tolist(), np.split(by_target, starts[1:]), strict=True):
        sources = np.flatnonzero(~closed[:, target])
        found.append(Pool(target, sources, scores[sources, target], own))
    return found


def places(pools: Sequence[Pool], sources: Int64[np.ndarray, "draws edges"]) -> Draws:
    """Where the sources of the edges stand in the pools of their targets."""
    return [np.searchsorted(pool.sources, sources[:, pool.edges]) for pool in pools]


def random_places(pools: Sequence[Pool], n_draws: int, generator: np.random.Generator) -> Draws:
    """Labels permuted within each pool: any set of places is as likely as any other.

    Source: Floyd's sampling in Bentley and Floyd 1987, Programming pearls: a sample of brilliance, CACM 30.
    """
    drawn = []
    for pool in pools:
        n, m = len(pool.sources), len(pool.edges)
        chosen = np.full((n_draws, m), -1)
        for i, last in enumerate(range(n - m, n)):
            place = generator.integers(0, last + 1, n_draws)
            taken = (chosen[:, :i] == place[:, None]).any(1)
            chosen[:, i] = np.where(taken, last, place)
        drawn.append(chosen)
    return drawn


def ranks_among(
    scores: Float64[np.ndarray, " candidates"], chosen: Int64[np.ndarray, "draws m"]
) -> Float64[np.ndarray, "draws m"]:
    """The rank of each chosen place among itself and those not chosen: 1 + greater ones + half of the equal ones.

    NaN is below every number; a chosen one is last.
    """
    known, own = np.sort(scores[~np.isnan(scores)]), scores[chosen]
    below_or_equal = np.searchsorted(known, own, side="right")
    equal = below_or_equal - np.searchsorted(known, own, side="left")
    rank = 1 + len(known) - below_or_equal + (equal - 1) / 2
    rank -= chosen.shape[1] - average_ranks(np.where(np.isnan(own), -np.inf, own).T).T  # chosen ones above it
    return np.where(np.isnan(own), len(scores) - chosen.shape[1] + 1, rank)


def ranks(pools: Sequence[Pool], drawn: Draws) -> list[Float64[np.ndarray, "draws _"]]:
    """The ranks of `drawn`, pool by pool."""
    return [ranks_among(pool.scores, chosen) for pool, chosen in zip(pools, drawn, strict=True)]


def worths(
    pools: Sequence[Pool], ranks: Sequence[Float64[np.ndarray, "draws _"]], metric: Metric
) -> list[Float64[np.ndarray, "draws _"]]:
    """What each rank is worth; NaN where the metric is not defined."""
    return [metric.worth(rank, pool.n_candidates) for pool, rank in zip(pools, ranks, strict=True)]


def chance(pools: Sequence[Pool], metric: Metric) -> float:
    """The metric of a random order; NaN where no positive has it."""
    worth = np.array([metric.by_chance(pool.n_candidates) for pool in pools])
    n_edges = np.array([len(pool.edges) for pool in pools])[~np.isnan(worth)]
    return float(np.average(worth[~np.isnan(worth)], weights=n_edges)) if len(n_edges) else float("nan")
