"""Average precision of positives among all candidate pairs, tied scores as one group, by blocks of targets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

BLOCK_NUMBERS = 2**20  # scores that are sorted at a time
THRESHOLDS = 2**10  # scores at which all draws are counted at a time
LEAST = 1e-300  # a list of which nothing was drawn; its precision is 0


class Precision:
    """Lists of candidate pairs that end with a given score; NaN scores are one group, below every number."""

    def __init__(self, scores: Float64[np.ndarray, "n n"], closed: Bool[np.ndarray, "n n"]):
        self._scores, self._closed = scores, closed
        self.n_candidates = int(
            (~closed).sum()
        )  # pairs that are no loop and no edge, the positives among them

    def at(self, positives: Float64[np.ndarray, "draws m"]) -> Float64[np.ndarray, "draws m"]:
        """The share of positives among all candidates that score at least as high as each; their mean is the AP."""
        own = _ordered(positives)
        thresholds, number = np.unique(own, return_inverse=True)
        listed = self._listed(thresholds)[number].reshape(own.shape)
        return np.stack([_at_least(np.sort(row), row) for row in own]) / listed

    def resampled(
        self,
        targets: Int64[np.ndarray, " targets"],
        positives: Float64[np.ndarray, "graphs m"],
        target_of: Int64[np.ndarray, " m"],
        weights: Float64[np.ndarray, "draws targets"],
    ) -> Float64[np.ndarray, "graphs draws"]:
        """The AP of each graph with every target, positives and other candidates, taken as often as a draw says.

        `target_of` is the place in `targets` of each positive. Candidates of other targets stay, each once. The
        scores of these targets are held, sorted.
        """
        groups = [_Groups.of(row) for row in _ordered(positives)]
        sums = [_Sum(weights, target_of, group) for group in groups]
        of_graph = np.repeat(np.arange(len(groups)), [len(group.scores) for group in groups])
        falling, number = np.unique(-np.concatenate([group.scores for group in groups]), return_inverse=True)
        once = self._listed(-falling[::-1])[::-1][number]
        columns, more_often = self._sorted(targets), weights - 1
        for first in range(0, len(number), THRESHOLDS):
            chunk = slice(first, first + THRESHOLDS)
            listed = more_often @ _reaching(columns, -falling[number[chunk]])
            listed += once[chunk]
            for graph in np.unique(of_graph[chunk]):
                sums[graph].add(listed[:, of_graph[chunk] == graph])
        return np.stack([one.precision for one in sums])

    def chance(self, n_positives: int) -> float:
        """The mean AP of a random order.

        Source: Bestgen, Exact expected average precision of the random baseline for system evaluation.
        """
        n, r = self.n_candidates, n_positives
        harmonic = float((1 / np.arange(1, n + 1)).sum())
        return (harmonic + (r - 1) / (n - 1) * (n - harmonic)) / n if n > 1 else 1.0

    def _listed(self, thresholds: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """How many candidates score at least as high as each threshold; these ascend."""
        reached = np.zeros(len(thresholds))
        for columns in self._columns(np.arange(len(self._closed))):
            reached += _at_least(np.sort(columns[~np.isnan(columns)]), thresholds)
        return reached

    def _sorted(self, targets: Int64[np.ndarray, " targets"]) -> Float64[np.ndarray, "targets n"]:
        """The scores of each target, rising; NaN, closed pairs, last."""
        found, first = np.empty((len(targets), len(self._closed))), 0
        for columns in self._columns(targets):
            columns.sort(axis=1)
            found[first : (first := first + len(columns))] = columns
        return found

    def _columns(self, targets: Int64[np.ndarray, " targets"]) -> Iterator[Float64[np.ndarray, "block n"]]:
        """The scores of some targets at a time, a row each; NaN where a pair is closed, -inf without a score."""
        width = max(1, BLOCK_NUMBERS // len(self._closed))
        for first in range(0, len(targets), width):
            block = targets[first : first + width]
            scores = _ordered(self._scores[:, block].T)
            yield np.where(self._closed[:, block].T, np.nan, scores)


def _reaching(
    columns: Float64[np.ndarray, "targets n"], thresholds: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, "targets m"]:
    """How many scores of each target are as high as each threshold."""
    ascending = np.argsort(thresholds, kind="stable")
    found = np.empty((len(columns), len(thresholds)))
    for row, column in zip(found, columns, strict=True):
        known = column[: np.searchsorted(column, np.nan)]
        row[ascending] = _at_least(known, thresholds[ascending])
    return found


@dataclass(frozen=True, slots=True)
class _Groups:
    """The scores of positives, falling, each once, and the positives that have them."""

    scores: Float64[np.ndarray, " groups"]
    positives: Int64[np.ndarray, " m"]  # by falling score
    starts: Int64[np.ndarray, " groups"]  # of a group among them

    @classmethod
    def of(cls, own: Float64[np.ndarray, " m"]) -> "_Groups":
        falling = np.argsort(-own, kind="stable")
        starts = np.flatnonzero(np.append(True, own[falling][1:] != own[falling][:-1]))
        return cls(own[falling][starts], falling, starts)


class _Sum:
    """The AP of every draw, summed over the groups of one graph as they come."""

    def __init__(
        self,
        weights: Float64[np.ndarray, "draws targets"],
        target_of: Int64[np.ndarray, " m"],
        groups: _Groups,
    ):
        self._weights, self._targets, self._starts = weights, target_of[groups.positives], groups.starts
        self._n_done, self._sum, self._found = 0, np.zeros(len(weights)), np.zeros((len(weights), 1))

    def add(self, listed: Float64[np.ndarray, "draws groups"]) -> None:
        """The next groups, of which so many candidates score as high."""
        starts = self._starts[self._n_done : (done := self._n_done + listed.shape[1])]
        end = self._starts[done] if done < len(self._starts) else len(self._targets)
        own = self._weights[:, self._targets[starts[0] : end]]
        of_group = np.add.reduceat(own, starts - starts[0], axis=1)
        found = self._found + np.cumsum(of_group, axis=1)
        self._sum += (of_group * found / np.maximum(listed, LEAST)).sum(1)
        self._found, self._n_done = found[:, -1:], done

    @property
    def precision(self) -> Float64[np.ndarray, " draws"]:
        """The mean over the positives as often as they were drawn."""
        return self._sum / self._found[:, 0]


def _ordered(scores: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    return np.where(np.isnan(scores), -np.inf, scores)


def _at_least(
    ascending: Float64[np.ndarray, " n"], own: Float64[np.ndarray, " m"]
) -> Int64[np.ndarray, " m"]:
    """How many numbers are as large as each of `own`."""
    return len(ascending) - np.searchsorted(ascending, own, side="left")
