"""Regression: how close the outputs of a network come to their targets, output by output."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from assay.artifacts.residuals import Pairs, RelativeErrors, errors_by_ell, pairs
from assay.artifacts.sampling import chosen_splits, stacked
from assay.errors import AssayError
from assay.numerics.regression import Columns, Errors, errors, varying
from assay.protocols import Data, Regresses, TableBatch

BINS = 24  # of the counts, a side
REACH = 3.0  # standard deviations of the targets from the first bin to the last, on either side


@dataclass(frozen=True, slots=True)
class Scores:
    """Errors in the units of the targets, and what has none; None is undefined, see `undefined`."""

    rmse: float
    mae: float
    baseline_rmse: float  # of the mean of the split's targets: their standard deviation
    baseline_mae: float
    r2: float | None  # 1 is perfect, 0 as good as that mean
    pearson: float | None
    spearman: float | None


@dataclass(frozen=True, slots=True)
class SplitScores:
    """One split: all outputs together, each one, and where predictions lie for targets.

    Together, errors are over all samples and outputs, R2 is 1 minus the ratio of all squared errors, and a
    correlation is the mean over the outputs that have one.
    """

    n: int
    overall: Scores
    outputs: dict[str, Scores]
    undefined: dict[str, str]  # output -> why some of its numbers are
    counts: list[list[int]]  # [target][prediction], both in deviations of the target from its mean
    pairs: dict[str, Pairs]  # of all outputs, or of some from the least to the best explained
    by_ell: RelativeErrors | None  # None where outputs are no multipoles


@dataclass(frozen=True, slots=True)
class Regression:
    """Scores by split."""

    splits: dict[str, SplitScores]
    family: str
    data: str


def compute(subject: Regresses, data: Data, *, splits: tuple[str, ...], batch_size: int) -> Regression:
    """Scores of every sample of the splits.

    Raises:
        AssayError: a split that the data do not have or that is empty, or outputs that are not finite.
    """
    scored = {}
    for split in chosen_splits(data, splits):
        samples = data.draw(split, max_samples=None, seed=0)
        if len(samples) == 0:
            raise AssayError(f"split {split!r} of data {data.name!r}: there is no sample")
        batches = list(samples.batches(batch_size))
        answers = [(subject.regress(batch), subject.targets(batch)) for batch in batches]
        what = f"of split {split!r}"
        predictions = stacked([output for output, _ in answers], what=f"outputs {what}").double().numpy()
        targets = stacked([target for _, target in answers], what=f"targets {what}").double().numpy()
        scored[split] = _of_split(targets, predictions, tuple(subject.outputs), batches[0])
    return Regression(splits=scored, family=subject.family, data=data.name)


def _of_split(
    targets: Columns, predictions: Columns, names: tuple[str, ...], batch: TableBatch
) -> SplitScores:
    found = errors(targets, predictions)
    of_data = batch.y_names if len(batch.y_names) == len(names) else names  # those of the data may say more
    return SplitScores(
        n=len(targets),
        overall=_overall(found),
        outputs={name: _scores(found, k) for k, name in enumerate(names)},
        undefined=_undefined(targets, predictions, names),
        counts=_counts(targets, predictions),
        pairs=pairs(targets, predictions, names, found.r2),
        by_ell=errors_by_ell(targets, predictions, names, batch.y_units)
        or errors_by_ell(targets, predictions, of_data, batch.y_units),
    )


def _scores(found: Errors, k: int) -> Scores:
    return Scores(
        rmse=float(found.rmse[k]),
        mae=float(found.mae[k]),
        baseline_rmse=float(found.baseline_rmse[k]),
        baseline_mae=float(found.baseline_mae[k]),
        r2=_defined(found.r2[k]),
        pearson=_defined(found.pearson[k]),
        spearman=_defined(found.spearman[k]),
    )


def _overall(found: Errors) -> Scores:
    squares, baseline = (found.rmse**2).mean(), (found.baseline_rmse**2).mean()
    return Scores(
        rmse=math.sqrt(squares),
        mae=float(found.mae.mean()),
        baseline_rmse=math.sqrt(baseline),
        baseline_mae=float(found.baseline_mae.mean()),
        r2=None if np.isnan(found.r2).all() else float(1 - squares / baseline),
        pearson=_mean_of_defined(found.pearson),
        spearman=_mean_of_defined(found.spearman),
    )


def _undefined(targets: Columns, predictions: Columns, names: tuple[str, ...]) -> dict[str, str]:
    reasons = {}
    for k, (known, predicted) in enumerate(zip(varying(targets), varying(predictions), strict=True)):
        if not known:
            reasons[names[k]] = f"all targets are {targets[0, k]:.6g}: no R2 and no correlation"
        elif not predicted:
            reasons[names[k]] = f"all predictions are {predictions[0, k]:.6g}: no correlation"
    return reasons


def _counts(targets: Columns, predictions: Columns) -> list[list[int]]:
    """How often a prediction lies where for a target; beyond the last bin counts as in it."""
    varies = varying(targets)
    mean, deviation = targets[:, varies].mean(0), targets[:, varies].std(0)
    row, column = (_bin((side[:, varies] - mean) / deviation) for side in (targets, predictions))
    return np.bincount((row * BINS + column).ravel(), minlength=BINS**2).reshape(BINS, BINS).tolist()


def _bin(deviations: Columns) -> np.ndarray:
    return np.clip((deviations + REACH) * BINS / (2 * REACH), 0, BINS - 1).astype(np.int64)


def _mean_of_defined(values: Float64[np.ndarray, " k"]) -> float | None:
    return None if np.isnan(values).all() else float(np.nanmean(values))


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
