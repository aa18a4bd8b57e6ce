"""How alike two maps order their positions."""

import numpy as np
from jaxtyping import Float, Float64

from assay.numerics.ranks import average_ranks


def rank_agreement(
    one: Float[np.ndarray, "n p"], other: Float[np.ndarray, "n p"]
) -> Float64[np.ndarray, " n"]:
    """Spearman's correlation of the rows, -1 to 1, ties sharing their mean rank; NaN where a row is constant."""
    x, y = (_centred_ranks(rows) for rows in (one, other))
    with np.errstate(invalid="ignore"):  # 0 / 0 of a constant row
        return (x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1))


def _centred_ranks(rows: Float[np.ndarray, "n p"]) -> Float64[np.ndarray, "n p"]:
    return average_ranks(rows.T).T - (rows.shape[1] + 1) / 2
