"""How close predictions come to targets, column by column, beside the mean of the targets."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

from assay.numerics.ranks import average_ranks

ROUNDING = 1e-12  # of the mean square: a variance below is none

LOGARITHMS = {"ln": 1.0, "log10": np.log(10.0)}  # natural logarithms in one of each

Columns = Float64[np.ndarray, "n k"]


@dataclass(frozen=True, slots=True)
class Errors:
    """Of each column; NaN where a number is undefined."""

    rmse: Float64[np.ndarray, " k"]
    mae: Float64[np.ndarray, " k"]
    baseline_rmse: Float64[np.ndarray, " k"]  # of the mean of the targets
    baseline_mae: Float64[np.ndarray, " k"]
    r2: Float64[np.ndarray, " k"]  # 1 - (rmse / baseline_rmse)^2; NaN for constant targets
    pearson: Float64[np.ndarray, " k"]  # NaN for constant targets or predictions
    spearman: Float64[np.ndarray, " k"]


def errors(targets: Columns, predictions: Columns) -> Errors:
    """The errors of `predictions`; correlations of ranks use average ranks."""
    error, from_mean = predictions - targets, targets - targets.mean(0)
    baseline, squares = (from_mean**2).mean(0), (error**2).mean(0)
    varies = varying(targets)
    return Errors(
        rmse=np.sqrt(squares),
        mae=np.abs(error).mean(0),
        baseline_rmse=np.sqrt(baseline),
        baseline_mae=np.abs(from_mean).mean(0),
        r2=1 - squares / np.where(varies, baseline, np.nan),
        pearson=_correlation(targets, predictions),
        spearman=_correlation(average_ranks(targets), average_ranks(predictions)),
    )


def relative_errors(targets: Columns, predictions: Columns, *, transform: str) -> Columns:
    """How far a quantity is from its true value, as a share of it; NaN where that is 0.

    `transform` made the columns out of the quantities: ln, log10, or anything else for nothing. Logarithms are
    subtracted first, so that small errors keep their digits.
    """
    if transform in LOGARITHMS:
        return np.expm1((predictions - targets) * LOGARITHMS[transform])
    return (predictions - targets) / np.where(targets == 0, np.nan, np.abs(targets))


def varying(columns: Columns) -> Bool[np.ndarray, " k"]:
    """Whether a column holds different numbers, beyond rounding."""
    return columns.var(0) > ROUNDING * (columns**2).mean(0)


def _correlation(x: Columns, y: Columns) -> Float64[np.ndarray, " k"]:
    scale = x.std(0) * y.std(0)
    covariance = ((x - x.mean(0)) * (y - y.mean(0))).mean(0)
    defined = varying(x) & varying(y)
    return np.where(defined, np.clip(covariance / np.where(defined, scale, 1), -1, 1), np.nan)
