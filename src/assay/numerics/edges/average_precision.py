"""Average precision of positives among all candidate pairs, tied scores as one group."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64

from assay.numerics.edges.held_out import Pool

LEAST = 1e-300  # a list of which nothing was drawn; its precision is 0


class Precision:
    """Lists of candidate pairs that end with a given score; NaN scores are one group, below every number."""

    def __init__(self, scores: Float64[np.ndarray, "n n"], closed: Bool[np.ndarray, "n n"]):
        self._candidates = _ordered(scores[~closed])
        self._candidates.sort()

    @property
    def n_candidates(self) -> int:
        """Pairs that are no loop and no edge of the network, the positives among them."""
        return len(self._candidates)

    def at(self, positives: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """The share of positives among all candidates that score at least as high as each; its mean is the AP."""
        own = _ordered(positives)
        return _at_least(np.sort(own), own) / _at_least(self._candidates, own)

    def resampled(
        self,
        pools: Sequence[Pool],
        chosen: Sequence[Int64[np.ndarray, " _"]],
        weights: Float64[np.ndarray, "draws pools"],
    ) -> Float64[np.ndarray, " draws"]:
        """The AP with each pool, positives and other candidates, taken as often as a draw says.

        Candidates whose target has no positive stay, each once.
        """
        own = _ordered(
            np.concatenate([pool.scores[places] for pool, places in zip(pools, chosen, strict=True)])
        )
        listed = np.stack([_at_least(np.sort(_ordered(pool.scores)), own) for pool in pools]).astype(
            np.float64
        )
        others = _at_least(self._candidates, own) - listed.sum(0)
        of_own = np.repeat(weights, [len(places) for places in chosen], axis=1)
        falling = np.argsort(-own)
        ends = _at_least(np.sort(own), own) - 1  # of the positives that score at least as high
        found = np.cumsum(of_own[:, falling], axis=1)[:, ends]
        precision = found / np.maximum(weights @ listed + others, LEAST)
        return (of_own * precision).sum(1) / of_own.sum(1)

    def chance(self, n_positives: int) -> float:
        """The mean AP of a random order.

        Source: Bestgen, Exact expected average precision of the random baseline for system evaluation.
        """
        n, r = self.n_candidates, n_positives
        harmonic = float((1 / np.arange(1, n + 1)).sum())
        return (harmonic + (r - 1) / (n - 1) * (n - harmonic)) / n if n > 1 else 1.0


def _ordered(scores: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
    return np.where(np.isnan(scores), -np.inf, scores)


def _at_least(
    ascending: Float64[np.ndarray, " n"], own: Float64[np.ndarray, " m"]
) -> Int64[np.ndarray, " m"]:
    """How many numbers are as large as each of `own`."""
    return len(ascending) - np.searchsorted(ascending, own, side="left")
