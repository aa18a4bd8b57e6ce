"""What sums over layers of inner products do when the samples of one side are permuted: their exact moments.

Samples are permuted within their group, and columns are centred there. Groups are then independent, so that
the second and third central moments of their parts of a sum add up.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np
from jaxtyping import Float64, Int64

HELD_NUMBERS = (
    2**26
)  # products of a side that are kept; of more, those of some groups are made anew each time
SETS_AT_A_TIME = 1024  # groups times sets of layers

Layers = Float64[np.ndarray, "layers n k"]
Rows = Float64[np.ndarray, "layers k n"]  # each column next to itself in memory
Pairs = Float64[np.ndarray, "sources targets"]
PerLayer = Float64[np.ndarray, "layers sources targets"]


@dataclass(frozen=True, slots=True)
class GroupProducts:
    """Of some groups, for each set of layers: sums over the samples of a group, or moments made of them."""

    pairs: Float64[np.ndarray, "groups pairs k"]  # of c_p c_q
    triples: Float64[np.ndarray, "groups triples k"]  # of c_p c_q c_r


@dataclass(frozen=True, slots=True)
class Side:
    """Columns of one side that are centred within each group of samples, the samples of a group side by side."""

    rows: Rows
    starts: Int64[np.ndarray, " groups"]
    held: tuple[GroupProducts, ...] | None

    @classmethod
    def of(cls, columns: Layers, groups: Int64[np.ndarray, " n"]) -> "Side":
        """Columns whose samples may be in any order."""
        order, starts = grouped(groups)
        if np.any(order[1:] < order[:-1]):
            columns = columns[:, order]
        return cls.of_rows(np.ascontiguousarray(columns.transpose(0, 2, 1)), starts)

    @classmethod
    def of_rows(cls, rows: Rows, starts: Int64[np.ndarray, " groups"]) -> "Side":
        """Columns whose samples are in the order of their groups, which start there."""
        side = cls(rows, starts, None)
        if len(starts) * _n_sets(side.n_layers) * rows.shape[1] > HELD_NUMBERS:
            return side
        return cls(rows, starts, tuple(side.products()))

    @property
    def n_layers(self) -> int:
        """Layers of every column."""
        return len(self.rows)

    @property
    def sizes(self) -> Int64[np.ndarray, " groups"]:
        """Samples of each group."""
        return np.diff(self.starts, append=self.rows.shape[2])

    def part(self, chosen: slice) -> "Side":
        """Some of the columns."""
        rows = self.rows[:, chosen]
        if self.held is None:
            return self.of_rows(rows, self.starts)
        held = (GroupProducts(one.pairs[..., chosen], one.triples[..., chosen]) for one in self.held)
        return Side(rows, self.starts, tuple(held))

    def products(self) -> Iterator[GroupProducts]:
        """The sums of all groups, some groups at a time."""
        if self.held is not None:
            yield from self.held
            return
        ends = self.starts + self.sizes
        n_groups = max(1, SETS_AT_A_TIME // _n_sets(self.n_layers))
        for first in range(0, len(ends), n_groups):
            starts = self.starts[first : first + n_groups]
            end = ends[first : first + n_groups][-1]
            yield _products(self.rows[:, :, starts[0] : end], starts - starts[0])


def permuted(side: Side, *, lost: int = 0) -> list[GroupProducts]:
    """Covariances, and third cumulants, of what a sample of each group has once samples are permuted.

    Of n samples of a group sum c_p c_q/(n - 1) and n sum c_p c_q c_r/((n - 1)(n - 2)). `lost` are degrees of
    freedom that the columns have lost beside the means of groups; every group bears its share.
    """
    sizes, dof = side.sizes.astype(np.float64), freedom(side.sizes)
    left = freedom(side.sizes, lost)
    of_pairs = np.where(sizes > 1, 1 / np.maximum(sizes - 1, 1), 0) * dof / left
    of_triples = _third_scales(sizes) * third_moment_scale(left) / third_moment_scale(dof)
    found, first = [], 0
    for one in side.products():
        groups = slice(first, first + len(one.pairs))
        first = groups.stop
        pairs = one.pairs * of_pairs[groups, None, None]
        found.append(GroupProducts(pairs, one.triples * of_triples[groups, None, None]))
    return found


def grouped(
    groups: Int64[np.ndarray, " n"],
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " groups"]]:
    """The samples in the order of their groups, and where each group then starts."""
    order = np.argsort(groups, kind="stable")
    return order, np.unique(groups[order], return_index=True)[1]


def group_sizes(groups: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " groups"]:
    """Samples of each group, by ascending code."""
    return np.unique(groups, return_counts=True)[1]


def freedom(sizes: Int64[np.ndarray, " groups"], lost: int = 0) -> int:
    """Degrees of freedom of samples that are centred within groups of these sizes, at least 2."""
    return max(int(sizes.sum()) - len(sizes) - lost, 2)


def sum_moments(x: Side, y: Sequence[GroupProducts]) -> tuple[Pairs, Pairs]:
    """Variance and third central moment of T = sum over layers of x_p . y_p; `y` is what `permuted` gives.

    Over groups the sums of sum_pq (x_p . x_q) cov(y_p, y_q), and likewise of triples of layers: exact.
    Source: after Kazi-Aoual et al. 1995, Refined approximations to permutation tests for multivariate inference.
    """
    of_pairs, of_triples = (_multiplicities(x.n_layers, size) for size in (2, 3))
    second = third = np.zeros(())
    for ours, theirs in zip(x.products(), y, strict=True):
        second = second + _flat(ours.pairs).T @ _flat(theirs.pairs * of_pairs)
        third = third + _flat(ours.triples).T @ _flat(theirs.triples * of_triples)
    return second, third


def layer_moments(x: Side, y: Sequence[GroupProducts]) -> tuple[PerLayer, PerLayer]:
    """The same of x_p . y_p, of each layer by itself."""
    alike = [[len(set(layers)) == 1 for layers in layer_sets(x.n_layers, size)] for size in (2, 3)]
    second = third = np.zeros(())
    for ours, theirs in zip(x.products(), y, strict=True):
        second = second + _by_layer(ours.pairs[:, alike[0]], theirs.pairs[:, alike[0]])
        third = third + _by_layer(ours.triples[:, alike[1]], theirs.triples[:, alike[1]])
    return second, third


def layer_sets(n_layers: int, size: int) -> list[tuple[int, ...]]:
    """All multisets of layers of a size, in the order of `GroupProducts`."""
    return list(combinations_with_replacement(range(n_layers), size))


def third_moment_scale(dof: int) -> float:
    """n/((n-1)(n-2)) of n = dof + 1 samples."""
    return (dof + 1) / (dof * (dof - 1))


def _products(rows: Rows, starts: Int64[np.ndarray, " groups"]) -> GroupProducts:
    pairs, triples = [], []
    for p, one in enumerate(rows):
        pairs.append(_group_sums(one, rows[p:], starts))
        triples += [_group_sums(one * rows[q], rows[q:], starts) for q in range(p, len(rows))]
    return GroupProducts(*(np.concatenate(sums, axis=1) for sums in (pairs, triples)))


def _group_sums(
    one: Float64[np.ndarray, "k n"], others: Rows, starts: Int64[np.ndarray, " groups"]
) -> Float64[np.ndarray, "groups layers k"]:
    """Of the products of columns with the same columns of each layer."""
    if len(starts) == 1:
        return np.vecdot(one, others)[None]
    return np.stack([np.add.reduceat(one * other, starts, axis=1).T for other in others], axis=1)


def _third_scales(sizes: Float64[np.ndarray, " groups"]) -> Float64[np.ndarray, " groups"]:
    """n/((n-1)(n-2)) of each group; 0 of 1 or 2 samples, whose sums cannot be skewed."""
    return np.where(sizes > 2, sizes / np.maximum((sizes - 1) * (sizes - 2), 1), 0)


def _flat(products: Float64[np.ndarray, "groups sets k"]) -> Float64[np.ndarray, "all k"]:
    return products.reshape(-1, products.shape[2])


def _by_layer(
    ours: Float64[np.ndarray, "groups layers sources"], theirs: Float64[np.ndarray, "groups layers targets"]
) -> PerLayer:
    return ours.transpose(1, 2, 0) @ theirs.transpose(1, 0, 2)


def _n_sets(n_layers: int) -> int:
    return sum(len(layer_sets(n_layers, size)) for size in (2, 3))


def _multiplicities(n_layers: int, size: int) -> Float64[np.ndarray, "sets 1"]:
    """How many tuples of layers are each multiset."""
    counts = [Counter(layers).values() for layers in layer_sets(n_layers, size)]
    return np.array([[factorial(size) / prod(map(factorial, count))] for count in counts])
