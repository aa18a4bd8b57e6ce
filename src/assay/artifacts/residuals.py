"""Single outputs of a regression looked into: predictions beside targets, and relative errors along multipoles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from assay.numerics.regression import Columns, relative_errors
from assay.protocols import TargetUnits

MOST_OUTPUTS = 6
MOST_SAMPLES = 500
PERCENTILES = (50, 84, 95)
ELL = re.compile(r"(?:ell|l)[_= ]?(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", re.IGNORECASE)
AS_STORED = "targets as they are stored"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Some samples of one output, in their order, evenly thinned."""

    target: list[float]
    prediction: list[float]


@dataclass(frozen=True, slots=True)
class RelativeErrors:
    """The size of relative errors at each multipole, over all samples whose true value is not 0."""

    ell: list[float]  # rising
    median: list[float | None]
    p84: list[float | None]  # the 84th percentile
    p95: list[float | None]
    of: str  # what they are relative to


def pairs(
    targets: Columns, predictions: Columns, names: Sequence[str], r2: Float64[np.ndarray, " k"]
) -> dict[str, Pairs]:
    """Those of all outputs, or of some from the least to the best explained where there are many."""
    order = np.argsort(np.where(np.isnan(r2), -np.inf, r2), kind="stable")
    chosen = sorted(order[_even(len(order), MOST_OUTPUTS)].tolist())
    rows = _even(len(targets), MOST_SAMPLES)
    return {names[k]: Pairs(targets[rows, k].tolist(), predictions[rows, k].tolist()) for k in chosen}


def errors_by_ell(
    targets: Columns, predictions: Columns, names: Sequence[str], units: TargetUnits | None
) -> RelativeErrors | None:
    """None unless every name is a multipole, as ell_300."""
    found = [ELL.fullmatch(name) for name in names]
    ell = np.array([float(match[1]) for match in found if match])
    if len(ell) < max(1, len(names)):
        return None
    transform = "" if units is None else units.transform
    unscaled = (
        (targets, predictions) if units is None else (_before(side, units) for side in (targets, predictions))
    )
    size = np.abs(relative_errors(*unscaled, transform=transform))[:, np.argsort(ell, kind="stable")]
    columns = [_percentiles(column[~np.isnan(column)]) for column in size.T]
    median, p84, p95 = ([column[i] for column in columns] for i in range(len(PERCENTILES)))
    return RelativeErrors(sorted(ell.tolist()), median, p84, p95, _of(transform))


def _before(values: Columns, units: TargetUnits) -> Columns:
    """Before they were scaled."""
    mean, std = (part.to(torch.float64).cpu().numpy() for part in (units.mean, units.std))
    return values * std + mean


def _of(transform: str) -> str:
    logarithm = {
        "ln": "the quantity whose ln the targets are",
        "log10": "the quantity whose log10 the targets are",
    }
    return logarithm.get(transform, "the targets" if transform else AS_STORED)


def _percentiles(values: Float64[np.ndarray, " n"]) -> list[float | None]:
    return np.percentile(values, PERCENTILES).tolist() if len(values) else [None] * len(PERCENTILES)


def _even(n: int, most: int) -> np.ndarray:
    """All places, or so many of them with the first and the last."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).round().astype(np.int64)
