"""Separation against loops over pairs in float64, its laws, and what imbalance does to plainer scores."""

import math

import numpy as np
import pytest
from sklearn import metrics

from assay.numerics.separation import LEAST_MEMBERS, Separation, reason_against, separation


def separated(x, labels, seed: int = 0) -> Separation:
    return separation(np.asarray(x), np.asarray(labels), generator=np.random.default_rng(seed))


def clouds(*sizes: int, shift: float, d: int = 4, seed: int = 0):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    x = np.random.default_rng(seed).standard_normal((len(labels), d))
    return x + shift * labels[:, None], labels


def oracle(x: np.ndarray, labels: np.ndarray) -> tuple[float, float, float]:
    """Macro silhouette, macro recall and macro AUROC, pair by pair."""
    classes, n = sorted(set(labels.tolist())), len(labels)
    apart = [[math.dist(a, b) for b in x.tolist()] for a in x.tolist()]
    members = {c: [i for i in range(n) if labels[i] == c] for c in classes}
    k = min(15, min(map(len, members.values())) - 1)

    def mean_distance(i: int, c: int) -> float:
        others = [j for j in members[c] if j != i]
        return math.fsum(apart[i][j] for j in others) / len(others)

    def silhouette(i: int) -> float:
        inside = mean_distance(i, labels[i])
        outside = min(mean_distance(i, c) for c in classes if c != labels[i])
        return (outside - inside) / max(inside, outside)

    def votes(i: int) -> dict[int, float]:
        near = sorted((j for j in range(n) if j != i), key=lambda j: apart[i][j])[:k]
        shares = {c: sum(labels[j] == c for j in near) / len(members[c]) for c in classes}
        return {c: share / sum(shares.values()) for c, share in shares.items()}

    def hit(i: int) -> float:
        shares = votes(i)
        winners = [c for c in classes if math.isclose(shares[c], max(shares.values()))]
        return (labels[i] in winners) / len(winners)

    def auroc(c: int) -> float:
        scores = [votes(i)[c] for i in range(n)]
        pairs = [(scores[i], scores[j]) for i in members[c] for j in range(n) if labels[j] != c]
        return sum((a > b + 1e-12) + 0.5 * (abs(a - b) <= 1e-12) for a, b in pairs) / len(pairs)

    def macro(value) -> float:
        return float(np.mean([np.mean([value(i) for i in members[c]]) for c in classes]))

    return macro(silhouette), macro(hit), float(np.mean([auroc(c) for c in classes]))


@pytest.mark.parametrize(("sizes", "shift"), [((12, 30), 0.7), ((10, 14, 31), 0.6), ((20, 20), 0.0)])
def test_scores_are_those_counted_pair_by_pair(sizes, shift):
    x, labels = clouds(*sizes, shift=shift, seed=3)
    found = separated(x, labels)
    assert (found.silhouette.value, found.recall.value, found.auroc.value) == pytest.approx(oracle(x, labels))
    assert (found.k, found.n) == (min(15, min(sizes) - 1), sum(sizes))


def test_a_tight_majority_does_not_hide_a_spread_minority():
    """980 tight and 20 spread samples: a plain mean over samples looks well separated."""
    generator = np.random.default_rng(1)
    x = np.concatenate([generator.standard_normal((980, 8)), 3 * generator.standard_normal((20, 8))])
    labels = np.repeat([0, 1], [980, 20])
    of_samples = metrics.silhouette_samples(x, labels)
    found = separated(x, labels).silhouette.value
    assert of_samples.mean() == pytest.approx(0.53, abs=0.02)
    assert of_samples[labels == 0].mean() == pytest.approx(0.55, abs=0.02)
    assert of_samples[labels == 1].mean() == pytest.approx(-0.26, abs=0.02)
    assert found == pytest.approx(0.15, abs=0.02)
    assert found == pytest.approx(np.mean([of_samples[labels == c].mean() for c in (0, 1)]))


def test_a_plain_vote_never_finds_a_small_class_and_the_weighted_one_does():
    x, labels = clouds(980, 20, shift=1.2, d=2, seed=1)
    near = np.argsort(((x[:, None] - x) ** 2).sum(2) + 1e9 * np.eye(len(x)), axis=1)[:, :15]
    plain = labels[near].mean(1) > 0.5
    found = separated(x, labels)
    assert (plain == labels).mean() == pytest.approx(0.98, abs=0.005)
    assert plain[labels == 1].mean() == 0
    assert found.recall.value == pytest.approx(0.83, abs=0.05)
    assert found.auroc.value == pytest.approx(0.85, abs=0.05)


@pytest.mark.parametrize("sizes", [(200, 200), (300, 60), (100, 100, 100)])
def test_labels_without_meaning_score_what_chance_says(sizes):
    """The mean of 8 draws; 0.04 is some 3 of its standard errors."""
    draws = [separated(*clouds(*sizes, shift=0, seed=seed), seed) for seed in range(8)]
    for name in ("silhouette", "recall", "auroc"):
        scores = [getattr(draw, name) for draw in draws]
        expected = np.mean([score.chance for score in scores])
        assert np.mean([score.value for score in scores]) == pytest.approx(expected, abs=0.04)
    for name, chance in (("recall", 1 / len(sizes)), ("auroc", 0.5)):
        found = np.mean([getattr(draw, name).chance for draw in draws])
        assert chance - 0.04 < found < chance


def test_classes_far_apart_are_told_apart_without_fail():
    found = separated(*clouds(20, 30, shift=100))
    assert (found.recall.value, found.auroc.value) == (1, 1)
    assert found.silhouette.value > 0.95
    assert (found.recall.low, found.recall.high) == (1, 1)


def test_scores_ignore_rotation_scale_shift_and_the_names_of_classes():
    x, labels = clouds(15, 40, shift=0.8)
    turn = np.linalg.qr(np.random.default_rng(5).standard_normal((4, 4))).Q
    one, other = separated(x, labels), separated(1e5 + 70 * x @ turn, np.array([7, 3])[labels])
    for name in ("silhouette", "recall", "auroc"):
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, abs=1e-9)


def test_an_interval_holds_its_score():
    found = separated(*clouds(30, 60, shift=0.5, seed=2))
    for score in (found.silhouette, found.recall, found.auroc):
        assert score.low < score.value < score.high


def test_the_interval_of_a_recall_is_that_of_independent_hits():
    """Two classes of 400 with recalls alike: 2 x 1.96 binomial standard errors of 800 hits, within a tenth."""
    recall = separated(*clouds(400, 400, shift=0.5, seed=2)).recall
    error = math.sqrt(recall.value * (1 - recall.value) / 800)
    assert recall.high - recall.low == pytest.approx(2 * 1.96 * error, rel=0.1)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([], "no sample"),
        ([3] * 40, "one class only: 3"),
        ([0] * 40 + [1] * 9, f"class 1 has 9 samples; needs {LEAST_MEMBERS} or more"),
        ([0] * 40 + [1] * 10, ""),
    ],
)
def test_what_cannot_be_measured_has_a_reason(labels, reason):
    labels = np.array(labels, dtype=np.int64)
    assert reason_against(labels) == reason
    if reason:
        with pytest.raises(ValueError, match=f"separation: {reason}"):
            separated(np.zeros((len(labels), 2)), labels)


def test_the_same_generator_gives_the_same_scores():
    x, labels = clouds(12, 20, shift=0.4)
    assert separated(x, labels, 4) == separated(x, labels, 4)
