"""Draws of samples from a split, the same whatever kind of samples it holds."""

import numpy as np
from jaxtyping import Int64


def drawn_index(n: int, max_samples: int | None, seed: int) -> Int64[np.ndarray, " drawn"]:
    """`max_samples` of 0 .. n-1 without replacement, ascending; all where there are no more."""
    if max_samples is None or n <= max_samples:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, max_samples, replace=False))


def picked(known: np.ndarray | None, index: Int64[np.ndarray, " n"]) -> np.ndarray | None:
    """The rows at `index` of a column that may not be known."""
    return None if known is None else known[index]
