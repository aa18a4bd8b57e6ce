"""The false discovery rate among many tests."""

import numpy as np
from jaxtyping import Float64


def q_values(
    p: Float64[np.ndarray, " n"],
    *,
    m: int,
    others: Float64[np.ndarray, " k"] | None = None,
    limit: float = 1.0,
) -> Float64[np.ndarray, " n"]:
    """The q of each p after Benjamini and Hochberg 1995, in a family of m tests; NaN where p is NaN.

    Of the family, `p` and `others` need only hold what is at most `limit`: a larger p has m p/rank above the limit,
    so every q up to it is exact. Above it q is NaN.
    """
    rows = np.flatnonzero(p <= limit)
    family = p[rows] if others is None else np.concatenate([p[rows], others[others <= limit]])
    order = np.argsort(family)
    steps = (m * family[order] / np.arange(1, len(family) + 1))[::-1]
    q = np.empty(len(family))
    q[order] = np.minimum.accumulate(steps)[::-1]
    found = np.full(len(p), np.nan)
    found[rows] = np.where(q <= limit, q, np.nan)[: len(rows)]
    return found
