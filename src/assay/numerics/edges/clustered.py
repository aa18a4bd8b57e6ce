"""Means over values that come in clusters, e.g. the edges of one target, and their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float64
from scipy import stats

DRAWS = 2000
LEAST_CLUSTERS, BOOTSTRAP_CLUSTERS = 20, 60
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Clustered:
    """Sums and counts of the values of each cluster, for every draw; NaN values are left out."""

    sums: Float64[np.ndarray, "draws clusters"]
    counts: Float64[np.ndarray, " clusters"]

    @classmethod
    def of(cls, values: Sequence[Float64[np.ndarray, "draws _"]]) -> "Clustered":
        """One table a cluster; which of its values are NaN is the same in every draw."""
        counts = np.array([(~np.isnan(table[0])).sum() for table in values], dtype=np.float64)
        sums = np.stack([np.nansum(table, axis=1) for table in values], axis=1)
        return cls(sums[:, counts > 0], counts[counts > 0])

    @property
    def means(self) -> Float64[np.ndarray, " draws"]:
        """The mean of all values, draw by draw; NaN where there is none."""
        return self.sums.sum(1) / (self.counts.sum() or np.nan)

    def less(self, other: "Clustered") -> "Clustered":
        """The first draw, cluster by cluster, less the mean draw of another on the same clusters."""
        return Clustered(self.sums[:1] - other.sums.mean(0), self.counts)


def interval(values: Clustered, *, seed: int) -> tuple[float, float] | None:
    """The mean of the first draw with confidence 0.95, clusters taken as independent; None for fewer than 20.

    Clusters are drawn with all their values, 2000 times; of fewer than 60 Student's t of the ratio estimator.
    """
    sums, counts = values.sums[0], values.counts
    n = len(counts)
    if n < LEAST_CLUSTERS:
        return None
    if n < BOOTSTRAP_CLUSTERS:
        mean = sums.sum() / counts.sum()
        error = np.sqrt(n / (n - 1) * np.square(sums - counts * mean).sum()) / counts.sum()
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * error)
        return float(mean) - reach, float(mean) + reach
    weights = resampled_clusters(n, seed=seed)
    return percentile_interval((weights @ sums) / (weights @ counts))


@lru_cache(maxsize=1)  # all metrics of one side are resampled alike
def resampled_clusters(n: int, *, seed: int) -> Float64[np.ndarray, "draws n"]:
    """How often each of n clusters is drawn, 2000 times n draws with replacement."""
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), DRAWS)
    return drawn.astype(np.float64)


def percentile_interval(values: Float64[np.ndarray, " draws"]) -> tuple[float, float]:
    """The middle 0.95 of draws."""
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
