"""The upper tail of a standardised Pearson III distribution."""

import numpy as np
from jaxtyping import Float64, Int64
from scipy import special

NORMAL = 1e-3  # a smaller skewness is none
TRUSTED_SKEW = 0.2  # up to it, and of z between these two, the quick normal quantile errs by less than 0.06
LEAST_TRUSTED, MOST_TRUSTED = -4.0, 6.0
MARGIN = 0.12  # of two such errors
LEAST = float(np.finfo(np.float64).tiny)  # the smallest p; 0 would say that no permutation can do it


def upper_tail(
    z: Float64[np.ndarray, "*pairs"], skew: Float64[np.ndarray, "*pairs"]
) -> Float64[np.ndarray, "*pairs"]:
    """The probability of z or more where mean, variance and skewness are 0, 1 and `skew`; NaN where z is.

    A gamma distribution of shape k = 4/skew^2, mirrored for a negative skewness: Q(k, k + z sqrt(k)) or
    P(k, k - z sqrt(k)). Both keep their relative precision far out; below 2.2e-308 the answer is that number.
    """
    tail = special.ndtr(-z)
    skewed = np.abs(skew) >= NORMAL
    k = 4 / skew[skewed] ** 2
    right = skew[skewed] > 0
    at = np.maximum(0.0, k + np.sign(skew[skewed]) * z[skewed] * np.sqrt(k))
    found = np.empty(len(k))
    found[right] = special.gammaincc(k[right], at[right])
    found[~right] = special.gammainc(k[~right], at[~right])
    tail[skewed] = found
    return np.maximum(tail, LEAST)


def smallest_tail(
    z: Float64[np.ndarray, "n *pairs"], skew: Float64[np.ndarray, "n *pairs"]
) -> tuple[Int64[np.ndarray, "*pairs"], Float64[np.ndarray, "*pairs"]]:
    """Which of n has the smallest upper tail, the first of equal ones, and that tail; NaN where all are.

    Exact: only those are worked out that may be the smallest, by a normal quantile that costs next to nothing.
    Source: Wilson, Hilferty 1931, The distribution of chi-square, PNAS 17.
    """
    slope = np.where(np.abs(skew) >= NORMAL, skew, NORMAL)
    quick = 6 / slope * (np.cbrt(1 + slope * z / 2) - 1) + slope / 6
    trusted = (np.abs(skew) <= TRUSTED_SKEW) & (z >= LEAST_TRUSTED) & (z <= MOST_TRUSTED)
    highest = np.where(trusted, quick, -np.inf).max(0)
    asked = ~np.isnan(z) & (~trusted | (quick >= highest - MARGIN))
    tails = np.full(z.shape, np.inf)
    tails[asked] = upper_tail(z[asked], skew[asked])
    first = tails.argmin(0)
    tail = np.take_along_axis(tails, first[None], 0)[0]
    return first, np.where(np.isinf(tail), np.nan, tail)
