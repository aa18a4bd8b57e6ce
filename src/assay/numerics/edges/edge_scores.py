"""Evidence that one function drives another: its activation in a layer against the other's gradient in the next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.ranks import average_ranks

BLOCK_NUMBERS = 2**26  # of the tables of all draws, held at a time
LEAST_SPREAD = (
    1e-7  # standard deviation over root mean square; below, a column is a constant and its rounding
)
PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class ScoreTables:
    """Tables [source, target]; of several draws the mean, with standard deviation and percentiles beside it.

    `expected` is the score where samples are matched at random: not 0 where layers of different scale are pooled.
    """

    scores: Float64[np.ndarray, "rows n"]
    expected: Float64[np.ndarray, "rows n"]
    sd: Float64[np.ndarray, "rows n"] | None = None
    low: Float64[np.ndarray, "rows n"] | None = None
    high: Float64[np.ndarray, "rows n"] | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """What the scores of each source and of each target are multiplied by."""

    source: Float64[np.ndarray, " n"]
    target: Float64[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns that are centred and of length 1 in each group of rows; 0 in a group in which they do not vary."""

    unit: Float64[np.ndarray, "groups rows k"]
    varies: Bool[np.ndarray, "groups k"]
    layer_sums: Float64[np.ndarray, "layers k"]


def score_tables(
    activation: Float64[np.ndarray, "layers samples n"],
    gradient: Float64[np.ndarray, "layers samples n"],
    *,
    method: str,
    pool: str,
    scale_by_act_mean: bool = False,
    weights: Weights | None = None,
    draws: Int64[np.ndarray, "draws m"] | None = None,
    row_chunk: int = 0,
) -> ScoreTables:
    """Correlations of each function's activation with each one's gradient a layer later; 0 where one is constant.

    All pairs of layers are stacked as rows (pooled), or correlated one by one and averaged over those in which
    both columns vary (per_layer); spearman takes average ranks. With `scale_by_act_mean` a score is multiplied
    by the mean activation of its source. Each of `draws` names the samples of a bootstrap. So many sources are
    taken at a time as `row_chunk` says, or as memory allows where it is 0; that changes rounding only.
    """
    sources, targets = activation[:-1], gradient[1:]
    n_samples, n = sources.shape[1:]
    drawn = np.arange(n_samples)[None] if draws is None else draws
    weights = weights or Weights(np.ones(n), np.ones(n))

    @lru_cache(maxsize=1)  # one draw has its columns once; those of many are made again for every chunk
    def target_columns(k: int) -> _Columns:
        return _columns(targets[:, drawn[k]], weights.target, method, pool)

    def tables(rows: slice) -> Iterator[ScoreTables]:
        for k, draw in enumerate(drawn):
            values = sources[:, draw, rows]
            scale = values.mean((0, 1)) if scale_by_act_mean else 1.0
            source = _columns(values, weights.source[rows] * scale, method, pool)
            yield _product(source, target_columns(k), len(draw))

    chunk = row_chunk or max(1, BLOCK_NUMBERS // max(1, n * len(drawn)))
    slices = [slice(start, start + chunk) for start in range(0, n, chunk)]
    if draws is None:
        return _stacked([next(tables(rows)) for rows in slices])
    return _stacked([_summary(list(tables(rows))) for rows in slices])


def degree_weights(edges: Int64[np.ndarray, "2 edges"], n_functions: int, penalty: float) -> Weights:
    """(1 + penalty)^out-degree of a source, (1 - penalty)^in-degree of a target; loops and repeated edges count."""
    outgoing, incoming = (np.bincount(ends, minlength=n_functions) for ends in edges)
    return Weights((1.0 + penalty) ** outgoing, (1.0 - penalty) ** incoming)


def varying(values: Float64[np.ndarray, "layers samples n"], *, pool: str) -> Bool[np.ndarray, " n"]:
    """Whether a column is more than a constant and its rounding; per_layer: in any layer."""
    return np.any(_varies(_grouped(values, pool)), axis=0)


def _columns(
    values: Float64[np.ndarray, "layers samples k"], weight: Float64[np.ndarray, " k"], method: str, pool: str
) -> _Columns:
    groups = _grouped(values, pool)
    varies = _varies(groups)
    ranked = np.stack([average_ranks(group) for group in groups]) if method == "spearman" else groups
    unit = ranked - ranked.mean(1, keepdims=True)
    length = np.sqrt(np.einsum("grk,grk->gk", unit, unit))
    unit *= (np.where(varies, weight, 0) / np.where(varies, length, 1))[:, None]
    return _Columns(unit, varies, unit.reshape(values.shape).sum(1))


def _grouped(
    values: Float64[np.ndarray, "layers samples k"], pool: str
) -> Float64[np.ndarray, "groups rows k"]:
    return values if pool == "per_layer" else values.reshape(1, -1, values.shape[2])


def _varies(groups: Float64[np.ndarray, "groups rows k"]) -> Bool[np.ndarray, "groups k"]:
    """Relative to the size of the numbers, so that gradients of any scale are told from a constant."""
    size = np.sqrt(np.square(groups).mean(1))
    return (groups.max(1) > groups.min(1)) & (groups.std(1) > LEAST_SPREAD * size)


def _product(source: _Columns, target: _Columns, n_samples: int) -> ScoreTables:
    n_groups = source.varies.T.astype(np.float64) @ target.varies
    used = np.maximum(n_groups, 1, out=n_groups)
    scores = _flat(source.unit).T @ _flat(target.unit)
    expected = source.layer_sums.T @ target.layer_sums / n_samples
    if len(source.varies) > 1:  # layers that are centred one by one
        expected[:] = 0
    return ScoreTables(np.divide(scores, used, out=scores), np.divide(expected, used, out=expected))


def _flat(unit: Float64[np.ndarray, "groups rows k"]) -> Float64[np.ndarray, "all k"]:
    return unit.reshape(-1, unit.shape[2])


def _summary(draws: Sequence[ScoreTables]) -> ScoreTables:
    scores = np.stack([one.scores for one in draws])
    low, high = np.percentile(scores, PERCENTILES, axis=0)
    sd = scores.std(0, ddof=1) if len(draws) > 1 else np.full(scores.shape[1:], np.nan)
    return ScoreTables(scores.mean(0), np.mean([one.expected for one in draws], axis=0), sd, low, high)


def _stacked(parts: Sequence[ScoreTables]) -> ScoreTables:
    """The chunks below each other."""
    if parts[0].sd is None:
        return ScoreTables(
            np.concatenate([p.scores for p in parts]), np.concatenate([p.expected for p in parts])
        )
    fields = ("scores", "expected", "sd", "low", "high")
    return ScoreTables(*(np.concatenate([getattr(p, name) for p in parts]) for name in fields))
