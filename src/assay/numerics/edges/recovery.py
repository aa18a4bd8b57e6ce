"""How well scores find held-out edges: every metric beside chance, permuted labels, random graphs and popularity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.edges.average_precision import Precision
from assay.numerics.edges.clustered import (
    LEAST_CLUSTERS,
    Clustered,
    interval,
    percentile_interval,
    resampled_clusters,
)
from assay.numerics.edges.held_out import (
    AUROC,
    RECIPROCAL_RANK,
    Draws,
    Edges,
    Metric,
    Pool,
    chance,
    hit,
    places,
    pools,
    random_places,
    ranks,
    worths,
)
from assay.numerics.edges.rewiring import Rewired, rewired

DRAWS = 200  # of labels, and of degree-preserving graphs
HIGH = 0.95
ROUNDING = 1e-12
RESAMPLED_GRAPHS = 20  # in the interval of the gain of the average precision

Table = Float64[np.ndarray, "n n"]
Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Null:
    """A metric on random positives: its mean, what 95 % of draws stay below, p = (1 + draws as high)/(draws + 1)."""

    mean: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Gain:
    """By how much a metric is above that of a baseline on the same targets, and the 0.95 interval of it."""

    value: float
    interval: list[float] | None


@dataclass(frozen=True, slots=True)
class MetricRecovery:
    """One metric, its 0.95 interval, its value in a random order, and what does not look at the scores.

    The intervals are None with fewer than 20 targets (sources for tail_mrr); so is what needs degree-preserving
    graphs where there is none. The out-degree is that of sources; of tail_mrr, which ranks targets, the in-degree.
    """

    value: float
    interval: list[float] | None
    chance: float
    permuted_labels: Null
    degree_preserving: Null | None
    out_degree: float
    above_degree_preserving: Gain | None
    above_out_degree: Gain


@dataclass(frozen=True, slots=True)
class Recovery:
    """Metrics by name; ranks and candidates of the positives, in the order of their edges, among sources."""

    metrics: Mapping[str, MetricRecovery | None]  # None: not defined
    ranks: Float64[np.ndarray, " edges"]
    n_candidates: Int64[np.ndarray, " edges"]
    n_pairs: int
    swaps_per_edge: float


def recovery(
    scores: Table,
    edges: Edges,
    closed: Bool[np.ndarray, "n n"],
    *,
    network: Bool[np.ndarray, "n n"],
    top_k: Sequence[int],
    seed: int,
) -> Recovery:
    """The positives `edges`, each once, found by `scores` among the pairs that are not `closed`.

    Popularity is what is ranked counts in the network: the out-degree of sources, the in-degree of targets.
    """
    generator = np.random.default_rng(seed)
    graphs = rewired(edges, closed, n_graphs=DRAWS, generator=generator)
    popular_sources, popular_targets = _popularity(network), _popularity(network.T)
    sources = _Asked(scores, popular_sources, edges, closed, _sources_by_edge(edges, graphs), generator)
    targets = _Asked(scores.T, popular_targets, edges[::-1], closed.T, graphs.targets, generator)
    rank_metrics = {
        "auroc": (sources, AUROC),
        "tail_mrr": (targets, RECIPROCAL_RANK),
        "target_mrr": (sources, RECIPROCAL_RANK),
        **{f"top@{k}": (sources, hit(k)) for k in top_k},
    }
    found = {name: _rank_metric(asked, metric, seed) for name, (asked, metric) in rank_metrics.items()}
    precision = Precision(scores, closed)
    found["average_precision"] = _average_precision(
        sources, precision, Precision(popular_sources, closed), seed
    )
    return Recovery(
        metrics=found,
        ranks=_by_edge(sources.pools, [table[0] for table in sources.ranks["scores"]]),
        n_candidates=_by_edge(
            sources.pools, [np.full(len(pool.edges), pool.n_candidates) for pool in sources.pools]
        ),
        n_pairs=precision.n_candidates,
        swaps_per_edge=graphs.swaps_per_edge,
    )


class _Asked:
    """One way to ask: pools by score and by popularity, and the positives, true and drawn, with their ranks."""

    def __init__(
        self,
        scores: Table,
        popularity: Table,
        edges: Edges,
        closed: Bool[np.ndarray, "n n"],
        graphs: Int64[np.ndarray, "graphs edges"],
        generator: np.random.Generator,
    ):
        self.pools = pools(scores, edges, closed)
        self.popular = pools(popularity, edges, closed)
        true = places(self.pools, edges[:1])
        self.drawn: dict[str, tuple[list[Pool], Draws]] = {
            "scores": (self.pools, true),
            "popularity": (self.popular, true),
            "permuted": (self.pools, random_places(self.pools, DRAWS, generator)),
        }
        if len(graphs):
            self.drawn["rewired"] = (self.pools, places(self.pools, graphs))
        self.ranks = {name: ranks(*found) for name, found in self.drawn.items()}


def _popularity(network: Bool[np.ndarray, "n n"]) -> Table:
    """The number of edges from each row's function, the same in every column."""
    return np.tile(network.sum(1, keepdims=True).astype(np.float64), (1, len(network)))


