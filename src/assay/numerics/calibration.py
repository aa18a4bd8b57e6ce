"""Whether scores that are read as probabilities of attack come true as often as they say."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from scipy import special

from assay.numerics.thinning import autocorrelation_threshold

LEAST_SAMPLES = 100  # below, the table is all that is said
LEAST_MEMBERS = 20  # of each class; likewise
BIN_MASS = 50  # samples in a bin, about
FEWEST_BINS, MOST_BINS = 2, 15
DRAWS = 200
LEAST_PROBABILITY = 1e-7  # a score of 0 or 1 that is wrong costs a large logarithm, not an infinite one
Z = float(special.ndtri(0.975))


@dataclass(frozen=True, slots=True)
class Reliability:
    """Samples in bins of ascending scores, about as many in each; a score stands in one bin only."""

    n: Int64[np.ndarray, " bins"]
    score: Float64[np.ndarray, " bins"]  # mean
    rate: Float64[np.ndarray, " bins"]  # share of attacks
    low: Float64[np.ndarray, " bins"]  # of the rate, with confidence 0.95 (Wilson)
    high: Float64[np.ndarray, " bins"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far scores lie from the rates that they claim; 0 is perfect in all but the two chance levels and `p`."""

    ece: float  # mean |rate - score| over the bins; above 0 even where scores are right
    ece_chance: float  # its mean where they are
    ece_chance_high: float  # its 95 % point where they are
    p: float  # share of label draws from the scores with an ECE as large
    square: float  # mean squared (rate - score) without the part that is chance; may be negative
    brier: float  # mean squared (label - score)
    log_loss: float  # in nats
    n: int
    block: int  # neighbours whose labels are drawn together; 1 where samples are independent

    @property
    def error(self) -> float:
        """The root of `square`, with its sign: in the units of a score, like the ECE, but not biased upwards."""
        return math.copysign(math.sqrt(abs(self.square)), self.square)


def reason_against(labels: Int64[np.ndarray, " n"]) -> str:
    """Why no calibration can be told, only the table; empty where it can."""
    if len(labels) < LEAST_SAMPLES:
        return f"{len(labels)} samples; needs {LEAST_SAMPLES} or more"
    for label, name in ((0, "benign"), (1, "attack")):
        if (n := int((labels == label).sum())) < LEAST_MEMBERS:
            return f"class {name} has {n} samples; needs {LEAST_MEMBERS} or more"
    return ""


def reliability(scores: Float[np.ndarray, " n"], labels: Int64[np.ndarray, " n"]) -> Reliability:
    """The table of rates against scores.

    Between 2 and 15 bins of equal mass, about 50 samples in each, cut by rank: equal scores stay together, and
    a bin of one sample joins its neighbour.

    Raises:
        ValueError: no sample, scores outside 0..1, or labels other than 0 and 1.
    """
    scores = _checked(scores, labels)
    bins = _bins(scores)
    n = np.bincount(bins)
    rate = np.bincount(bins, labels) / n
    low, high = _wilson(rate, n)
    return Reliability(n, np.bincount(bins, scores) / n, rate, low, high)


