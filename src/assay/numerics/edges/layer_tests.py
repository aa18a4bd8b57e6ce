"""One-sided tests of association in several layers: in their mean, in the strongest of them, and in either."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from assay.numerics.edges.pearson_iii import upper_tail
from assay.numerics.edges.permutation_moments import SideProducts, third_moment, third_moment_scale, variance

LEAST_VARIANCE = 1e-6  # of the sum, in units of that of layers that are all alike; below, it is rounding
FAR = 1e-8  # below, the tangent of the Cauchy combination is 1/(pi p)
NEARLY_ONE = 1 - 1e-12  # where the tangent is still a number

Pairs = Float64[np.ndarray, "sources targets"]


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


def layer_tests(
    products: Float64[np.ndarray, "layers sources targets"],
    x: SideProducts,
    y: SideProducts,
    *,
    dof: int,
    least_variance: float = 0.0,
) -> LayerTests:
    """The tests of inner products of unit columns, one a layer, that are exchangeable under the null.

    Moments are exact, tails those of Pearson III. Source: Josse, Pages, Husson 2008, Testing the significance of
    the RV coefficient, for the tail; Liu, Xie 2020 for the combination.
    """
    of_mean = mean_test(products, x, y, dof=dof, least_variance=least_variance)
    return LayerTests(*of_mean, *strongest_test(products, x, y, dof=dof))


def mean_test(
    products: Float64[np.ndarray, "layers sources targets"],
    x: SideProducts,
    y: SideProducts,
    *,
    dof: int,
    least_variance: float = 0.0,
) -> tuple[Pairs, Pairs, Pairs]:
    """z, skewness and p of the mean over layers."""
    spread = np.maximum(variance(x, y, dof=dof), least_variance)
    common = x.used.T.astype(np.float64) @ y.used > 0
    tested = common & (spread >= LEAST_VARIANCE * len(products) ** 2 / dof)
    spread = np.where(tested, spread, np.nan)
    z, skew = products.sum(0) / np.sqrt(spread), third_moment(x, y, dof=dof) / spread**1.5
    return z, skew, _tail(z, skew)


def strongest_test(
    products: Float64[np.ndarray, "layers sources targets"], x: SideProducts, y: SideProducts, *, dof: int
) -> tuple[Pairs, Pairs, Pairs]:
    """z, skewness and Bonferroni's p of the layer with the smallest p."""
    scale = third_moment_scale(dof) * dof**1.5
    best = np.full((3, *products.shape[1:]), np.nan)
    for layer, product in enumerate(products):
        z = np.where(np.outer(x.used[layer], y.used[layer]), product * np.sqrt(dof), np.nan)
        skew = scale * np.outer(x.cubes[layer], y.cubes[layer])
        p = _tail(z, skew)
        better = (p < best[2]) | np.isnan(best[2])
        for kept, found in zip(best, (z, skew, p), strict=True):
            np.copyto(kept, found, where=better)
    z, skew, p = best
    n_used = x.used.T.astype(np.float64) @ y.used
    return z, np.where(np.isnan(z), np.nan, skew), np.minimum(1.0, p * n_used)


def cauchy_combination(one: Pairs, other: Pairs) -> Pairs:
    """The p of either of two: 1/2 - atan(t)/pi, t the mean of tan(pi (1/2 - p))."""
    t = (_tangent(one) + _tangent(other)) / 2
    return np.where(t > 1, np.arctan(1 / np.where(t > 1, t, 1)) / np.pi, 0.5 - np.arctan(t) / np.pi)


def _tail(z: Pairs, skew: Pairs) -> Pairs:
    return upper_tail(z, np.nan_to_num(skew))


def _tangent(p: Pairs) -> Pairs:
    far = p < FAR
    near = np.tan(np.pi * (0.5 - np.minimum(p, NEARLY_ONE)))
    return np.where(far, 1 / (np.pi * np.where(far, p, 1)), near)
