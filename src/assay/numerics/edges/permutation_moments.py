"""What sums over layers of inner products do when the samples of one side are permuted: their exact moments."""

from collections import Counter
from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np
from jaxtyping import Bool, Float64


@dataclass(frozen=True, slots=True)
class SideProducts:
    """Inner products of the layers of each column of one side; by symmetry each set of layers once."""

    n_layers: int
    pairs: Float64[np.ndarray, "pairs k"]  # sum over samples of c_p c_q
    triples: Float64[np.ndarray, "triples k"]  # of c_p c_q c_r

    @property
    def used(self) -> Bool[np.ndarray, "layers k"]:
        """Where a column is no zero vector."""
        return self.pairs[[p == q for p, q in layer_sets(self.n_layers, 2)]] > 0

    @property
    def cubes(self) -> Float64[np.ndarray, "layers k"]:
        """Sum over samples of c_p^3."""
        return self.triples[[p == q == r for p, q, r in layer_sets(self.n_layers, 3)]]

    def part(self, columns: slice) -> "SideProducts":
        """Those of some columns."""
        return SideProducts(self.n_layers, self.pairs[:, columns], self.triples[:, columns])


def layer_sets(n_layers: int, size: int) -> list[tuple[int, ...]]:
    """All multisets of layers of a size, in the order of `SideProducts`."""
    return list(combinations_with_replacement(range(n_layers), size))


def side_products(columns: Float64[np.ndarray, "layers n k"]) -> SideProducts:
    """The products of each column with itself in other layers."""
    n_layers, _, k = columns.shape
    pairs, triples = [], []
    for p, q in layer_sets(n_layers, 2):
        product = columns[p] * columns[q]
        pairs.append(product.sum(0))
        triples += [np.einsum("nk,nk->k", product, columns[r]) for r in range(q, n_layers)]
    return SideProducts(n_layers, np.reshape(pairs, (-1, k)), np.reshape(triples, (-1, k)))


def variance(x: SideProducts, y: SideProducts, *, dof: int) -> Float64[np.ndarray, "sources targets"]:
    """Of T = sum over layers of x_p . y_p for every pair, over all permutations of the samples of one side.

    1/dof sum_pq (x_p . x_q)(y_p . y_q). For centred columns of n samples dof = n - 1 is exact.
    Source: after Kazi-Aoual et al. 1995, Refined approximations to permutation tests for multivariate inference.
    """
    weights = _multiplicities(x.n_layers, 2)
    return x.pairs.T @ (weights * y.pairs) / dof


def third_moment(x: SideProducts, y: SideProducts, *, dof: int) -> Float64[np.ndarray, "sources targets"]:
    """The third central moment of T, likewise: n/((n-1)(n-2)) sum_pqr of the products of triples, n = dof + 1."""
    weights = _multiplicities(x.n_layers, 3)
    return x.triples.T @ (weights * y.triples) * third_moment_scale(dof)


def third_moment_scale(dof: int) -> float:
    """n/((n-1)(n-2)) of n = dof + 1 samples."""
    return (dof + 1) / (dof * (dof - 1))


def _multiplicities(n_layers: int, size: int) -> Float64[np.ndarray, "sets 1"]:
    """How many tuples of layers are each multiset."""
    counts = [Counter(layers).values() for layers in layer_sets(n_layers, size)]
    return np.array([[factorial(size) / prod(map(factorial, count))] for count in counts])
