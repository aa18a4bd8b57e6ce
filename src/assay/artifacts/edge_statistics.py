"""Scores and tests of blocks of pairs (source, target), by the exact moments of permutations or as published."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from assay.numerics.edges.layer_tests import LayerTests, Null, layer_tests, mean_test, strongest_test
from assay.numerics.edges.magnitude_correlation import (
    correlation,
    fisher_z,
    largest_over_layers,
    mean_over_layers,
    partial_correlation,
)
from assay.numerics.edges.partial_scores import partial_p, partial_tests, too_few
from assay.numerics.edges.pearson_iii import upper_tail
from assay.numerics.edges.permutation_moments import Side, freedom, group_sizes
from assay.numerics.edges.shared_driver import without_mean_column
from assay.numerics.edges.unit_columns import (
    LEAST_VARYING,
    UnitColumns,
    centred_within,
    score_units,
    value_units,
)

CROWDED = "samples are too few for the parents of the target"
BLOCK_PAIRS = 2**20  # computed at a time
MEAN_COLUMNS = 2  # that are taken out, one of each side: as many degrees of freedom

Layers = Float64[np.ndarray, "layers n functions"]
Pairs = Float64[np.ndarray, "sources targets"]
Order = Int64[np.ndarray, " n"] | None  # of the samples of the targets' side; None: as they are
Given = Sequence[Int64[np.ndarray, " _"]]  # of each target the sources that it is tested given


@dataclass(frozen=True, slots=True)
class Tested:
    """Of every pair; NaN where it is not tested, None where the method has no such thing."""

    z: Pairs
    skew: Pairs | None
    p: Pairs
    p_max: Pairs | None
    p_omnibus: Pairs | None


@runtime_checkable
class PairTests(Protocol):
    """The tests of pairs by one method."""

    def tested(self, targets: slice) -> Tested:
        """All sources with some targets."""
        ...

    def p(self, targets: slice, orders: Sequence[Order]) -> Iterator[Pairs]:
        """The p of `tested` with the samples of the targets' side in each of some orders."""
        ...

    def adjusted(self, targets: slice) -> Pairs | None:
        """The p with each side's mean column regressed out; None where the method has none."""
        ...

    def reasons(self) -> tuple[Shaped[np.ndarray, " functions"], Shaped[np.ndarray, " functions"]]:
        """Why a source, and why a target, is never tested; empty where it may be."""
        ...


