"""How far apart in time samples must be to count as independent."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

LENGTHS_APART = 3  # correlation lengths from one kept sample to the next
ROUNDING = 1e-12  # a spread below this share of the values is no spread


def leading_autocorrelation(x: Float[Tensor, "n d"]) -> float:
    """Lag-1 autocorrelation of the first principal component of rows in time order, -1 to 1.

    0 where all rows are equal.
    """
    centred = x.double() - x.double().mean(0)
    if centred.abs().max() <= ROUNDING * x.abs().max():
        return 0.0
    _, _, components = torch.linalg.svd(centred, full_matrices=False)
    scores = centred @ components[0]
    return float(scores[1:] @ scores[:-1] / (scores @ scores))


def autocorrelation_threshold(n: int) -> float:
    """What the lag-1 autocorrelation of n independent samples exceeds 1 time in 40: 2 / sqrt(n)."""
    return 2 / math.sqrt(n)


def thinning_step(autocorrelation: float, n: int) -> int:
    """Every how many-th of n samples in time order is kept; 1 keeps all.

    Kept samples lie at least 3 correlation lengths apart, which for a first-order autoregression are
    -1 / ln(autocorrelation) samples. All are kept where the autocorrelation is not above its threshold.
    """
    if autocorrelation <= autocorrelation_threshold(n):
        return 1
    return math.ceil(-LENGTHS_APART / math.log(autocorrelation))
