"""Columns of samples as vectors of length 1 whose inner products are correlations, and which of them vary."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.ranks import BLOCK_NUMBERS, normal_scores

LEAST_VARYING = 20  # samples that differ from a column's most frequent value; below, its tests are too bold
RELATIVE_VARIANCE = 1e-12  # of the mean square: below, a spread is rounding

Layers = Float64[np.ndarray, "layers n k"]


@dataclass(frozen=True, slots=True)
class UnitColumns:
    """Centred columns of length 1 in each layer; one that cannot be used is the zero vector there."""

    columns: Layers
    finite: Bool[np.ndarray, "layers k"]
    varies: Bool[np.ndarray, "layers k"]  # its spread is more than rounding
    used: Bool[np.ndarray, "layers k"]

    def part(
        self, chosen: slice | Int64[np.ndarray, " chosen"], order: Int64[np.ndarray, " n"] | None = None
    ) -> "UnitColumns":
        """Some of the columns, their samples in another order where one is given."""
        columns = self.columns[:, :, chosen]
        return UnitColumns(
            columns if order is None else columns[:, order],
            self.finite[:, chosen],
            self.varies[:, chosen],
            self.used[:, chosen],
        )


def value_units(values: Layers, groups: Int64[np.ndarray, " n"]) -> UnitColumns:
    """The values themselves, for Pearson correlations.

    Used is what varies: a variance above 1e-12 of the mean square, whatever the units of the values.
    """
    finite, values = _finite(values)
    centred = centred_within(values, groups)
    varies = finite & _varies(values, centred)
    return UnitColumns(unit_length(centred, varies), finite, varies, varies)


def score_units(values: Layers, groups: Int64[np.ndarray, " n"]) -> UnitColumns:
    """The normal scores of the average ranks of each column, ranked and centred within each group.

    Ranks over all samples would keep how far the values of a group spread, and so weigh its samples: the group that
    spreads most would decide alone. Used is a column that varies as in `value_units` and of
    which 20 or more samples differ from the most frequent value of their group: with fewer, its sum with another
    column is too skewed for any tail that is known from moments.
    """
    finite, values = _finite(values)
    scores, n_varying = np.empty_like(values), np.zeros(finite.shape, dtype=np.int64)
    for rows in _each(groups):
        for layer, column in enumerate(values):
            own = column[rows]
            scores[layer, rows] = normal_scores(own)
            n_varying[layer] += len(own) - _most_frequent(own)
    varies = finite & (n_varying > 0) & _varies(values, centred_within(values, groups))
    used = varies & (n_varying >= LEAST_VARYING)
    return UnitColumns(unit_length(centred_within(scores, groups), used), finite, varies, used)


def centred_within(values: Layers, groups: Int64[np.ndarray, " n"]) -> Layers:
    """The values less the mean of their group, in each column of each layer."""
    centred = values.copy()
    for rows in _each(groups):
        centred[:, rows] -= values[:, rows].mean(1, keepdims=True)
    return centred


def unit_length(columns: Layers, used: Bool[np.ndarray, "layers k"]) -> Layers:
    """The columns divided by their lengths, and zero vectors for those that are not used."""
    lengths = np.sqrt(_squares(columns))
    return columns * np.where(used, 1 / np.where(used, lengths, 1), 0)[:, None]


def _finite(values: Layers) -> tuple[Bool[np.ndarray, "layers k"], Layers]:
    """Which columns are finite, and the values with zeros for the others."""
    finite = np.isfinite(values).all(1)
    return finite, values if finite.all() else np.where(finite[:, None], values, 0.0)


def _each(groups: Int64[np.ndarray, " n"]) -> Iterator[slice | Int64[np.ndarray, " _"]]:
    """The samples of each group; a slice, which copies nothing, where they are next to each other."""
    order = np.argsort(groups, kind="stable")
    starts = np.unique(groups[order], return_index=True)[1]
    in_order = bool((order[1:] > order[:-1]).all())
    for start, end in zip(starts, [*starts[1:], len(groups)], strict=True):
        yield slice(start, end) if in_order else order[start:end]


def _varies(values: Layers, centred: Layers) -> Bool[np.ndarray, "layers k"]:
    """Whether a spread is more than the rounding of a constant."""
    return _squares(centred) > RELATIVE_VARIANCE * _squares(values)


def _squares(columns: Layers) -> Float64[np.ndarray, "layers k"]:
    return np.einsum("lnk,lnk->lk", columns, columns)


def _most_frequent(columns: Float64[np.ndarray, "n k"]) -> Int64[np.ndarray, " k"]:
    """How often the most frequent value of each column occurs."""
    n, k = columns.shape
    found, width = np.empty(k, dtype=np.int64), max(1, BLOCK_NUMBERS // n)
    for first in range(0, k, width):
        rows = np.sort(columns[:, first : first + width].T, axis=1)
        starts = np.ones(rows.shape, dtype=np.bool_)  # of a run of equal values
        starts[:, 1:] = rows[:, 1:] != rows[:, :-1]
        places = np.flatnonzero(starts)
        lengths = np.diff(places, append=rows.size)
        found[first : first + width] = np.maximum.reduceat(lengths, np.flatnonzero(places % n == 0))
    return found
