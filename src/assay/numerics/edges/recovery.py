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
    Edges,
    Metric,
    Pool,
    Table,
    chance,
    hit,
    pools,
    random_sources,
    ranks,
    worths,
)
from assay.numerics.edges.rewiring import Rewired, rewired

DRAWS = 200  # of labels, and of degree-preserving graphs
HIGH = 0.95
ROUNDING = 1e-12
RESAMPLED_GRAPHS = 20  # in the interval of the gain of the average precision

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
    by_source, by_target = _popularity(network), _popularity(network.T)
    sources = _Asked(scores, by_source, edges, closed, _sources_by_edge(edges, graphs), generator)
    targets = _Asked(scores.T, by_target, edges[::-1], closed.T, graphs.targets, generator)
    rank_metrics = {
        "auroc": (sources, AUROC),
        "tail_mrr": (targets, RECIPROCAL_RANK),
        "target_mrr": (sources, RECIPROCAL_RANK),
        **{f"top@{k}": (sources, hit(k)) for k in top_k},
    }
    found = {name: _rank_metric(asked, metric, seed) for name, (asked, metric) in rank_metrics.items()}
    precision = Precision(scores, closed)
    lists = dict.fromkeys(sources.drawn, precision) | {"popularity": Precision(by_source, closed)}
    found["average_precision"] = _average_precision(sources, lists, seed)
    return Recovery(
        metrics=found,
        ranks=sources.ranks["scores"][0],
        n_candidates=_n_candidates(sources.pools),
        n_pairs=precision.n_candidates,
        swaps_per_edge=graphs.swaps_per_edge,
    )


class _Asked:
    """One way to ask: the sources that edges start from, true and drawn, with their scores and ranks."""

    def __init__(
        self,
        scores: Table,
        popularity: Table,
        edges: Edges,
        closed: Bool[np.ndarray, "n n"],
        graphs: Int64[np.ndarray, "graphs edges"],
        generator: np.random.Generator,
    ):
        self.pools, self.ends = pools(scores, edges, closed), edges[1]
        own = {"scores": edges[:1], "permuted": random_sources(self.pools, DRAWS, generator)}
        own |= {"rewired": graphs} if len(graphs) else {}
        found = ranks(self.pools, np.concatenate(list(own.values())))
        firsts = np.cumsum([len(drawn) for drawn in own.values()])[:-1]
        self.ranks = dict(zip(own, np.split(found, firsts), strict=True))
        self.ranks["popularity"] = ranks(pools(popularity, edges, closed), edges[:1])
        self.drawn = {name: scores[drawn, edges[1]] for name, drawn in own.items()}
        self.drawn["popularity"] = popularity[edges[:1], edges[1]]


def _popularity(network: Bool[np.ndarray, "n n"]) -> Table:
    """The number of edges from each row's function, the same in every column: one number in memory."""
    return np.broadcast_to(network.sum(1, keepdims=True).astype(np.float64), network.shape)


def _n_candidates(pools: Sequence[Pool]) -> Int64[np.ndarray, " edges"]:
    """Of each edge."""
    found = np.empty(sum(len(pool.edges) for pool in pools), dtype=np.int64)
    for pool in pools:
        found[pool.edges] = pool.n_candidates
    return found


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


def _average_precision(asked: _Asked, lists: Mapping[str, Precision], seed: int) -> MetricRecovery:
    means = _mean_precisions(asked, lists)
    by_chance = lists["scores"].chance(len(asked.ends))
    return _summary(means, _precision_intervals(asked, lists, seed), by_chance)


def _mean_precisions(
    asked: _Asked, lists: Mapping[str, Precision]
) -> dict[str, Float64[np.ndarray, " draws"]]:
    """What is ranked by the same list is looked up in it at once."""
    found: dict[str, Float64[np.ndarray, " draws"]] = {}
    for ranked in dict.fromkeys(lists.values()):
        drawn = {name: own for name, own in asked.drawn.items() if lists[name] is ranked}
        at = ranked.at(np.concatenate(list(drawn.values()))).mean(1)
        firsts = np.cumsum([len(own) for own in drawn.values()])[:-1]
        found |= dict(zip(drawn, np.split(at, firsts), strict=True))
    return found


def _precision_intervals(asked: _Asked, lists: Mapping[str, Precision], seed: int) -> dict[str, Interval]:
    """Of the AP and of its differences, all on the same draws of targets."""
    targets, place = np.unique(asked.ends, return_inverse=True)
    if len(targets) < LEAST_CLUSTERS:
        return dict.fromkeys(asked.drawn)
    weights = resampled_clusters(len(targets), seed=seed)
    popular = lists["popularity"].resampled(targets, asked.drawn["popularity"], place, weights)
    graphs = asked.drawn.get("rewired", np.empty((0, len(place))))[:RESAMPLED_GRAPHS]
    together = np.concatenate([asked.drawn["scores"], graphs])
    own, *others = lists["scores"].resampled(targets, together, place, weights)
    found: dict[str, Interval] = {
        "scores": percentile_interval(own),
        "popularity": percentile_interval(own - popular[0]),
    }
    return found | ({"rewired": percentile_interval(own - np.mean(others, axis=0))} if others else {})


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
