"""Linear CKA of representations: debiased and biased, its chance level and its interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from scipy import special
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

LEAST_SAMPLES = 4  # below, the debiased estimator divides by zero
GROUPS = 20  # of the jackknife
RESOLUTION = 1e-10  # a debiased self-similarity below this share of the biased one is rounding
ROUNDING = 1e-12  # a column whose spread is below this share of its values is constant
NEARLY_ONE = 1 - 1e-12  # where atanh is still a number


@dataclass(frozen=True, slots=True)
class CkaTables:
    """CKA of every x (rows) with every y (columns); NaN where one of the two is constant.

    `biased` is a number wherever both vary at all. `x_varies` and `y_varies`, as `debiased`, ask for more: that
    pairs of rows differ in their inner products, and that no row outweighs the others 10^6 times. `low` and
    `high` bound the debiased score with confidence 0.95; NaN also below 20 samples.
    """

    debiased: Float64[Tensor, "xs ys"]
    biased: Float64[Tensor, "xs ys"]
    low: Float64[Tensor, "xs ys"]
    high: Float64[Tensor, "xs ys"]
    x_varies: tuple[bool, ...]
    y_varies: tuple[bool, ...]


def linear_cka(x: Float[Tensor, "n p"], y: Float[Tensor, "n q"]) -> float:
    """Debiased linear CKA; 0 for independent representations, 1 for equal ones up to rotation and scale.

    May be negative: it is an estimate, and `chance_sd` is its spread around 0.
    Source: Kornblith et al. 2019 (arXiv:1905.00414); unbiased HSIC of Song et al. 2012.

    Raises:
        ValueError: fewer than 4 samples, or a side that is constant, where the score is 0/0.
    """
    tables = cka_tables([x], [y])
    for side, varies in (("x", tables.x_varies), ("y", tables.y_varies)):
        if not varies[0]:
            raise ValueError(
                f"{side} is constant over its {len(x)} samples, or one of them outweighs the rest 10^6 times; "
                "CKA is 0/0 there"
            )
    return float(tables.debiased)


def chance_sd(n: int) -> float:
    """Standard deviation of the debiased CKA, whose mean is 0, when the rows of one side are permuted.

    Exact for any data and width: sqrt(2 / (n (n - 3))).
    """
    return math.sqrt(2 / (n * (n - 3)))


def cka_tables(xs: Sequence[Float[Tensor, "_ _"]], ys: Sequence[Float[Tensor, "_ _"]]) -> CkaTables:
    """Debiased and biased linear CKA of every pair, and the interval of the debiased one.

    In float64 and without an n x n matrix, O(n p q) a pair. The interval is a jackknife on atanh(CKA): one of
    20 contiguous groups of rows is left out at a time, with Student's t of 19 degrees of freedom; so rows
    must be exchangeable, or in time order. A side where a single row is about 10^6 times longer than the
    others counts as constant: beside that row nothing is left above rounding.

    Raises:
        ValueError: no side, fewer than 4 samples, different numbers of them, or values that are not finite.
    """
    kept = _kept(_n_samples([*xs, *ys]))
    x_sides, y_sides = [_side(x, kept) for x in xs], [_side(y, kept) for y in ys]
    x_squares, x_hsic = _self_similarities(x_sides)  # (xs, subsets)
    y_squares, y_hsic = _self_similarities(y_sides)
    squares = torch.stack([torch.stack([_squares(x, y) for y in y_sides]) for x in x_sides])
    hsic = squares + _corrections(x_sides, y_sides)  # (xs, ys, subsets)
    debiased = hsic / (x_hsic[:, None] * y_hsic).sqrt()
    biased = squares / (x_squares[:, None] * y_squares).sqrt()
    low, high = _interval(debiased)
    return CkaTables(
        debiased=debiased[:, :, 0],
        biased=biased[:, :, 0],
        low=low,
        high=high,
        x_varies=tuple((~x_hsic[:, 0].isnan()).tolist()),
        y_varies=tuple((~y_hsic[:, 0].isnan()).tolist()),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """One representation: its rows by group and, of its Gram matrix K without diagonal, what pairs need."""

    groups: Float64[Tensor, "groups rows d"]  # centred; padded with rows of zeros
    kept: Float64[Tensor, "subsets n"]
    lengths: Float64[Tensor, "subsets n"]  # squared; the diagonal that K lacks
    row_sums: Float64[Tensor, "subsets n"]  # of K over the subset


def _n_samples(sides: Sequence[Tensor]) -> int:
    counts = sorted({len(side) for side in sides})
    if len(counts) != 1:
        raise ValueError(f"CKA compares the same samples on both sides; got {counts} of them")
    if counts[0] < LEAST_SAMPLES:
        raise ValueError(f"debiased CKA needs {LEAST_SAMPLES} samples or more; got {counts[0]}")
    if not all(side.isfinite().all() for side in sides):
        raise ValueError("CKA needs finite values; got some that are not")
    return counts[0]


def _kept(n: int) -> Float64[Tensor, "subsets n"]:
    """1 where a subset holds a row, else 0: the whole first, then, from 20 rows on, all groups but one."""
    whole = torch.ones(1, n, dtype=torch.float64)
    if n < GROUPS:
        return whole
    group = torch.repeat_interleave(torch.tensor([len(rows) for rows in whole[0].tensor_split(GROUPS)]))
    return torch.cat([whole, (group != torch.arange(GROUPS)[:, None]).double()])


def _side(x: Tensor, kept: Float64[Tensor, "subsets n"]) -> _Side:
    rows = _scores(x)
    groups = list(rows.tensor_split(max(1, len(kept) - 1)))
    lengths = kept * rows.square().sum(1)
    row_sums = kept * (kept @ rows @ rows.T) - lengths
    return _Side(pad_sequence(groups, batch_first=True), kept, lengths, row_sums)


def _scores(x: Float[Tensor, "n p"]) -> Float64[Tensor, "n d"]:
    """The rows, scaled and centred, in at most n coordinates: CKA knows only their inner products."""
    x = x.double() / x.double().abs().max().clamp(min=torch.finfo(torch.float64).tiny)
    sizes = x.abs().amax(0)
    x = x - x.mean(0)
    x = x.where(x.abs().amax(0) > ROUNDING * sizes, 0.0)
    n, width = x.shape
    return x if width <= n else torch.linalg.qr(x.T, mode="r").R.T


def _self_similarities(
    sides: list[_Side],
) -> tuple[Float64[Tensor, "sides subsets"], Float64[Tensor, "sides subsets"]]:
    """|x'x|^2 and the debiased HSIC of x with itself, NaN where that is rounding."""
    squares = torch.stack([_squares(x, x) for x in sides])
    hsic = squares + torch.stack([_corrections([x], [x])[0, 0] for x in sides])
    return squares, hsic.where(hsic > RESOLUTION * squares, torch.nan)


