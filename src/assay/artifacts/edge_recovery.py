"""Edge recovery: whether scores find the edges that were removed before training, beside what finds them by chance."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from assay.artifacts.magnitudes import refuse_levelling_norms
from assay.artifacts.sampling import chosen_splits
from assay.artifacts.traced import edge_table, named, traced_values
from assay.errors import AssayError, Refused, ResultWarning
from assay.numerics.edges.clustered import LEAST_CLUSTERS
from assay.numerics.edges.pair_scores import pair_scores
from assay.numerics.edges.recovery import DRAWS, MetricRecovery, Recovery, recovery
from assay.numerics.edges.rewiring import SWAPS_PER_EDGE
from assay.protocols import TableData, Traces

MAGNITUDE_SCORES = ("corr", "z")
ABSORBED = (
    "positives are edges that the network has: what an edge carries was fitted, so its gradient no longer "
    "varies with it, and known edges score low whatever the truth. Hold edges out before training."
)


@dataclass(frozen=True, slots=True)
class Positives:
    """One row a positive, by source and target; ranks are among the sources of its target.

    A rank is 1 + the candidates that score higher + half of those that score the same; a score of NaN is last.
    """

    source: Shaped[np.ndarray, " n"]  # text
    target: Shaped[np.ndarray, " n"]  # text
    score: Float64[np.ndarray, " n"]
    rank: Float64[np.ndarray, " n"]
    n_candidates: Int64[np.ndarray, " n"]
    reciprocal_rank: Float64[np.ndarray, " n"]
    top: dict[str, Bool[np.ndarray, " n"]]  # top@k, a column each: among the first k


@dataclass(frozen=True, slots=True)
class EdgeRecovery:
    """Metrics by name: auroc, the primary one, tail_mrr, target_mrr, top@k, average_precision.

    What is undefined has its reason in `undefined`, under the name of the metric, "interval" or
    "degree_preserving". The positives lie beside, in edge_recovery.parquet.
    """

    metrics: dict[str, MetricRecovery]
    n_positives: int
    n_targets: int  # that positives end in
    n_sources: int
    n_pairs: int  # candidates, positives included
    n_missing: int  # positives whose score is NaN
    swaps_per_edge: float  # between two degree-preserving graphs
    n_draws: int  # of labels, and as many graphs
    undefined: dict[str, str]
    score_col: str
    labels: str
    n_samples: int
    split: str
    family: str
    data: str
    positives: Positives


def compute(
    subject: Traces,
    data: TableData,
    *,
    score_col: str,
    top_k: tuple[str, ...],
    positives: str,
    criterion: str,
    use_prenorm: bool,
    split: str,
    max_samples: int,
    batch_size: int,
    seed: int,
) -> EdgeRecovery:
    """How well one score finds the held-out edges; `seed` draws samples, labels, graphs and intervals.

    Candidates are all pairs but loops and edges of the network, and for a query the other positives.

    Raises:
        Refused: held-out edges that the network has, or between functions that it does not have.
        AssayError: no positive, a `top_k` that is no number, corr or z after a norm that `edge_tests` refuses, and
            what `edge_scores` cannot compute.
    """
    firsts = _firsts(top_k)
    if score_col in MAGNITUDE_SCORES:
        refuse_levelling_norms(subject, prenorm=use_prenorm, option="use_prenorm")
    (split,) = chosen_splits(data, (split,))
    network = edge_table(subject.edges, len(subject.functions))
    np.fill_diagonal(network, False)
    edges, closed = _edges(subject, data, network, positives)
    samples = data.draw(split, max_samples=max_samples, seed=seed)
    traced = traced_values(
        subject,
        samples,
        batch_size=batch_size,
        criterion=criterion,
        prenorm=use_prenorm,
        norm="l1",
        agg="sum",
    )
    scores = pair_scores(*traced, score_col=score_col)
    found = recovery(scores, edges, closed, network=network, top_k=firsts, seed=seed)
    table = _table(subject.functions, edges, scores, found, firsts)
    return EdgeRecovery(
        **_summary(found, edges),
        n_missing=_missing(table),
        score_col=score_col,
        labels=positives,
        n_samples=len(samples),
        split=split,
        family=subject.family,
        data=data.name,
        positives=table,
    )


def _summary(found: Recovery, edges: Int64[np.ndarray, "2 edges"]) -> dict[str, Any]:
    """The metrics that are defined, why others are not, and what they were taken over."""
    return {
        "metrics": {name: metric for name, metric in found.metrics.items() if metric is not None},
        "undefined": _undefined(found, edges),
        "n_positives": edges.shape[1],
        "n_targets": len(np.unique(edges[1])),
        "n_sources": len(np.unique(edges[0])),
        "n_pairs": found.n_pairs,
        "swaps_per_edge": found.swaps_per_edge,
        "n_draws": DRAWS,
    }


def _table(
    functions: Sequence[str],
    edges: Int64[np.ndarray, "2 edges"],
    scores: Float64[np.ndarray, "n n"],
    found: Recovery,
    firsts: Sequence[int],
) -> Positives:
    names = np.array(functions, dtype=np.str_)
    return Positives(
        source=names[edges[0]],
        target=names[edges[1]],
        score=scores[edges[0], edges[1]],
        rank=found.ranks,
        n_candidates=found.n_candidates,
        reciprocal_rank=1 / found.ranks,
        top={f"top@{k}": found.ranks <= k for k in firsts},
    )


def _missing(table: Positives) -> int:
    """How many positives have no score; more than none is told."""
    n_missing = int(np.isnan(table.score).sum())
    if n_missing:
        _warn(f"{n_missing} of {len(table.score)} positives have no score (NaN): they are ranked last")
    return n_missing


def _firsts(top_k: tuple[str, ...]) -> list[int]:
    wrong = [k for k in top_k if not (k.isdecimal() and int(k) > 0)]
    if wrong:
        raise AssayError(f"top_k takes whole numbers from 1 on, e.g. [1, 3, 5]; got {', '.join(wrong)}")
    return sorted({int(k) for k in top_k})


def _edges(
    subject: Traces, data: TableData, network: Bool[np.ndarray, "n n"], positives: str
) -> tuple[Int64[np.ndarray, "2 edges"], Bool[np.ndarray, "n n"]]:
    """The positives, each once, and the pairs that are no candidates."""
    loops = np.eye(len(network), dtype=np.bool_)
    if positives == "held_out":
        return _held_out(subject.functions, data, network), network | loops
    _warn(ABSORBED)
    if not network.any():
        raise AssayError("the network has no edge between two functions: there is no positive to find")
    return np.stack(np.nonzero(network)), loops


def _held_out(
    functions: Sequence[str], data: TableData, network: Bool[np.ndarray, "n n"]
) -> Int64[np.ndarray, "2 edges"]:
    if not data.held_out:
        raise AssayError(
            f"data {data.name!r} name no held-out edges, so there is nothing to find. Edges that the network has "
            "are found with the option positives: existing, but they are no evidence."
        )
    number = {name: i for i, name in enumerate(functions)}
    if len(number) < len(functions):
        twice = sorted({name for name in functions if list(functions).count(name) > 1})
        raise Refused(f"held-out edges go by name, and functions share one: {named(twice)}")
    pairs = list(dict.fromkeys((source, target) for source, target in data.held_out))
    where = f"held-out edges of data {data.name!r}"
    if unknown := dict.fromkeys(name for pair in pairs for name in pair if name not in number):
        raise Refused(
            f"{where}: the network has no function {named(list(unknown))}. It has {named(functions)}."
        )
    edges = np.array([[number[source], number[target]] for source, target in pairs]).T
    if loops := [pair[0] for pair in pairs if pair[0] == pair[1]]:
        raise Refused(f"{where}: an edge from {named(loops)} to itself is no candidate")
    if kept := [
        f"{a} -> {b}" for (a, b), there in zip(pairs, network[edges[0], edges[1]], strict=True) if there
    ]:
        raise Refused(
            f"{where}: {len(kept)} of {len(pairs)} stand in the network: {named(kept)}. An edge that was trained with "
            "was not held out."
        )
    return edges


def _undefined(found: Recovery, edges: Int64[np.ndarray, "2 edges"]) -> dict[str, str]:
    reasons = {
        name: "no target has a candidate beside its positives"
        for name, metric in found.metrics.items()
        if metric is None
    }
    for side, what in ((1, "targets"), (0, "sources")):
        if (n := len(np.unique(edges[side]))) < LEAST_CLUSTERS:
            reasons[f"intervals over {what}"] = f"need {LEAST_CLUSTERS} {what} of positives, got {n}"
    if found.swaps_per_edge < SWAPS_PER_EDGE:
        reasons["degree_preserving"] = (
            f"needs {SWAPS_PER_EDGE} swaps an edge, and {found.swaps_per_edge:.2g} were possible: other edges of the "
            "same degrees are too few"
        )
    return reasons


def _warn(text: str) -> None:
    warnings.warn(text, ResultWarning, stacklevel=3)
