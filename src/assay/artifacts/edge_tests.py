"""Edge tests: which function of a network may drive which, with p-values that hold and one false discovery rate."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from assay.artifacts.edge_rows import EdgePairs, EdgeRows, edge_rows
from assay.artifacts.edge_statistics import (
    BLOCK_PAIRS,
    ExactTests,
    Given,
    PairTests,
    PublishedTests,
    Scores,
    counts,
)
from assay.artifacts.magnitudes import Magnitudes, magnitudes
from assay.artifacts.sampling import chosen_splits
from assay.artifacts.traced import LEAST_SAMPLES, edge_table
from assay.errors import AssayError, ResultWarning
from assay.numerics.coded_text import CodedText, coded_text
from assay.numerics.edges.permutation_check import LevelCheck, permutation_check
from assay.numerics.edges.permutation_moments import freedom, group_sizes
from assay.numerics.edges.shared_driver import unit_means
from assay.protocols import TableData, TableSamples, Traces


@dataclass(frozen=True, slots=True)
class EdgeTests:
    """One row a pair of functions, the largest `corr` first; a pair that is not tested has a reason and no p.

    Correlations are of magnitudes, of activations in block p with gradients in block p + 1; z and p are of their
    normal scores (`p_method` exact) or of `corr` itself (published). None is what the method does not have.
    """

    src: CodedText
    dst: CodedText
    src_idx: Int32[np.ndarray, " rows"]
    dst_idx: Int32[np.ndarray, " rows"]
    has_edge: Bool[np.ndarray, " rows"]
    tested: Bool[np.ndarray, " rows"]  # one of the m tests
    reason: CodedText  # why it is none of them; empty where it is
    corr: Float64[np.ndarray, " rows"]  # over layers: the mean, or the value of the largest magnitude
    by_layer: dict[str, Float64[np.ndarray, " rows"]]  # corr_a{p}_g{p+1}
    n: Int32[np.ndarray, " rows"]  # independent samples
    n_cond: Int32[np.ndarray, " rows"]  # sources that the pair is tested given
    r_max: Float64[np.ndarray, " rows"]  # the largest of the layers, with its sign
    layer_of_max: Int32[np.ndarray, " rows"]  # its p; -1 where there is none
    z: Float64[np.ndarray, " rows"]
    skew: Float64[np.ndarray, " rows"] | None
    p: Float64[np.ndarray, " rows"]  # one-sided, of `layer_agg`
    p_max: Float64[np.ndarray, " rows"] | None
    p_omnibus: Float64[np.ndarray, " rows"] | None
    q: Float64[np.ndarray, " rows"]  # of p
    q_adjusted: Float64[np.ndarray, " rows"] | None  # the same without what all functions share
    rank_in_target: Float64[np.ndarray, " rows"]
    n_candidates: Int32[np.ndarray, " rows"]
    duplicate: Bool[np.ndarray, " rows"]
    r_with_best: Float64[np.ndarray, " rows"]  # of the source with the first candidate of the target
    m: int
    untested: dict[str, int]  # reason -> pairs
    p_histogram: tuple[int, ...]  # of all m, in equal bins from 0 to 1
    calibration: tuple[LevelCheck, ...]
    n_samples: int
    n_units: int | None
    n_batches: int | None
    n_functions: int
    keep_p: float
    score: str
    layer_agg: str
    reduction: str
    p_method: str
    criterion: str
    use_pre_norm: bool
    split: str
    family: str
    data: str


def compute(
    subject: Traces,
    data: TableData,
    *,
    score: str,
    layer_agg: str,
    reduction: str,
    use_pre_norm: bool,
    exclude_self: bool,
    ridge: float,
    p_method: str,
    criterion: str,
    unit: bool,
    batch: bool,
    keep_p: float,
    split: str,
    max_samples: int,
    batch_size: int,
    seed: int,
) -> EdgeTests:
    """The tests of all pairs of functions; `seed` draws the samples and the permutations of the calibration.

    Raises:
        AssayError: a split that the data do not have, fewer than 3 samples or units, fewer than 2 blocks, a
            function without channels, or units and batches that the data do not name or that cross.
    """
    (split,) = chosen_splits(data, (split,))
    samples = data.draw(split, max_samples=max_samples, seed=seed)
    traced = magnitudes(
        subject,
        samples,
        batch_size=batch_size,
        criterion=criterion,
        prenorm=use_pre_norm,
        reduction=reduction,
    )
    independent = _independent(*traced, *_codes(samples, data, unit=unit, batch=batch), split)
    given = _given(subject.edges, len(subject.functions), partial=score == "partial")
    pairs = _pairs(subject, independent, given, p_method=p_method, layer_agg=layer_agg, ridge=ridge)
    found = edge_rows(pairs, len(subject.functions), keep_p=keep_p, exclude_self=exclude_self)
    calibration = _calibration(pairs, independent.groups, len(subject.functions), seed)
    _warn(found, calibration)
    return EdgeTests(
        **_table(found, subject.functions, len(independent.groups), counts(given)),
        calibration=calibration,
        n_samples=len(samples),
        n_units=len(independent.groups) if unit else None,
        n_batches=len(np.unique(independent.groups)) if batch else None,
        n_functions=len(subject.functions),
        keep_p=keep_p,
        score=score,
        layer_agg=layer_agg,
        reduction=reduction,
        p_method=p_method,
        criterion=criterion,
        use_pre_norm=use_pre_norm,
        split=split,
        family=subject.family,
        data=data.name,
    )


class _Independent(NamedTuple):
    """Magnitudes of independent samples, and the batch of each, ascending; one batch where none are told apart."""

    x: Magnitudes
    y: Magnitudes
    groups: Int64[np.ndarray, " independent"]


def _codes(
    samples: TableSamples, data: TableData, *, unit: bool, batch: bool
) -> tuple[Int64[np.ndarray, " n"] | None, Int64[np.ndarray, " n"] | None]:
    """Of units and batches; None where they are not wanted."""
    found = {"unit": samples.unit if unit else None, "batch": samples.batch if batch else None}
    for column, wanted in (("unit", unit), ("batch", batch)):
        if wanted and found[column] is None:
            raise AssayError(
                f"option {column} is true, and data {data.name!r} name no {column} in split {samples.split!r}. "
                f"Add a column {column} to the table, or leave the option out."
            )
    return found["unit"], found["batch"]


def _independent(
    x: Magnitudes,
    y: Magnitudes,
    units: Int64[np.ndarray, " n"] | None,
    batches: Int64[np.ndarray, " n"] | None,
    split: str,
) -> _Independent:
    groups = np.zeros(x.shape[1], dtype=np.int64) if batches is None else batches
    if units is not None:
        groups = _of_units(groups, units)
        x, y = unit_means(x, units), unit_means(y, units)
    if len(groups) < LEAST_SAMPLES:
        raise AssayError(
            f"edges are inferred from {LEAST_SAMPLES} independent samples or more; "
            f"split {split!r} gives {len(groups)}"
        )
    if batches is None:
        return _Independent(x, y, groups)
    order = np.argsort(groups, kind="stable")
    return _Independent(x[:, order], y[:, order], groups[order])


def _of_units(groups: Int64[np.ndarray, " n"], units: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " units"]:
    """The batch of each unit, by ascending code."""
    first = np.unique(units, return_index=True)[1]
    of_units = groups[first]
    crossing = np.unique(units[groups != of_units[np.searchsorted(units[first], units)]])
    if len(crossing):
        raise AssayError(
            f"{len(crossing)} units have samples in several batches (the first has code {crossing[0]}): "
            "their mean belongs to none. Leave out one of the options unit and batch."
        )
    return of_units


def _pairs(
    subject: Traces, independent: _Independent, given: Given, *, p_method: str, layer_agg: str, ridge: float
) -> EdgePairs:
    scores = Scores(*independent, given, ridge=ridge, layer_agg=layer_agg)
    tests: PairTests
    if p_method == "published":
        tests = PublishedTests(scores, given, dof=freedom(group_sizes(independent.groups)))
    else:
        tests = ExactTests(*independent, given, layer_agg=layer_agg)
    return EdgePairs(scores, tests, edge_table(subject.edges, len(subject.functions)))


def _given(edges: Int64[np.ndarray, "2 edges"], n: int, *, partial: bool) -> Given:
    """The sources of the edges into each function, ascending, each once, without itself; none unless partial."""
    sources = np.unique(edges[:, edges[0] != edges[1]], axis=1)
    return [sources[0, (sources[1] == target) & partial] for target in range(n)]


def _calibration(
    pairs: EdgePairs, groups: Int64[np.ndarray, " n"], n: int, seed: int
) -> tuple[LevelCheck, ...]:
    """Of all targets or, where there are many, of some that lie evenly among them."""
    targets = slice(None, None, -(-n * n // BLOCK_PAIRS))
    return permutation_check(
        lambda orders: pairs.tested_p(targets, orders), groups, generator=np.random.default_rng(seed)
    )


def _table(
    found: EdgeRows, functions: Sequence[str], n: int, n_given: Int64[np.ndarray, " functions"]
) -> dict[str, Any]:
    """The columns, and what was counted over all pairs."""
    rows = found.columns
    whole = {
        name: rows[name].astype(np.int32) for name in ("src_idx", "dst_idx", "layer_of_max", "n_candidates")
    }
    reals = ("corr", "z", "skew", "p", "p_max", "p_omnibus", "q", "q_adjusted")
    return {
        **whole,
        "src": coded_text(functions, rows["src_idx"]),
        "dst": coded_text(functions, rows["dst_idx"]),
        "reason": coded_text(found.reasons, rows["reason"]),
        "tested": rows["reason"] == 0,
        "by_layer": {name: column for name, column in rows.items() if name.startswith("corr_a")},
        "n": np.full(len(rows["corr"]), n, dtype=np.int32),
        "n_cond": n_given[rows["dst_idx"]].astype(np.int32),
        **{name: rows.get(name) for name in reals},
        **{name: rows[name] for name in ("r_max", "rank_in_target", "r_with_best", "has_edge", "duplicate")},
        **{name: getattr(found, name) for name in ("m", "untested", "p_histogram")},
    }


def _warn(found: EdgeRows, calibration: Sequence[LevelCheck]) -> None:
    if not found.m:
        reasons = ", ".join(f"{reason}: {n}" for reason, n in found.untested.items())
        warnings.warn(f"no pair could be tested ({reasons})", ResultWarning, stacklevel=3)
    bold = [f"{one.ratio:.2f} times as often at {one.level:g}" for one in calibration if one.too_bold]
    if bold:
        warnings.warn(
            f"p-values are too small: with the samples of one side permuted they fall below a level "
            f"{', '.join(bold)} as they should",
            ResultWarning,
            stacklevel=3,
        )