def block_length(scores: Float[np.ndarray, " n"], labels: Int64[np.ndarray, " n"]) -> int:
    """How many samples in order of time are drawn together, so that drawn labels hang together as these do.

    Twice the autocorrelation time of the labels less the rates of their bins, 1 + 2 (r1 + r2 + ...), up to the first
    lag where r is not above what it exceeds in independent samples 1 time in 40; 1 where r1 is not above it. Twice,
    since labels that are drawn together agree for sure only where their scores are equal. In O(n lags).

    Raises:
        ValueError: no sample, scores outside 0..1, or labels other than 0 and 1.
    """
    bins, n = _bins(_checked(scores, labels)), len(labels)
    residuals = labels - (np.bincount(bins, labels) / np.bincount(bins))[bins]
    variance, total = residuals @ residuals, 0.0
    for lag in range(1, n // 4):
        if (r := residuals[lag:] @ residuals[:-lag]) <= autocorrelation_threshold(n) * variance:
            break
        total += r / variance
    return math.ceil(2 * (1 + 2 * total)) if total else 1


def calibration(
    scores: Float[np.ndarray, " n"],
    labels: Int64[np.ndarray, " n"],
    *,
    block: int,
    generator: np.random.Generator,
) -> Calibration:
    """The calibration of samples that are independent where `block` is 1; else in order of time, see `block_length`.

    Chance is what 200 draws of the labels from the scores give, in the same bins; one number decides all labels of
    a block. `square` takes from the squared gap of each bin the variance of its rate, rate (1 - rate) / (n - 1),
    times what blocks add to it in the draws.
    Source: Kumar, Liang, Ma 2019 (debiased square); after Bröcker, Smith 2007 (draws from the scores).

    Raises:
        ValueError: fewer than 100 samples, a class of fewer than 20, scores outside 0..1, or other labels.
    """
    scores = _checked(scores, labels)
    if reason := reason_against(labels):
        raise ValueError(f"calibration: {reason}")
    table, bins = reliability(scores, labels), _bins(scores)
    chance = np.stack([_gaps(bins, scores, _drawn(scores, block, generator)) for _ in range(DRAWS)])
    added = 1.0 if block == 1 else _added(chance, bins, scores)
    noise = added * table.rate * (1 - table.rate) / (table.n - 1)
    squares = (table.rate - table.score) ** 2 - noise
    ece = float(np.abs(_gaps(bins, scores, labels)).sum() / len(scores))
    drawn = np.abs(chance).sum(1) / len(scores)
    return Calibration(
        ece=ece,
        ece_chance=float(drawn.mean()),
        ece_chance_high=float(np.quantile(drawn, 0.95)),
        p=float((1 + (drawn >= ece).sum()) / (DRAWS + 1)),
        square=float(np.average(squares, weights=table.n)),
        brier=float(np.mean((labels - scores) ** 2)),
        log_loss=_log_loss(scores, labels),
        n=len(scores),
        block=block,
    )


def _checked(scores: Float[np.ndarray, " n"], labels: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
    if len(scores) == 0:
        raise ValueError("calibration: no sample")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(f"calibration: scores reach from {scores.min()} to {scores.max()}; allowed: 0 to 1")
    if other := sorted({int(label) for label in np.unique(labels)} - {0, 1}):
        raise ValueError(f"calibration: labels {other[:5]}; allowed: 0 (benign) and 1 (attack)")
    return scores.astype(np.float64)


def _bins(scores: Float64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """The bin of each sample, decided by the middle rank of its score."""
    n = len(scores)
    _, codes, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    n_bins = min(max(n // BIN_MASS, FEWEST_BINS), MOST_BINS)
    twice_middle = 2 * sizes.cumsum() - sizes
    return _without_single(((n_bins * twice_middle) // (2 * n))[codes])


def _without_single(bins: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """Numbered 0, 1, ...; a bin of one sample belongs to the bin below it, the lowest to the one above."""
    _, bins, sizes = np.unique(bins, return_inverse=True, return_counts=True)
    starts = sizes > 1
    if sizes[0] == 1:
        starts[1:2] = False
    starts[0] = True
    return (starts.cumsum() - 1)[bins]


def _drawn(
    scores: Float64[np.ndarray, " n"], block: int, generator: np.random.Generator
) -> Bool[np.ndarray, " n"]:
    """Labels that come true as often as the scores say."""
    number = generator.random(math.ceil(len(scores) / block))
    return number[np.arange(len(scores)) // block] < scores


def _gaps(
    bins: Int64[np.ndarray, " n"],
    scores: Float64[np.ndarray, " n"],
    labels: Int64[np.ndarray, " n"] | Bool[np.ndarray, " n"],
) -> Float64[np.ndarray, " bins"]:
    """Attacks in each bin less those that its scores claim."""
    return np.bincount(bins, labels) - np.bincount(bins, scores)


def _added(
    chance: Float64[np.ndarray, "draws bins"],
    bins: Int64[np.ndarray, " n"],
    scores: Float64[np.ndarray, " n"],
) -> float:
    """How many times the variance of the rates is that of independent labels; 1 where nothing is left to chance."""
    n = np.bincount(bins)
    independent = (np.bincount(bins, scores * (1 - scores)) / n).sum()
    return float((chance**2 / n).sum(1).mean() / independent) if independent else 1.0


def _wilson(
    rate: Float64[np.ndarray, " bins"], n: Int64[np.ndarray, " bins"]
) -> tuple[Float64[np.ndarray, " bins"], Float64[np.ndarray, " bins"]]:
    middle = (rate + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z * np.sqrt(rate * (1 - rate) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return np.maximum(middle - reach, 0), np.minimum(middle + reach, 1)


def _log_loss(scores: Float64[np.ndarray, " n"], labels: Int64[np.ndarray, " n"]) -> float:
    right = np.where(labels == 1, scores, 1 - scores)
    return float(-np.log(right.clip(LEAST_PROBABILITY, 1)).mean())
