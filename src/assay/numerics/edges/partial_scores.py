"""Tests of association given some sources, on unit columns whose parts along those sources are taken out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.edges.layer_tests import (
    LEAST_VARIANCE,
    LayerTests,
    Moments,
    Null,
    mean_test,
    strongest_test,
)
from assay.numerics.edges.permutation_moments import (
    GroupProducts,
    Side,
    freedom,
    grouped,
    layer_moments,
    layer_sets,
    permuted,
    sum_moments,
)

LEAST_DIRECTION = 1e-6  # of the largest singular value: a smaller one spans nothing
LEAST_RESIDUAL = 1e-6  # of the length of a column: a shorter one is explained
LEAST_FREEDOM = 20  # samples beyond 3 and the sources given; below, nothing is tested
LEAST_SHARE = 0.2  # of the degrees of freedom that a group would keep if all lost alike
VARIANCE_FLOOR = 0.2  # in units of one layer's; where the layers of a target cancel
BLOCK_NUMBERS = 2**17  # of the residuals of some sources: what a core keeps at hand

Layers = Float64[np.ndarray, "layers n k"]
Targets = Float64[np.ndarray, "layers n targets"]
Rows = Float64[np.ndarray, "layers k n"]
TargetRows = Float64[np.ndarray, "layers targets n"]
Bases = Float64[np.ndarray, "layers rank n"]  # orthonormal rows, or zeros
Given = Sequence[Int64[np.ndarray, " _"]]
Orders = Sequence[Int64[np.ndarray, " n"] | None]


def partial_tests(
    x: Layers,
    y: Targets,
    given: Given,
    groups: Int64[np.ndarray, " n"],
    *,
    lost: int = 0,
) -> LayerTests:
    """The tests of every source x with each target y given the sources `given[j]` of target j.

    Columns are centred within groups, and have lost so many degrees of freedom beside. A target that nothing is
    given for has its plain tests.
    Source: after Freedman, Lane 1983; the degrees of freedom of two layers were derived for this project.
    """
    found = [drawn.tests() for drawn in _Sides.of(x, y, groups, lost).targets(given, [None])]
    return LayerTests(*(_joined(found, field.name, x.shape[2]) for field in fields(LayerTests)))


def partial_p(
    x: Layers,
    y: Targets,
    given: Given,
    groups: Int64[np.ndarray, " n"],
    orders: Orders,
    *,
    strongest: bool,
    lost: int = 0,
) -> Float64[np.ndarray, "orders sources targets"]:
    """The p of one of these tests, of the mean over layers or of the strongest, for each of some orders of samples.

    In an order the rows of what is left of a target are taken so and projected again: a draw from the null. None
    leaves them as they are. What is left of the sources is worked out once for all orders.
    """
    sides = _Sides.of(x, y, groups, lost)
    found = np.empty((len(orders), x.shape[2], len(given)))
    for j, drawn in enumerate(sides.targets(given, orders)):
        found[:, :, j] = (drawn.strongest() if strongest else drawn.mean())[2].T
    return found


def too_few(
    dof: int, n_given: int | Int64[np.ndarray, " targets"]
) -> bool | np.bool_ | Bool[np.ndarray, " targets"]:
    """Whether fewer than 20 samples are left beyond 3 and the sources given."""
    return dof - 2 - n_given < LEAST_FREEDOM


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Inner products of all sources with one target, its samples in some orders, and their moments under the null."""

    products: Float64[np.ndarray, "layers sources orders"]
    of_sums: Moments
    of_layers: Moments

    def tests(self) -> LayerTests:
        return LayerTests(*self.mean(), *self.strongest())

    def mean(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return mean_test(self.products.sum(0), self.of_sums)

    def strongest(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return strongest_test(self.products, self.of_layers)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Sources and targets, their samples in the order of their groups."""

    x: Rows
    y: TargetRows
    places: Int64[np.ndarray, " n"]  # of these samples as they came
    starts: Int64[np.ndarray, " groups"]
    lost: int

    @classmethod
    def of(cls, x: Layers, y: Targets, groups: Int64[np.ndarray, " n"], lost: int) -> "_Sides":
        places, starts = grouped(groups)
        sources, targets = (np.ascontiguousarray(side[:, places].transpose(0, 2, 1)) for side in (x, y))
        return cls(sources, targets, places, starts, lost)

    @property
    def sizes(self) -> Int64[np.ndarray, " groups"]:
        return np.diff(self.starts, append=len(self.places))

    def targets(self, given: Given, orders: Orders) -> Iterator[_Drawn]:
        """One after the other, each with all orders."""
        here = np.argsort(self.places)
        orders = [None if order is None else here[order[self.places]] for order in orders]
        whole = Side.of_rows(self.x, self.starts) if any(len(chosen) == 0 for chosen in given) else None
        for j, chosen in enumerate(given):
            target = self.y[:, j : j + 1]
            if whole is None or len(chosen):
                yield self._given(target, chosen, orders)
                continue
            own = np.concatenate([target if order is None else target[..., order] for order in orders], 1)
            null = Null.of(whole, Side.of_rows(own, self.starts), lost=self.lost)
            yield _Drawn(self.x @ own.transpose(0, 2, 1), null.of_sums(), null.of_layers())

    def _given(self, target: TargetRows, chosen: Int64[np.ndarray, " _"], orders: Orders) -> _Drawn:
        """The sources that are given, and all where samples are too few, are not tested."""
        dof = freedom(self.sizes, self.lost)
        if too_few(dof, len(chosen)):
            return _untested(len(self.x), self.x.shape[1], len(orders))
        bases = _bases(self.x[:, chosen])
        f = _residuals(target, bases)
        f = np.concatenate(
            [f if order is None else _residuals(f[..., order], bases) for order in orders], axis=1
        )
        lost = self.lost + int(bases.any(2).sum(1).max())
        own = (self.sizes - 1) * dof / freedom(self.sizes)
        noise = _noise(Side.of_rows(f, self.starts), own[:, None] - _taken(bases, self.starts), lost)
        return self._moments(chosen, bases, f, noise, freedom(self.sizes, lost))

    def _moments(
        self,
        chosen: Int64[np.ndarray, " _"],
        bases: Bases,
        f: TargetRows,
        noise: Sequence[GroupProducts],
        dof: int,
    ) -> _Drawn:
        """Of some sources at a time."""
        n_layers, n_sources, n = self.x.shape
        parts, width = [], max(1, BLOCK_NUMBERS // (n_layers * n))
        for first in range(0, n_sources, width):
            e = _residuals(self.x[:, first : first + width], bases)
            side = Side.of_rows(e, self.starts)
            moments = *sum_moments(side, noise), *layer_moments(side, noise)
            parts.append((e @ f.transpose(0, 2, 1), *moments))
        products, second, third, of_layers, thirds = (
            np.concatenate(part, axis=-2) for part in zip(*parts, strict=True)
        )
        of_layers[:, chosen] = 0
        second = np.maximum(second, VARIANCE_FLOOR * of_layers.max(0))
        second[chosen] = 0
        least = LEAST_VARIANCE / dof
        return _Drawn(
            products, Moments(second, third, least * n_layers**2), Moments(of_layers, thirds, least)
        )


def _joined(found: Sequence[LayerTests], name: str, n: int) -> Float64[np.ndarray, "sources targets"]:
    return np.column_stack([np.empty((n, 0)), *(getattr(tests, name) for tests in found)])


def _untested(n_layers: int, n_sources: int, n_orders: int) -> _Drawn:
    nothing = np.full((n_layers, n_sources, n_orders), np.nan)
    return _Drawn(nothing, Moments(nothing[0], nothing[0], 0.0), Moments(nothing, nothing, 0.0))


def _bases(given: Rows) -> Bases:
    """What the given rows span, layer by layer."""
    _, sizes, right = np.linalg.svd(given, full_matrices=False)
    return right * (sizes > LEAST_DIRECTION * sizes.max(1, keepdims=True))[:, :, None]


def _residuals(units: Rows, bases: Bases) -> Rows:
    """Unit rows without their parts along the bases, of length 1 again; zero where next to nothing is left."""
    left = (units @ bases.transpose(0, 2, 1)) @ bases
    np.subtract(units, left, out=left)
    lengths = np.sqrt(np.vecdot(left, left))
    kept = lengths > LEAST_RESIDUAL
    left *= np.where(kept, 1 / np.where(kept, lengths, 1), 0)[:, :, None]
    return left


def _taken(bases: Bases, starts: Int64[np.ndarray, " groups"]) -> Float64[np.ndarray, "groups pairs"]:
    """What the bases of two layers take of the degrees of freedom of each group, for each set of two.

    With M = I - QQ' of a layer: by how much the group's part of the trace of M_p M_q is below its number of samples.
    """
    leverages = np.square(bases).sum(1)
    of_samples = [
        leverages[p] + leverages[q] - ((bases[q] @ bases[p].T) @ bases[p] * bases[q]).sum(0)
        for p, q in layer_sets(len(bases), 2)
    ]
    return np.add.reduceat(of_samples, starts, axis=1).T


def _noise(target: Side, shared: Float64[np.ndarray, "groups pairs"], lost: int) -> list[GroupProducts]:
    """The moments of a target's noise, of which a group keeps the part that `shared` says of its freedom.

    A group counts as keeping 0.2 of what it would if all lost alike, or more: with less, next to nothing is left to
    estimate a variance from.
    """
    share = (target.sizes - 1) * freedom(target.sizes, lost) / freedom(target.sizes)
    shared = np.maximum(shared, np.maximum(LEAST_SHARE * share, 1e-3)[:, None])
    found, first = [], 0
    for left, null in zip(target.products(), permuted(target, lost=lost), strict=True):
        of_groups = shared[first : first + len(left.pairs), :, None]
        found.append(GroupProducts(_bounded(left.pairs / of_groups, target.n_layers), null.triples))
        first += len(left.pairs)
    return found


def _bounded(
    covariances: Float64[np.ndarray, "groups pairs k"], n_layers: int
) -> Float64[np.ndarray, "groups pairs k"]:
    """Covariances of two layers that are no larger than the product of their deviations."""
    sets = layer_sets(n_layers, 2)
    deviations = np.sqrt(covariances[:, [p == q for p, q in sets]])
    largest = np.stack([deviations[:, p] * deviations[:, q] for p, q in sets], axis=1)
    return np.clip(covariances, -largest, largest)
