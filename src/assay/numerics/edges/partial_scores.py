"""Tests of association given some sources, on unit columns whose parts along those sources are taken out."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.edges.layer_tests import LayerTests, layer_tests
from assay.numerics.edges.permutation_moments import SideProducts, layer_sets, side_products

LEAST_DIRECTION = 1e-6  # of the largest singular value: a smaller one spans nothing
LEAST_RESIDUAL = 1e-6  # of the length of a column: a shorter one is explained
LEAST_FREEDOM = 20  # samples beyond 3 and the sources given; below, nothing is tested
VARIANCE_FLOOR = 0.2  # in units of one layer's; where the layers of a target cancel

Layers = Float64[np.ndarray, "layers n k"]


def partial_tests(
    x: Float64[np.ndarray, "layers n sources"],
    y: Float64[np.ndarray, "layers n targets"],
    given: Sequence[Int64[np.ndarray, " _"]],
    *,
    dof: int,
    order: Int64[np.ndarray, " n"] | None = None,
) -> LayerTests:
    """The tests of every source x with each target y given the sources `given[j]` of target j.

    `dof` is n - 1 where columns are only centred. A target that nothing is given for has its plain tests. With `order`
    the rows of what is left of a target are taken in that order and projected again: a draw from the null.
    Source: after Freedman, Lane 1983; the degrees of freedom of two layers were derived for this project.
    """
    whole = side_products(x) if any(len(chosen) == 0 for chosen in given) else None
    found = []
    for j, chosen in enumerate(given):
        target = y[:, :, j : j + 1]
        if whole is None or len(chosen):
            found.append(_given(x, target, chosen, dof, order))
            continue
        target = target if order is None else target[:, order]
        products = x.transpose(0, 2, 1) @ target
        found.append(layer_tests(products, whole, side_products(target), dof=dof))
    return LayerTests(*(_joined(found, field.name, x.shape[2]) for field in fields(LayerTests)))


def too_few(
    dof: int, n_given: int | Int64[np.ndarray, " targets"]
) -> bool | np.bool_ | Bool[np.ndarray, " targets"]:
    """Whether fewer than 20 samples are left beyond 3 and the sources given."""
    return dof - 2 - n_given < LEAST_FREEDOM


def _joined(found: Sequence[LayerTests], name: str, n: int) -> Float64[np.ndarray, "sources targets"]:
    return np.column_stack([np.empty((n, 0)), *(getattr(tests, name) for tests in found)])


def _given(
    x: Float64[np.ndarray, "layers n sources"],
    target: Float64[np.ndarray, "layers n 1"],
    chosen: Int64[np.ndarray, " _"],
    dof: int,
    order: Int64[np.ndarray, " n"] | None,
) -> LayerTests:
    """All sources with one target; the sources that are given, and all where samples are too few, are not tested."""
    bases = [_basis(layer[:, chosen]) for layer in x]
    e, f = _residuals(x, bases), _residuals(target, bases)
    if order is not None:
        f = _residuals(f[:, order], bases)
    e[:, :, chosen] = 0
    if too_few(dof, len(chosen)):
        e[:] = 0
    left = max(dof - max(basis.shape[1] for basis in bases), 2)
    of_f = _rescaled(side_products(f), bases, dof)
    products = e.transpose(0, 2, 1) @ f
    return layer_tests(products, side_products(e), of_f, dof=left, least_variance=VARIANCE_FLOOR / left)


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


def _rescaled(target: SideProducts, bases: Sequence[Float64[np.ndarray, "n _"]], dof: int) -> SideProducts:
    """The products of a target's layers as those of its noise: two bases take more from f_p . f_q than from lengths.

    With I - QQ' of both layers the trace of their product is d_pq; (f_p . f_q) sqrt(d_pp d_qq)/d_pq estimates the
    correlation of the noise.
    """
    pairs = target.pairs.copy()
    for row, (p, q) in enumerate(layer_sets(target.n_layers, 2)):
        ranks = bases[p].shape[1], bases[q].shape[1]
        shared = dof - sum(ranks) + np.square(bases[p].T @ bases[q]).sum()
        scale = np.sqrt(np.prod([max(dof - rank, 1) for rank in ranks])) / max(shared, 1)
        pairs[row] = np.clip(pairs[row] * scale, -1, 1)
    return SideProducts(target.n_layers, pairs, target.triples)
