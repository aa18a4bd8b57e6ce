"""One-sided tests of association in several layers: in their mean, in the strongest of them, and in either."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from assay.numerics.edges.pearson_iii import smallest_tail, upper_tail
from assay.numerics.edges.permutation_moments import (
    GroupProducts,
    Side,
    freedom,
    layer_moments,
    permuted,
    sum_moments,
)

LEAST_VARIANCE = 1e-6  # of the sum, in units of that of layers that are all alike; below, it is rounding
FAR = 1e-8  # below, the tangent of the Cauchy combination is 1/(pi p)
NEARLY_ONE = 1 - 1e-12  # where the tangent is still a number

Pairs = Float64[np.ndarray, "sources targets"]
PerLayer = Float64[np.ndarray, "layers sources targets"]


@dataclass(frozen=True, slots=True)
class Null:
    """One side of unit columns, and the moments of the other when its samples are permuted within their groups."""

    x: Side
    y: Sequence[GroupProducts]
    dof: int
    floor: float = 0.0  # of the variance of the sum, in units of that of one layer

    @classmethod
    def of(cls, x: Side, y: Side, *, lost: int = 0) -> "Null":
        """With so many degrees of freedom lost beside the means of groups."""
        return cls(x, permuted(y, lost=lost), freedom(y.sizes, lost))


@dataclass(frozen=True, slots=True)
class LayerTests:
    """Of every pair; NaN where it cannot be tested."""

    z: Pairs  # standardised; of the mean over layers
    skew: Pairs
    p: Pairs
    z_max: Pairs  # of the layer with the smallest p
    skew_max: Pairs
    p_max: Pairs  # of the strongest layer, times the number of layers tested

    @property
    def p_omnibus(self) -> Pairs:
        """The Cauchy combination of `p` and `p_max`."""
        return cauchy_combination(self.p, self.p_max)


def layer_tests(products: PerLayer, null: Null) -> LayerTests:
    """The tests of inner products of unit columns, one a layer, that are exchangeable under the null.

    Moments are exact, tails those of Pearson III. Source: Josse, Pages, Husson 2008, Testing the significance of
    the RV coefficient, for the tail; Liu, Xie 2020 for the combination.
    """
    return LayerTests(*mean_test(products.sum(0), null), *strongest_test(products, null))


def mean_test(sums: Pairs, null: Null) -> tuple[Pairs, Pairs, Pairs]:
    """z, skewness and p of the mean over layers, of the sums over layers."""
    z, skew = mean_z(sums, null)
    return z, skew, upper_tail(z, np.nan_to_num(skew))


def mean_z(sums: Pairs, null: Null) -> tuple[Pairs, Pairs]:
    """z and skewness of the mean over layers, of the sums over layers."""
    spread, third = sum_moments(null.x, null.y)
    if null.floor:
        spread = np.maximum(spread, null.floor * layer_moments(null.x, null.y)[0].max(0))
    tested = spread >= LEAST_VARIANCE * null.x.n_layers**2 / null.dof
    spread = np.where(tested, spread, np.nan)
    return sums / np.sqrt(spread), third / spread**1.5


def strongest_test(products: PerLayer, null: Null) -> tuple[Pairs, Pairs, Pairs]:
    """z, skewness and Bonferroni's p of the layer with the smallest p."""
    spread, third = layer_moments(null.x, null.y)
    tested = spread >= LEAST_VARIANCE / null.dof
    spread = np.where(tested, spread, np.nan)
    z, skew = products / np.sqrt(spread), third / spread**1.5
    layer, p = smallest_tail(z, np.nan_to_num(skew))
    z, skew = (np.take_along_axis(values, layer[None], 0)[0] for values in (z, skew))
    return z, skew, np.minimum(1.0, p * tested.sum(0))


def cauchy_combination(one: Pairs, other: Pairs) -> Pairs:
    """The p of either of two: 1/2 - atan(t)/pi, t the mean of tan(pi (1/2 - p))."""
    t = (_tangent(one) + _tangent(other)) / 2
    return np.where(t > 1, np.arctan(1 / np.where(t > 1, t, 1)) / np.pi, 0.5 - np.arctan(t) / np.pi)


def _tangent(p: Pairs) -> Pairs:
    far = p < FAR
    near = np.tan(np.pi * (0.5 - np.minimum(p, NEARLY_ONE)))
    return np.where(far, 1 / (np.pi * np.where(far, p, 1)), near)