def target_blocks(n_sources: int, n_targets: int) -> Iterator[slice]:
    """All targets, so many at a time that a block has about a million pairs."""
    width = max(1, BLOCK_PAIRS // max(n_sources, 1))
    yield from (slice(start, start + width) for start in range(0, n_targets, width))


class Scores:
    """Correlations of magnitudes, layer by layer: plain, or given the parents of the target."""

    def __init__(
        self,
        x: Layers,
        y: Layers,
        groups: Int64[np.ndarray, " n"],
        given: Given,
        *,
        ridge: float,
        layer_agg: str,
    ):
        self.x, self.y = value_units(x, groups), value_units(y, groups)
        self._given, self._ridge, self._layer_agg = given, ridge, layer_agg
        if _some(given):
            self._values = [
                centred_within(np.where(units.used[:, None], values, 0), groups)
                for units, values in ((self.x, x), (self.y, y))
            ]

    def per_layer(self, targets: slice, order: Order = None) -> Float64[np.ndarray, "layers sources targets"]:
        """NaN where undefined."""
        if not _some(self._given):
            return correlation(self.x, self.y.part(targets, order))
        x, y = self._values
        y = y[:, :, targets] if order is None else y[:, order, targets]
        found = partial_correlation(x, y, self._given[targets], ridge=self._ridge)
        for column, target in enumerate(range(*targets.indices(x.shape[2]))):
            if len(self._given[target]):
                found[:, target, column] = np.nan
        return found

    def alike(self, others: Int64[np.ndarray, " targets"]) -> Pairs:
        """The mean correlation of the sources with some of them, over the layers in which both vary; NaN without."""
        x, other = self.x, self.x.part(others)
        common = x.used.T.astype(np.float64) @ other.used
        sums = flat(x.columns).T @ flat(other.columns)
        return np.where(common > 0, np.clip(sums / np.maximum(common, 1), -1, 1), np.nan)

    def aggregate(self, r: Float64[np.ndarray, "layers sources targets"]) -> Pairs:
        """The score of the table: the mean over layers, or the value of the largest magnitude."""
        return mean_over_layers(r) if self._layer_agg == "mean" else largest_over_layers(r)


class ExactTests:
    """Tests on normal scores with the exact moments over all permutations of the samples within their groups."""

    def __init__(
        self,
        x: Layers,
        y: Layers,
        groups: Int64[np.ndarray, " n"],
        given: Given,
        *,
        layer_agg: str,
    ):
        self._units = score_units(x, groups), score_units(y, groups)
        x, y = (side.columns for side in self._units)
        self._plain = _Sums(x, y, groups, given)
        adjusted = without_mean_column(x), without_mean_column(y)
        self._adjusted = _Sums(*adjusted, groups, given, lost=MEAN_COLUMNS)
        self._strongest = layer_agg == "max"
        self._dof, self._n_given = freedom(group_sizes(groups)), counts(given)

    def tested(self, targets: slice) -> Tested:
        """The test of the mean over layers or, with `max`, of the strongest layer."""
        found = self._plain.tests(targets)
        if self._strongest:
            return Tested(found.z_max, found.skew_max, found.p_max, found.p_max, found.p_omnibus)
        return Tested(found.z, found.skew, found.p, found.p_max, found.p_omnibus)

    def p(self, targets: slice, orders: Sequence[Order]) -> Iterator[Pairs]:
        """Of that one test alone."""
        return self._plain.p(targets, orders, strongest=self._strongest)

    def adjusted(self, targets: slice) -> Pairs:
        """With two degrees of freedom less, one for each side."""
        return next(self._adjusted.p(targets, [None], strongest=self._strongest))

    def reasons(self) -> tuple[Shaped[np.ndarray, " functions"], Shaped[np.ndarray, " functions"]]:
        """Of what varies, too few samples do, or they are too few beside the parents."""
        few = f"varies in fewer than {LEAST_VARYING} samples"
        sources, targets = (
            _why_unused(role, side, few) for role, side in zip(("source", "target"), self._units, strict=True)
        )
        crowded = too_few(self._dof, self._n_given) & (self._n_given > 0)
        return sources, np.where(crowded & (targets == ""), CROWDED, targets)


class PublishedTests:
    """Fisher's z of the score as if it were one correlation of independent samples, as published."""

    def __init__(self, scores: Scores, given: Given, *, dof: int):
        self._scores, self._df = scores, dof - 2 - counts(given)

    def tested(self, targets: slice) -> Tested:
        """z and its normal tail."""
        z = self._z(targets)
        return Tested(z, None, upper_tail(z, np.zeros_like(z)), None, None)

    def p(self, targets: slice, orders: Sequence[Order]) -> Iterator[Pairs]:
        """The same tail."""
        for order in orders:
            z = self._z(targets, order)
            yield upper_tail(z, np.zeros_like(z))

    def adjusted(self, targets: slice) -> None:
        """There is none."""

    def reasons(self) -> tuple[Shaped[np.ndarray, " functions"], Shaped[np.ndarray, " functions"]]:
        """Whatever varies may be tested, with two degrees of freedom."""
        sources, targets = (
            _why_unused("source", self._scores.x, ""),
            _why_unused("target", self._scores.y, ""),
        )
        return sources, np.where((self._df < 2) & (targets == ""), CROWDED, targets)

    def _z(self, targets: slice, order: Order = None) -> Pairs:
        return fisher_z(self._scores.aggregate(self._scores.per_layer(targets, order)), self._df[targets])


def flat(columns: Layers) -> Float64[np.ndarray, "all functions"]:
    """All layers as the samples of one."""
    return columns.reshape(-1, columns.shape[2])


def counts(given: Given) -> Int64[np.ndarray, " targets"]:
    """How many sources each target is tested given."""
    return np.array([len(chosen) for chosen in given], dtype=np.int64)


def _some(given: Given) -> bool:
    return any(map(len, given))


class _Sums:
    """The layer tests of two sides of unit columns, plain or given the parents of the target."""

    def __init__(self, x: Layers, y: Layers, groups: Int64[np.ndarray, " n"], given: Given, *, lost: int = 0):
        self._x, self._y, self._groups, self._given, self._lost = x, y, groups, given, lost
        self._is_partial = _some(given)
        if not self._is_partial:
            self._sides = Side.of(x, groups), Side.of(y, groups)

    def tests(self, targets: slice) -> LayerTests:
        if self._is_partial:
            return partial_tests(*self._parts(targets), lost=self._lost)
        return layer_tests(self._by_layer(targets, None), self._null(targets))

    def p(self, targets: slice, orders: Sequence[Order], *, strongest: bool) -> Iterator[Pairs]:
        if self._is_partial:
            parts = self._parts(targets)
            yield from partial_p(*parts, orders, strongest=strongest, lost=self._lost)
            return
        null = self._null(targets)
        moments = null.of_layers() if strongest else null.of_sums()
        for order in orders:
            if strongest:
                yield strongest_test(self._by_layer(targets, order), moments)[2]
            else:
                yield mean_test(self._sums(targets, order), moments)[2]

    def _null(self, targets: slice) -> Null:
        x, y = self._sides
        return Null.of(x, y.part(targets), lost=self._lost)

    def _by_layer(self, targets: slice, order: Order) -> Float64[np.ndarray, "layers sources targets"]:
        return self._x.transpose(0, 2, 1) @ self._target_columns(targets, order)

    def _sums(self, targets: slice, order: Order) -> Pairs:
        """Over layers: one product of all of them."""
        y = self._target_columns(targets, order)
        return flat(self._x).T @ flat(y)

    def _target_columns(self, targets: slice, order: Order) -> Float64[np.ndarray, "layers n targets"]:
        y = self._y[:, :, targets]
        return y if order is None else y[:, order]

    def _parts(
        self, targets: slice
    ) -> tuple[Layers, Float64[np.ndarray, "layers n targets"], Given, Int64[np.ndarray, " n"]]:
        return self._x, self._y[:, :, targets], self._given[targets], self._groups


def _why_unused(role: str, units: UnitColumns, few: str) -> Shaped[np.ndarray, " functions"]:
    """The reason of the layer that comes nearest to being used."""
    return np.select(
        [units.used.any(0), units.varies.any(0), units.finite.any(0)],
        ["", f"{role} {few}", f"{role} is constant"],
        f"{role} is not finite",
    )