def _sources_by_edge(edges: Edges, graphs: Rewired) -> Int64[np.ndarray, "graphs edges"]:
    """Each graph as sources of the same targets: the edges that now end in a target are dealt to those that did."""
    dealt = np.empty_like(graphs.targets)
    dealt[:, np.argsort(edges[1], kind="stable")] = edges[0][
        np.argsort(graphs.targets, axis=1, kind="stable")
    ]
    return dealt


def _rank_metric(asked: _Asked, metric: Metric, seed: int) -> MetricRecovery | None:
    by_chance = chance(asked.pools, metric)
    if np.isnan(by_chance):
        return None
    values = {name: Clustered.of(worths(asked.pools, table, metric)) for name, table in asked.ranks.items()}
    own = values["scores"]
    intervals: dict[str, Interval] = {
        name: interval(own if name == "scores" else own.less(values[name]), seed=seed)
        for name in ("scores", "popularity", "rewired")
        if name in values
    }
    return _summary({name: found.means for name, found in values.items()}, intervals, by_chance)


def _average_precision(asked: _Asked, precision: Precision, popular: Precision, seed: int) -> MetricRecovery:
    lists = {name: popular if name == "popularity" else precision for name in asked.drawn}
    means = {name: _mean_precisions(lists[name], *found) for name, found in asked.drawn.items()}
    n_edges = sum(len(pool.edges) for pool in asked.pools)
    intervals = _precision_intervals(asked, lists, seed)
    return _summary(means, intervals, precision.chance(n_edges))


def _mean_precisions(
    precision: Precision, pools: Sequence[Pool], drawn: Draws
) -> Float64[np.ndarray, " draws"]:
    own = np.concatenate([pool.scores[chosen] for pool, chosen in zip(pools, drawn, strict=True)], axis=1)
    return np.array([precision.at(row).mean() for row in own])


def _precision_intervals(asked: _Asked, lists: Mapping[str, Precision], seed: int) -> dict[str, Interval]:
    """Of the AP and of its differences, all on the same draws of targets."""
    if len(asked.pools) < LEAST_CLUSTERS:
        return dict.fromkeys(asked.drawn)
    weights = resampled_clusters(len(asked.pools), seed=seed)
    drawn = {}
    for name in asked.drawn.keys() - {"permuted"}:
        pools, places = asked.drawn[name]
        each = [
            lists[name].resampled(pools, [chosen[i] for chosen in places], weights)
            for i in range(min(RESAMPLED_GRAPHS, len(places[0])))
        ]
        drawn[name] = np.mean(each, axis=0)
    own = drawn["scores"]
    return {name: percentile_interval(own if name == "scores" else own - drawn[name]) for name in drawn}


def _summary(
    means: Mapping[str, Float64[np.ndarray, " draws"]], intervals: Mapping[str, Interval], by_chance: float
) -> MetricRecovery:
    own = float(means["scores"][0])
    return MetricRecovery(
        value=own,
        interval=_listed(intervals["scores"]),
        chance=by_chance,
        permuted_labels=_null(own, means["permuted"]),
        degree_preserving=_null(own, means["rewired"]) if "rewired" in means else None,
        out_degree=float(means["popularity"][0]),
        above_degree_preserving=_gain("rewired", own, means, intervals) if "rewired" in means else None,
        above_out_degree=_gain("popularity", own, means, intervals),
    )


def _null(own: float, drawn: Float64[np.ndarray, " draws"]) -> Null:
    as_high = int((drawn >= own - ROUNDING).sum())
    return Null(float(drawn.mean()), float(np.quantile(drawn, HIGH)), (1 + as_high) / (1 + len(drawn)))


def _gain(
    name: str,
    own: float,
    means: Mapping[str, Float64[np.ndarray, " draws"]],
    intervals: Mapping[str, Interval],
) -> Gain:
    return Gain(own - float(means[name].mean()), _listed(intervals[name]))


def _listed(found: Interval) -> list[float] | None:
    return None if found is None else list(found)


def _by_edge(pools: Sequence[Pool], values: Sequence[np.ndarray]) -> np.ndarray:
    """The values of all pools in the order of the edges."""
    return np.concatenate(values)[np.argsort(np.concatenate([pool.edges for pool in pools]))]
