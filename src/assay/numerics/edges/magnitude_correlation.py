"""Correlations over samples of the columns of two sides, layer by layer, plain or given some of the first side."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64

from assay.numerics.edges.unit_columns import RELATIVE_VARIANCE, UnitColumns

LARGEST = float(np.nextafter(1, 0))  # where atanh is still a number

PerLayer = Float64[np.ndarray, "layers sources targets"]
Pairs = Float64[np.ndarray, "sources targets"]


def correlation(x: UnitColumns, y: UnitColumns) -> PerLayer:
    """Pearson correlations, -1 to 1; NaN where one of the two is constant or not finite."""
    products = np.clip(x.columns.transpose(0, 2, 1) @ y.columns, -1, 1)
    return np.where(x.used[:, :, None] & y.used[:, None, :], products, np.nan)


def partial_correlation(
    x: Float64[np.ndarray, "layers n sources"],
    y: Float64[np.ndarray, "layers n targets"],
    given: Sequence[Int64[np.ndarray, " _"]],
    *,
    ridge: float,
) -> PerLayer:
    """Correlations of centred columns given the sources `given[j]` of each target j; zero vectors are not used.

    `ridge` is in units of the mean variance of those sources. NaN where a residual variance is not above 1e-12 of
    the variance, for the sources that are given, and for a target with so many of them that no sample is left; a
    target that nothing is given for has its plain correlations.
    """
    found = x.transpose(0, 2, 1) @ y
    for layer, (sources, targets) in enumerate(zip(x, y, strict=True)):
        squares = np.einsum("nk,nk->k", sources, sources)
        for j, chosen in enumerate(given):
            shared, left_x, left_y = _left(sources, targets[:, j], chosen, squares, ridge)
            known = (left_x > RELATIVE_VARIANCE * squares) & (
                left_y > RELATIVE_VARIANCE * np.square(targets[:, j]).sum()
            )
            known[chosen] = False
            r = (found[layer, :, j] - shared) / np.sqrt(np.where(known, left_x * left_y, 1))
            found[layer, :, j] = np.where(known, np.clip(r, -1, 1), np.nan)
    return found


def mean_over_layers(r: PerLayer) -> Pairs:
    """The mean of what is not NaN."""
    known = ~np.isnan(r)
    n = known.sum(0)
    return np.where(n > 0, np.where(known, r, 0).sum(0) / np.maximum(n, 1), np.nan)


def largest_over_layers(r: PerLayer) -> Pairs:
    """The value of the largest magnitude, the first of equal ones, with its sign."""
    layer = np.where(np.isnan(r), -1, np.abs(r)).argmax(0)
    return np.take_along_axis(r, layer[None], 0)[0]


def fisher_z(r: Pairs, df: Int64[np.ndarray, " targets"]) -> Pairs:
    """Standard normal under the null where r is one correlation: atanh(r) sqrt(df); NaN below 2 degrees of freedom.

    As published, df = n - 3 - the number of sources given, without the published limit of .9999 for r.
    """
    z = np.arctanh(np.clip(r, -LARGEST, LARGEST)) * np.sqrt(np.maximum(df, 1))
    return np.where(df >= 2, z, np.nan)


def _left(
    x: Float64[np.ndarray, "n sources"],
    y: Float64[np.ndarray, " n"],
    chosen: Int64[np.ndarray, " _"],
    squares: Float64[np.ndarray, " sources"],
    ridge: float,
) -> tuple[Float64[np.ndarray, " sources"], Float64[np.ndarray, " sources"], float]:
    """What the chosen sources explain of each x . y, and what they leave of each x . x and of y . y."""
    if len(x) - 2 - len(chosen) < 1:
        return np.zeros_like(squares), np.zeros_like(squares), 0.0
    basis = _ridge_basis(x[:, chosen], ridge)
    of_x, of_y = basis.T @ x, basis.T @ y
    return of_y @ of_x, squares - np.square(of_x).sum(0), float(y @ y - of_y @ of_y)


def _ridge_basis(given: Float64[np.ndarray, "n k"], ridge: float) -> Float64[np.ndarray, "n rank"]:
    """B such that BB' is X (X'X + ridge m)^-1 X', m the mean of the diagonal of X'X; what is rounding is left out."""
    square = given.T @ given
    square[np.diag_indices(len(square))] += ridge * np.trace(square) / max(len(square), 1)
    sizes, directions = np.linalg.eigh(square)
    kept = sizes > RELATIVE_VARIANCE * sizes.max(initial=0)
    return given @ (directions[:, kept] / np.sqrt(sizes[kept]))
