"""The upper tail of a standardised Pearson III distribution."""

import numpy as np
from jaxtyping import Float64
from scipy import special

NORMAL = 1e-3  # a smaller skewness is none
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
