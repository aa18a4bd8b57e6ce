"""Tests of association given some sources, on unit columns whose parts along those sources are taken out."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.edges.layer_tests import LayerTests, Null, layer_tests
from assay.numerics.edges.permutation_moments import (
    GroupProducts,
    Side,
    freedom,
    group_sizes,
    layer_sets,
    permuted,
)

LEAST_DIRECTION = 1e-6  # of the largest singular value: a smaller one spans nothing
LEAST_RESIDUAL = 1e-6  # of the length of a column: a shorter one is explained
LEAST_FREEDOM = 20  # samples beyond 3 and the sources given; below, nothing is tested
LEAST_SHARE = 0.2  # of the degrees of freedom that a group would keep if all lost alike
VARIANCE_FLOOR = 0.2  # in units of one layer's; where the layers of a target cancel

Layers = Float64[np.ndarray, "layers n k"]


def partial_tests(
    x: Layers,
    y: Float64[np.ndarray, "layers n targets"],
    given: Sequence[Int64[np.ndarray, " _"]],
    groups: Int64[np.ndarray, " n"],
    *,
    lost: int = 0,
    order: Int64[np.ndarray, " n"] | None = None,
) -> LayerTests:
    """The tests of every source x with each target y given the sources `given[j]` of target j.

    Columns are centred within groups, and have lost so many degrees of freedom beside. A target that nothing is
    given for has its plain tests. With `order` the rows of what is left of a target are taken in that order and
    projected again: a draw from the null.
    Source: after Freedman, Lane 1983; the degrees of freedom of two layers were derived for this project.
    """
    whole = Side.of(x, groups) if any(len(chosen) == 0 for chosen in given) else None
    found = []
    for j, chosen in enumerate(given):
        target = y[:, :, j : j + 1]
        if whole is None or len(chosen):
            found.append(_given(x, target, chosen, groups, lost, order))
            continue
        null = Null.of(whole, Side.of(target, groups), lost=lost)
        products = x.transpose(0, 2, 1) @ (target if order is None else target[:, order])
        found.append(layer_tests(products, null))
    return LayerTests(*(_joined(found, field.name, x.shape[2]) for field in fields(LayerTests)))


def too_few(
    dof: int, n_given: int | Int64[np.ndarray, " targets"]
) -> bool | np.bool_ | Bool[np.ndarray, " targets"]:
    """Whether fewer than 20 samples are left beyond 3 and the sources given."""
    return dof - 2 - n_given < LEAST_FREEDOM


def _joined(found: Sequence[LayerTests], name: str, n: int) -> Float64[np.ndarray, "sources targets"]:
    return np.column_stack([np.empty((n, 0)), *(getattr(tests, name) for tests in found)])


def _given(
    x: Layers,
    target: Float64[np.ndarray, "layers n 1"],
    chosen: Int64[np.ndarray, " _"],
    groups: Int64[np.ndarray, " n"],
    lost: int,
    order: Int64[np.ndarray, " n"] | None,
) -> LayerTests:
    """All sources with one target; the sources that are given, and all where samples are too few, are not tested."""
    sizes = group_sizes(groups)
    if too_few(freedom(sizes, lost), len(chosen)):
        return LayerTests(*np.full((len(fields(LayerTests)), x.shape[2], 1), np.nan))
    bases = [_basis(layer[:, chosen]) for layer in x]
    e, f = _residuals(x, bases), _residuals(target, bases)
    if order is not None:
        f = _residuals(f[:, order], bases)
    e[:, :, chosen] = 0
    own = (sizes - 1) * freedom(sizes, lost) / freedom(sizes)
    lost += max(basis.shape[1] for basis in bases)
    noise = _noise(Side.of(f, groups), own[:, None] - _taken(bases, groups), lost)
    null = Null(Side.of(e, groups), noise, freedom(sizes, lost), floor=VARIANCE_FLOOR)
    return layer_tests(e.transpose(0, 2, 1) @ f, null)


def _basis(given: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "n rank"]:
    """An orthonormal basis of what the columns span."""
    left, sizes, _ = np.linalg.svd(given, full_matrices=False)
    return left[:, sizes > LEAST_DIRECTION * sizes.max(initial=0)]


def _residuals(columns: Layers, bases: Sequence[Float64[np.ndarray, "n _"]]) -> Layers:
    """The columns without their parts along the bases, of length 1; zero where next to nothing is left."""
    left = np.stack([layer - basis @ (basis.T @ layer) for layer, basis in zip(columns, bases, strict=True)])
    lengths = np.sqrt(np.einsum("lnk,lnk->lk", left, left))
    before = np.sqrt(np.einsum("lnk,lnk->lk", columns, columns))
    kept = lengths > LEAST_RESIDUAL * before
    return left * np.where(kept, 1 / np.where(kept, lengths, 1), 0)[:, None]


def _taken(
    bases: Sequence[Float64[np.ndarray, "n _"]], groups: Int64[np.ndarray, " n"]
) -> Float64[np.ndarray, "groups pairs"]:
    """What the bases of two layers take of the degrees of freedom of each group, for each set of two.

    With M = I - QQ' of a layer: by how much the group's part of the trace of M_p M_q is below its number of samples.
    """
    leverages = [np.square(basis).sum(1) for basis in bases]
    of_samples = np.stack(
        [
            leverages[p] + leverages[q] - ((bases[p] @ (bases[p].T @ bases[q])) * bases[q]).sum(1)
            for p, q in layer_sets(len(bases), 2)
        ]
    )
    return np.stack([of_samples[:, groups == group].sum(1) for group in np.unique(groups)])


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
