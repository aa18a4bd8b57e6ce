"""Edge scores: which function of a network drives which, inferred from activations and gradients."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from assay.artifacts.sampling import chosen_splits
from assay.artifacts.traced import edge_table, named, traced_values
from assay.errors import AssayError, ResultWarning
from assay.numerics.edges.edge_scores import ScoreTables, Weights, degree_weights, score_tables, varying
from assay.protocols import TableData, Traces

Layers = Float64[np.ndarray, "layers samples n"]


@dataclass(frozen=True, slots=True)
class EdgeScores:
    """Tables [source, target]: W[i, j] is the evidence for i -> j, and `expected` what it is without any.

    With a bootstrap (`n_draws` > 0) W is the mean over the draws, W_sd their standard deviation (NaN with one
    draw), W_low and W_high the percentiles 2.5 and 97.5; else these are None. Where a function's
    activation (as a source) or gradient (as a target) does not vary, W is 0.
    """

    W: Float64[np.ndarray, "n n"]
    names: Shaped[np.ndarray, " n"]  # text
    existing: Bool[np.ndarray, "n n"]  # edges of the network, loops included
    expected: Float64[np.ndarray, "n n"]
    source_varies: Bool[np.ndarray, " n"]
    target_varies: Bool[np.ndarray, " n"]
    W_sd: Float64[np.ndarray, "n n"] | None
    W_low: Float64[np.ndarray, "n n"] | None
    W_high: Float64[np.ndarray, "n n"] | None
    n_samples: int
    n_layers: int
    n_draws: int
    method: str
    pool: str
    criterion: str
    split: str
    family: str
    data: str


def compute(
    subject: Traces,
    data: TableData,
    *,
    method: str,
    norm: str,
    agg: str,
    use_prenorm: bool,
    penalty_factor: float,
    scale_by_act_mean: bool,
    estimate: bool,
    estimate_iters: int,
    estimate_n_samples: int,
    row_chunk: int,
    criterion: str,
    pool: str,
    split: str,
    max_samples: int,
    batch_size: int,
    seed: int,
) -> EdgeScores:
    """Scores of all pairs of functions; `seed` decides which samples are drawn, also by the bootstrap.

    Raises:
        AssayError: a split that the data do not have, fewer than 3 samples or 2 blocks, values that are not
            finite, or a penalty that overflows.
    """
    (split,) = chosen_splits(data, (split,))
    samples = data.draw(split, max_samples=max_samples, seed=seed)
    activation, gradient = traced_values(
        subject, samples, batch_size=batch_size, criterion=criterion, prenorm=use_prenorm, norm=norm, agg=agg
    )
    functions = _functions(subject, activation, gradient, pool=pool)
    tables = score_tables(
        activation,
        gradient,
        method=method,
        pool=pool,
        scale_by_act_mean=scale_by_act_mean,
        weights=_weights(subject.edges, len(subject.functions), penalty_factor),
        draws=_draws(len(samples), estimate_iters, estimate_n_samples, seed) if estimate else None,
        row_chunk=row_chunk,
    )
    return EdgeScores(
        **_tables(tables),
        **functions,
        n_samples=len(samples),
        n_layers=len(activation),
        n_draws=estimate_iters if estimate else 0,
        method=method,
        pool=pool,
        criterion=criterion,
        split=split,
        family=subject.family,
        data=data.name,
    )


def _tables(tables: ScoreTables) -> dict[str, Any]:
    return {
        "W": tables.scores,
        "expected": tables.expected,
        "W_sd": tables.sd,
        "W_low": tables.low,
        "W_high": tables.high,
    }


def _functions(subject: Traces, activation: Layers, gradient: Layers, *, pool: str) -> dict[str, Any]:
    """Their names and edges, and which of them vary; those that do not are told."""
    names = np.array(subject.functions, dtype=np.str_)
    source_varies, target_varies = varying(activation[:-1], pool=pool), varying(gradient[1:], pool=pool)
    _warn_of_constant(names[~source_varies], "activation", "sources")
    _warn_of_constant(names[~target_varies], "gradient", "targets")
    return {
        "names": names,
        "existing": edge_table(subject.edges, len(names)),
        "source_varies": source_varies,
        "target_varies": target_varies,
    }


def _weights(edges: Int64[np.ndarray, "2 edges"], n: int, penalty: float) -> Weights | None:
    if penalty == 0:
        return None
    with np.errstate(over="ignore"):
        weights = degree_weights(edges, n, penalty)
    if not np.isfinite(weights.source).all():
        raise AssayError(
            f"penalty_factor {penalty}: (1 + penalty_factor)^out-degree overflows at the largest out-degree, "
            f"{np.bincount(edges[0]).max()}. Take a smaller one, or 0."
        )
    return weights


def _draws(n: int, n_draws: int, size: int, seed: int) -> Int64[np.ndarray, "draws m"]:
    return np.random.default_rng(seed).integers(0, n, (n_draws, size))


def _warn_of_constant(names: Sequence[str] | np.ndarray, what: str, role: str) -> None:
    if len(names):
        warnings.warn(
            f"the {what} of {len(names)} functions does not vary over the samples: as {role} they score 0 "
            f"({named(list(names))})",
            ResultWarning,
            stacklevel=4,
        )
