"""The scores of function pairs that held-out edges can be ranked by; NaN where a pair has none."""

import numpy as np
from jaxtyping import Float64

from assay.numerics.edges.edge_scores import score_tables
from assay.numerics.edges.layer_tests import Null
from assay.numerics.edges.permutation_moments import Side
from assay.numerics.edges.unit_columns import UnitColumns, score_units, value_units

BLOCK_PAIRS = 2**20  # whose variance is held at a time

Values = Float64[np.ndarray, "layers samples n"]


def pair_scores(activation: Values, gradient: Values, *, score_col: str) -> Float64[np.ndarray, "n n"]:
    """[source, target]: W of edge_scores as published, its `excess` over what it expects, corr or z of edge_tests."""
    if score_col in ("W", "excess"):
        tables = score_tables(activation, gradient, method="spearman", pool="pooled")
        return tables.scores - tables.expected if score_col == "excess" else tables.scores
    everyone = np.zeros(activation.shape[1], dtype=np.int64)
    units = value_units if score_col == "corr" else score_units
    x, y = units(activation[:-1], everyone), units(gradient[1:], everyone)
    return _mean_correlation(x, y) if score_col == "corr" else _z(x, y)


def _mean_correlation(x: UnitColumns, y: UnitColumns) -> Float64[np.ndarray, "n n"]:
    used = x.used.T.astype(np.float64) @ y.used
    return np.where(used > 0, _sum(x, y) / np.maximum(used, 1), np.nan)


def _z(x: UnitColumns, y: UnitColumns) -> Float64[np.ndarray, "n n"]:
    everyone = np.zeros(x.columns.shape[1], dtype=np.int64)
    of_x, of_y = Side.of(x.columns, everyone), Side.of(y.columns, everyone)
    z = _sum(x, y)
    width = max(1, BLOCK_PAIRS // len(z))
    for first in range(0, len(z), width):
        targets = slice(first, first + width)
        moments = Null.of(of_x, of_y.part(targets)).of_sums()
        z[:, targets] = moments.standardised(z[:, targets])[0]
    return z


def _sum(x: UnitColumns, y: UnitColumns) -> Float64[np.ndarray, "n n"]:
    """Over the layers, of the inner products."""
    return np.concatenate(list(x.columns)).T @ np.concatenate(list(y.columns))
