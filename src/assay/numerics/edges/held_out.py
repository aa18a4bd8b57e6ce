"""Where held-out edges stand among the candidates: ranks, what a rank is worth, and what it is worth by chance.

Tables are [source, target]. `closed` marks the pairs that are no candidates: loops, and edges that the network has.
Queries are grouped by target, each asking for its sources; transposed tables and reversed edges ask for targets.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.ranks import average_ranks

Table = Float64[np.ndarray, "n n"]
Edges = Int64[np.ndarray, "2 edges"]


@dataclass(frozen=True, slots=True)
class Pool:
    """One target, and the positives that end in it, as numbers of edges; what it may have is looked up when asked."""

    target: int
    edges: Int64[np.ndarray, " positives"]
    n_open: int  # sources that it may have, the positives among them
    table: Table
    closed: Bool[np.ndarray, "n n"]

    @property
    def sources(self) -> Int64[np.ndarray, " candidates"]:
        """That the target may have, ascending."""
        return np.flatnonzero(~self.closed[:, self.target])

    @property
    def scores(self) -> Float64[np.ndarray, " candidates"]:
        """Of these sources."""
        return self.table[self.sources, self.target]

    @property
    def n_candidates(self) -> int:
        """Of one query, for which the other positives of the target are none."""
        return self.n_open - len(self.edges) + 1


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


def pools(scores: Table, edges: Edges, closed: Bool[np.ndarray, "n n"]) -> list[Pool]:
    """One for each target of the positives `edges`, ascending."""
    by_target = np.argsort(edges[1], kind="stable")
    targets, starts = np.unique(edges[1][by_target], return_index=True)
    n_open = len(closed) - closed.sum(0)
    return [
        Pool(target, own, int(n_open[target]), scores, closed)
        for target, own in zip(targets.tolist(), np.split(by_target, starts[1:]), strict=True)
    ]


def random_sources(
    pools: Sequence[Pool], n_draws: int, generator: np.random.Generator
) -> Int64[np.ndarray, "draws edges"]:
    """Labels permuted within each pool: as many of its sources as it has positives, any set as likely as any other.

    Source: Floyd's sampling in Bentley and Floyd 1987, Programming pearls: a sample of brilliance, CACM 30.
    """
    drawn = np.empty((n_draws, sum(len(pool.edges) for pool in pools)), dtype=np.int64)
    for pool in pools:
        n, m = pool.n_open, len(pool.edges)
        chosen = np.full((n_draws, m), -1)
        for i, last in enumerate(range(n - m, n)):
            place = generator.integers(0, last + 1, n_draws)
            taken = (chosen[:, :i] == place[:, None]).any(1)
            chosen[:, i] = np.where(taken, last, place)
        drawn[:, pool.edges] = pool.sources[chosen]
    return drawn


def ranks_among(
    scores: Float64[np.ndarray, " candidates"], own: Float64[np.ndarray, "draws m"]
) -> Float64[np.ndarray, "draws m"]:
    """The rank of each of m candidates among itself and all but them: 1 + greater ones + half of the equal ones.

    NaN is below every number; a candidate without a score is last.
    """
    known, m = np.sort(scores[~np.isnan(scores)]), own.shape[1]
    below_or_equal = np.searchsorted(known, own, side="right")
    equal = below_or_equal - np.searchsorted(known, own, side="left")
    rank = 1 + len(known) - below_or_equal + (equal - 1) / 2
    rank -= m - average_ranks(np.where(np.isnan(own), -np.inf, own).T).T  # those of the m that are above it
    return np.where(np.isnan(own), len(scores) - m + 1, rank)


def ranks(
    pools: Sequence[Pool], sources: Int64[np.ndarray, "draws edges"]
) -> Float64[np.ndarray, "draws edges"]:
    """The ranks of the edges from these sources, each among the sources of its target."""
    found = np.empty(sources.shape)
    for pool in pools:
        own = pool.table[sources[:, pool.edges], pool.target]
        found[:, pool.edges] = ranks_among(pool.scores, own)
    return found


def worths(
    pools: Sequence[Pool], ranks: Float64[np.ndarray, "draws edges"], metric: Metric
) -> list[Float64[np.ndarray, "draws _"]]:
    """What each rank is worth, pool by pool; NaN where the metric is not defined."""
    return [metric.worth(ranks[:, pool.edges], pool.n_candidates) for pool in pools]


def chance(pools: Sequence[Pool], metric: Metric) -> float:
    """The metric of a random order; NaN where no positive has it."""
    worth = np.array([metric.by_chance(pool.n_candidates) for pool in pools])
    n_edges = np.array([len(pool.edges) for pool in pools])[~np.isnan(worth)]
    return float(np.average(worth[~np.isnan(worth)], weights=n_edges)) if len(n_edges) else float("nan")
