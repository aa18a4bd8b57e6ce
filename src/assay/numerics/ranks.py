"""Average ranks of columns, and the normal scores of these ranks."""

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from scipy import special

BLOCK_NUMBERS = 2**16  # ranked at a time: what a core keeps at hand


def average_ranks(columns: Float[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
    """The ranks of each column, 1 to n; equal numbers share the mean of theirs, and -0.0 equals 0.0.

    A column that holds a NaN has ranks NaN. Exact: the same bits as `scipy.stats.rankdata`.
    """
    n, k = columns.shape
    ranks = np.empty((k, n))
    wide = max(1, BLOCK_NUMBERS // max(n, 1))
    for start in range(0, k, wide):
        rows = np.ascontiguousarray(columns[:, start : start + wide].T) + np.float32(0)  # -0.0 + 0 is 0.0
        ranks[start : start + wide] = _row_ranks(rows)
        ranks[start : start + wide][np.isnan(rows).any(1)] = np.nan
    return ranks.T


def normal_scores(columns: Float[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
    """The normal quantiles of the ranks R of each column: those of (R - 3/8)/(n + 1/4); NaN as in `average_ranks`.

    Source: Blom 1958, Statistical estimates and transformed beta-variables.
    """
    scores = average_ranks(columns)
    scores -= 3 / 8
    scores /= len(columns) + 1 / 4
    return special.ndtri(scores, out=scores)


def _row_ranks(rows: Float[np.ndarray, "k n"]) -> Float64[np.ndarray, "k n"]:
    n = rows.shape[1]
    order, ordered = _sorted_packed(rows) if rows.dtype.itemsize <= 4 else _sorted(rows)
    first = np.ones(rows.shape, dtype=np.bool_)  # of a run of equal numbers
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    order += np.arange(len(rows))[:, None] * n
    ranks = np.empty(rows.size)
    ranks[order.ravel()] = _shared(first, n)
    return ranks.reshape(rows.shape)


def _sorted_packed(
    rows: Float[np.ndarray, "k n"],
) -> tuple[Int64[np.ndarray, "k n"], Int64[np.ndarray, "k n"]]:
    """Where the sorted numbers of each row stand, and keys in their order: one sort of 64-bit integers.

    The upper half of such an integer is the float32 as an integer of the same order, the lower half its place.
    """
    bits = rows.astype(np.float32).view(np.int32)
    keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(
        np.int64
    )  # falling magnitudes of negative numbers rise
    packed = (keys << 32) | np.arange(rows.shape[1])
    packed.sort(axis=1)
    return packed & 0xFFFFFFFF, packed >> 32


def _sorted(rows: Float[np.ndarray, "k n"]) -> tuple[Int64[np.ndarray, "k n"], Float[np.ndarray, "k n"]]:
    order = np.argsort(rows, axis=1)
    return order, np.take_along_axis(rows, order, axis=1)


def _shared(first: Bool[np.ndarray, "k n"], n: int) -> Float64[np.ndarray, " numbers"]:
    """The ranks in sorted order: of every run the mean of its places."""
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], first.size)
    means = (starts + ends + 1 - 2 * (starts // max(n, 1)) * n) / 2
    return np.repeat(means, ends - starts)
