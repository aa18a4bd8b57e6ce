"""Samples that are not independent: what one driver does to all columns, and replicates of a unit."""

import numpy as np
from jaxtyping import Float64, Int64

from assay.numerics.edges.unit_columns import unit_length

LEAST_RESIDUAL = 1e-6  # of a column of length 1: a shorter one is the driver itself

Layers = Float64[np.ndarray, "layers n k"]


def without_mean_column(units: Layers) -> Layers:
    """Unit columns less their regression on the mean of the columns of their layer, of length 1 again.

    What all columns of a side share, a common driver, is taken out, and with it an effect on all of them. Sums over
    layers then vary as with 2 degrees of freedom less: one for each side.
    """
    mean = units.mean(2, keepdims=True)  # (layers, n, 1)
    square = np.square(mean).sum(1, keepdims=True)
    slopes = mean.transpose(0, 2, 1) @ units / np.where(square > 0, square, 1)
    left = units - mean * slopes
    return unit_length(left, np.square(left).sum(1) > LEAST_RESIDUAL**2)


def unit_means(values: Layers, units: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, "layers units k"]:
    """The mean of the samples of each unit, in ascending order of their codes."""
    _, number, counts = np.unique(units, return_inverse=True, return_counts=True)
    order = np.argsort(number, kind="stable")
    starts = np.cumsum(counts) - counts
    return np.add.reduceat(values[:, order], starts, axis=1) / counts[:, None]