def _squares(x: _Side, y: _Side) -> Float64[Tensor, " subsets"]:
    """|x'y|^2, squared and summed, on every subset: tr KL of the Gram matrices with their diagonals."""
    products = x.groups.mT @ y.groups  # (groups, p, q)
    whole = products.sum(0)
    squares = torch.cat([whole.square().sum()[None], (whole - products).square().sum((1, 2))])
    return squares[: len(x.kept)]


def _corrections(xs: list[_Side], ys: list[_Side]) -> Float64[Tensor, "xs ys subsets"]:
    """What n(n-3) HSIC_1 of Song et al. 2012 adds to |x'y|^2, for every pair on every subset."""
    n = xs[0].kept.sum(1)
    x_lengths, y_lengths = (torch.stack([side.lengths for side in sides]) for sides in (xs, ys))
    x_sums, y_sums = (torch.stack([side.row_sums for side in sides]) for sides in (xs, ys))
    diagonals = torch.einsum("xsn,ysn->xys", x_lengths, y_lengths)
    rows = torch.einsum("xsn,ysn->xys", x_sums, y_sums)
    sums = x_sums.sum(2)[:, None] * y_sums.sum(2)
    return sums / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows - diagonals


def _interval(
    debiased: Float64[Tensor, "xs ys subsets"],
) -> tuple[Float64[Tensor, "xs ys"], Float64[Tensor, "xs ys"]]:
    z = debiased.clamp(-NEARLY_ONE, NEARLY_ONE).atanh()
    whole, replicates = z[:, :, 0], z[:, :, 1:]
    groups = replicates.shape[2]
    if groups == 0:
        return torch.full_like(whole, torch.nan), torch.full_like(whole, torch.nan)
    spread = (groups - 1) * replicates.var(2, correction=0)
    reach = special.stdtrit(groups - 1, 0.975) * spread.sqrt()
    return (whole - reach).tanh(), (whole + reach).tanh()
