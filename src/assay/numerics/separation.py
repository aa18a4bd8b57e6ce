"""How far apart classes lie in the full space, with small classes counted as much as large ones."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from scipy.stats import rankdata
from sklearn import metrics
from sklearn.neighbors import NearestNeighbors

LEAST_MEMBERS = 10  # of the smallest class; below, nothing is said
NEIGHBOURS = 15
RESAMPLES = 400
PERMUTATIONS = 100


@dataclass(frozen=True, slots=True)
class Score:
    """A score, its interval with confidence 0.95, and what labels without meaning give."""

    value: float
    low: float
    high: float
    chance: float


@dataclass(frozen=True, slots=True)
class Separation:
    """Classes against each other, each with the same weight.

    `silhouette` (-1 to 1) is the mean over the classes of their mean silhouette. `recall` and `auroc` (0 to 1,
    also means over the classes) are of a vote of the `k` nearest neighbours, the sample itself left out.
    """

    silhouette: Score
    recall: Score
    auroc: Score
    k: int
    n: int


def reason_against(labels: Int64[np.ndarray, " n"]) -> str:
    """Why nothing can be said of these classes; empty where something can."""
    classes, sizes = np.unique(labels, return_counts=True)
    if len(classes) == 0:
        return "no sample"
    if len(classes) == 1:
        return f"one class only: {classes[0]}"
    if sizes.min() < LEAST_MEMBERS:
        return f"class {classes[sizes.argmin()]} has {sizes.min()} samples; needs {LEAST_MEMBERS} or more"
    return ""


def separation(
    x: Float[np.ndarray, "n d"], labels: Int64[np.ndarray, " n"], *, generator: np.random.Generator
) -> Separation:
    """The separation of labelled rows, in O(n^2 d).

    A vote for a class is divided by the size of the class, so that a small one has the same chance; a tie counts
    in equal shares. Sizes include the sample itself: without it, its own label would decide between equal votes.
    The interval resamples the samples' own silhouettes and votes within each class, neighbours as they are.
    Chance is 0 for the silhouette; for the vote it is the mean over permuted labels, a little below 1/classes
    and 1/2, since a sample is not its own neighbour.
    Source: Rousseeuw 1987 (silhouette).

    Raises:
        ValueError: one class only, or one of fewer than 10 members.
    """
    if reason := reason_against(labels):
        raise ValueError(f"separation: {reason}")
    rows = x.astype(np.float64) - x.mean(0, dtype=np.float64)
    _, codes = np.unique(labels, return_inverse=True)
    k = min(NEIGHBOURS, int(np.bincount(codes).min()) - 1)
    near = NearestNeighbors(n_neighbors=k).fit(rows).kneighbors(return_distance=False)
    silhouettes, votes = metrics.silhouette_samples(rows, codes), _votes(near, codes)
    low, high = _interval(silhouettes, votes, codes, generator)
    values, chance = _scores(silhouettes, votes, codes), [0.0, *_chance(near, codes, generator)]
    silhouette, recall, auroc = (
        Score(*map(float, row)) for row in zip(values, low, high, chance, strict=True)
    )
    return Separation(silhouette, recall, auroc, k, len(x))


def _votes(
    near: Int64[np.ndarray, "n k"], codes: Int64[np.ndarray, " n"]
) -> Float64[np.ndarray, "n classes"]:
    """The share of each class in the vote of the neighbours."""
    votes = np.stack([(codes[near] == c).mean(1) / size for c, size in enumerate(np.bincount(codes))], axis=1)
    return votes / votes.sum(1, keepdims=True)


def _scores(
    silhouettes: Float64[np.ndarray, " n"],
    votes: Float64[np.ndarray, "n classes"],
    codes: Int64[np.ndarray, " n"],
) -> list[float]:
    """Macro silhouette, macro recall and macro AUROC, one class against the rest."""
    most = np.isclose(votes, votes.max(1, keepdims=True), rtol=1e-9, atol=0)
    hits = most[np.arange(len(codes)), codes] / most.sum(1)
    aurocs = [_auroc(votes[:, c], codes == c) for c in range(votes.shape[1])]
    return [_macro(silhouettes, codes), _macro(hits, codes), float(np.mean(aurocs))]


def _auroc(scores: Float64[np.ndarray, " n"], positive: Bool[np.ndarray, " n"]) -> float:
    n_positive = int(positive.sum())
    wins = rankdata(scores)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(wins / (n_positive * (len(scores) - n_positive)))


def _macro(values: Float64[np.ndarray, " n"], codes: Int64[np.ndarray, " n"]) -> float:
    return float(np.mean(np.bincount(codes, values) / np.bincount(codes)))


def _interval(
    silhouettes: Float64[np.ndarray, " n"],
    votes: Float64[np.ndarray, "n classes"],
    codes: Int64[np.ndarray, " n"],
    generator: np.random.Generator,
) -> Float64[np.ndarray, "2 scores"]:
    members = [np.flatnonzero(codes == c) for c in range(votes.shape[1])]
    draws = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([generator.choice(of_class, len(of_class)) for of_class in members])
        draws.append(_scores(silhouettes[drawn], votes[drawn], codes[drawn]))
    return np.quantile(draws, [0.025, 0.975], axis=0)


def _chance(
    near: Int64[np.ndarray, "n k"], codes: Int64[np.ndarray, " n"], generator: np.random.Generator
) -> Float64[np.ndarray, " 2"]:
    """Recall and AUROC, the mean over permuted labels."""
    permuted = [generator.permutation(codes) for _ in range(PERMUTATIONS)]
    no_silhouettes = np.zeros(len(codes))
    return np.mean([_scores(no_silhouettes, _votes(near, labels), labels)[1:] for labels in permuted], axis=0)
