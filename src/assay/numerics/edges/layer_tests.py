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
class Moments:
    """Variance and third moment of sums of mean 0; one of less than `least` does not vary but by rounding."""

    second: Float64[np.ndarray, "*pairs"]
    third: Float64[np.ndarray, "*pairs"]
    least: float

    def standardised(
        self, sums: Float64[np.ndarray, "*pairs"]
    ) -> tuple[Float64[np.ndarray, "*pairs"], Float64[np.ndarray, "*pairs"]]:
        """z and skewness of such sums; NaN where they do not vary."""
        spread = np.where(self.second >= self.least, self.second, np.nan)
        deviation = np.sqrt(spread)
        return sums / deviation, self.third / (spread * deviation)


@dataclass(frozen=True, slots=True)
class Null:
    """One side of unit columns, and the moments of the other when its samples are permuted within their groups."""

    x: Side
    y: Sequence[GroupProducts]
    dof: int

    @classmethod
    def of(cls, x: Side, y: Side, *, lost: int = 0) -> "Null":
        """With so many degrees of freedom lost beside the means of groups."""
        return cls(x, permuted(y, lost=lost), freedom(y.sizes, lost))

    def of_sums(self) -> Moments:
        """Of the sums over layers of inner products."""
        return Moments(*sum_moments(self.x, self.y), LEAST_VARIANCE * self.x.n_layers**2 / self.dof)

    def of_layers(self) -> Moments:
        """Of the inner products of each layer."""
        return Moments(*layer_moments(self.x, self.y), LEAST_VARIANCE / self.dof)


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
    return LayerTests(
        *mean_test(products.sum(0), null.of_sums()), *strongest_test(products, null.of_layers())
    )


def mean_test(sums: Pairs, moments: Moments) -> tuple[Pairs, Pairs, Pairs]:
    """z, skewness and p of the mean over layers, of the sums over layers."""
    z, skew = moments.standardised(sums)
    return z, skew, upper_tail(z, np.nan_to_num(skew))


def strongest_test(products: PerLayer, moments: Moments) -> tuple[Pairs, Pairs, Pairs]:
    """z, skewness and Bonferroni's p of the layer with the smallest p."""
    z, skew = moments.standardised(products)
    layer, p = smallest_tail(z, np.nan_to_num(skew))
    n_tested = np.count_nonzero(moments.second >= moments.least, axis=0)
    z, skew = (np.take_along_axis(values, layer[None], 0)[0] for values in (z, skew))
    return z, skew, np.minimum(1.0, p * n_tested)


def cauchy_combination(one: Pairs, other: Pairs) -> Pairs:
    """The p of either of two: 1/2 - atan(t)/pi, t the mean of tan(pi (1/2 - p))."""
    t = (_tangent(one) + _tangent(other)) / 2
    return np.where(t > 1, np.arctan(1 / np.where(t > 1, t, 1)) / np.pi, 0.5 - np.arctan(t) / np.pi)


def _tangent(p: Pairs) -> Pairs:
    far = p < FAR
    near = np.tan(np.pi * (0.5 - np.minimum(p, NEARLY_ONE)))
    return np.where(far, 1 / (np.pi * np.where(far, p, 1)), near)
