"""Ranks of held-out edges are those counted one by one; what they are worth by chance is what random orders give."""

import numpy as np
import pytest
from lab import REFERENCE
from sklearn.metrics import average_precision_score, roc_auc_score

from assay.numerics.edges import average_precision
from assay.numerics.edges.average_precision import Precision
from assay.numerics.edges.held_out import (
    AUROC,
    RECIPROCAL_RANK,
    chance,
    hit,
    pools,
    random_sources,
    ranks,
    ranks_among,
    worths,
)

METRICS = {"reciprocal rank": RECIPROCAL_RANK, "auroc": AUROC, "top 1": hit(1), "top 3": hit(3)}


def problem(seed: int, *, n: int = 14, tied: bool = False, missing: float = 0.0):
    """Scores, distinct positives and closed pairs of a small network."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (n, n)).astype(float) if tied else rng.standard_normal((n, n))
    scores[rng.random((n, n)) < missing] = np.nan
    closed = (rng.random((n, n)) < 0.2) | np.eye(n, dtype=bool)
    opened = np.stack(np.nonzero(~closed))
    edges = opened[:, rng.choice(opened.shape[1], 25, replace=False)]
    return scores, edges, closed


def counted_rank(score: float, others: np.ndarray) -> float:
    """One by one, as the definition says."""
    if np.isnan(score):
        return len(others) + 1.0
    return 1 + sum(other > score for other in others) + 0.5 * sum(other == score for other in others)


def found_ranks(scores, edges, closed) -> np.ndarray:
    asked = pools(scores, edges, closed)
    return ranks(asked, edges[:1])[0]


def mean_worth(asked, drawn, metric) -> float:
    return float(np.nanmean(np.concatenate(worths(asked, ranks(asked, drawn), metric), axis=1)))


@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize("missing", [0.0, 0.3, 1.0])
def test_a_rank_counts_open_pairs_of_the_target_that_are_no_other_positive(tied, missing):
    scores, edges, closed = problem(0, tied=tied, missing=missing)
    true = set(map(tuple, edges.T.tolist()))
    for (source, target), found in zip(edges.T.tolist(), found_ranks(scores, edges, closed), strict=True):
        others = [i for i in range(14) if not closed[i, target] and (i, target) not in true]
        assert found == counted_rank(scores[source, target], scores[others, target])


def test_asked_for_targets_it_is_the_same_on_turned_tables():
    scores, edges, closed = problem(1, tied=True)
    true = set(map(tuple, edges.T.tolist()))
    turned = found_ranks(scores.T, edges[::-1], closed.T)
    for (source, target), found in zip(edges.T.tolist(), turned, strict=True):
        others = [j for j in range(14) if not closed[source, j] and (source, j) not in true]
        assert found == counted_rank(scores[source, target], scores[source, others])


def test_a_positive_without_a_score_is_last_and_never_worth_more_than_first():
    scores = np.array([0.5, np.nan, 0.1, np.nan])
    assert ranks_among(scores, scores[[[1], [0], [2]]])[:, 0].tolist() == [4, 1, 2]
    assert ranks_among(np.full(4, np.nan), np.array([[np.nan]])).item() == 4
    assert ranks_among(scores, scores[[[1, 3]]])[0].tolist() == [3, 3]


def test_ranks_among_follow_only_the_order_of_the_scores():
    scores, chosen = np.random.default_rng(0).standard_normal(30), np.array([[3, 7, 20]])
    raised = np.exp(5 * scores)
    np.testing.assert_array_equal(ranks_among(raised, raised[chosen]), ranks_among(scores, scores[chosen]))


def test_auroc_is_that_of_each_target_against_its_open_pairs():
    scores, edges, closed = problem(2)
    for pool in (asked := pools(scores, edges, closed)):
        labels = np.isin(np.arange(len(pool.sources)), np.searchsorted(pool.sources, edges[0, pool.edges]))
        found = worths(asked, ranks(asked, edges[:1]), AUROC)[asked.index(pool)]
        if labels.sum() < len(labels):
            assert found.mean() == pytest.approx(roc_auc_score(labels, pool.scores))


@pytest.mark.parametrize("name", METRICS)
def test_chance_is_the_mean_over_random_scores(name):
    metric = METRICS[name]
    _, edges, closed = problem(3)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(400):
        asked = pools(rng.standard_normal(closed.shape), edges, closed)
        drawn.append(mean_worth(asked, edges[:1], metric))
    assert np.mean(drawn) == pytest.approx(chance(asked, metric), abs=5 * np.std(drawn) / np.sqrt(400))


def test_a_positive_without_another_candidate_has_no_auroc():
    closed = ~np.eye(3, k=1, dtype=bool)
    asked = pools(np.zeros((3, 3)), np.array([[0], [1]]), closed)
    assert np.isnan(chance(asked, AUROC))
    assert np.isnan(worths(asked, ranks(asked, np.array([[0]])), AUROC)[0]).all()
    assert chance(asked, RECIPROCAL_RANK) == 1


def test_random_sources_are_distinct_open_and_all_sets_equally_likely():
    scores, edges, closed = problem(4, n=8)
    asked = pools(scores, edges, closed)
    drawn = random_sources(asked, 4000, np.random.default_rng(0))
    for pool in asked:
        own, n, m = drawn[:, pool.edges], len(pool.sources), len(pool.edges)
        assert (np.diff(np.sort(own, axis=1), axis=1) > 0).all()
        counts = np.bincount(own.ravel(), minlength=8)
        assert np.flatnonzero(counts).tolist() == pool.sources.tolist()
        assert np.abs(counts[pool.sources] - 4000 * m / n).max() < 5 * np.sqrt(4000 * m / n)


@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
def test_average_precision_is_that_of_all_open_pairs_ties_as_one_group(tied):
    scores, edges, closed = problem(5, tied=tied)
    labels = np.zeros(closed.shape, dtype=bool)
    labels[tuple(edges)] = True
    precision = Precision(scores, closed)
    expected = average_precision_score(labels[~closed], scores[~closed])
    assert precision.at(scores[tuple(edges)][None]).mean() == pytest.approx(expected)
    assert precision.n_candidates == (~closed).sum()


def test_pairs_without_a_score_end_every_list():
    scores = np.array([[3.0, np.nan], [np.nan, 1.0]])
    precision = Precision(scores, np.zeros((2, 2), dtype=bool))
    assert precision.at(np.array([[3.0, np.nan]])).tolist() == [[1, 0.5]]


def test_the_chance_of_average_precision_is_the_mean_over_random_scores():
    _, edges, closed = problem(6)
    rng, drawn = np.random.default_rng(0), []
    for _ in range(400):
        scores = rng.standard_normal(closed.shape)
        drawn.append((precision := Precision(scores, closed)).at(scores[tuple(edges)][None]).mean())
    assert np.mean(drawn) == pytest.approx(precision.chance(25), abs=5 * np.std(drawn) / np.sqrt(400))


@pytest.mark.parametrize("tied", [False, True], ids=["distinct", "tied"])
@pytest.mark.parametrize("blocks", [1, 3, 2**12], ids=["one by one", "a few at a time", "at once"])
def test_a_resampled_average_precision_is_that_of_pools_written_out_as_often(tied, blocks, monkeypatch):
    monkeypatch.setattr(average_precision, "THRESHOLDS", blocks)
    monkeypatch.setattr(average_precision, "BLOCK_NUMBERS", 14 * blocks)
    scores, edges, closed = problem(7, tied=tied, missing=0.1)
    asked, (targets, place) = pools(scores, edges, closed), np.unique(edges[1], return_inverse=True)
    weights = np.random.default_rng(0).multinomial(len(asked), np.full(len(asked), 1 / len(asked)), 20)
    graphs = np.stack([scores[tuple(edges)], np.full(25, 0.5)])
    found, other = Precision(scores, closed).resampled(targets, graphs, place, weights.astype(float))
    assert not np.allclose(found, other)
    by_target = np.where(np.isnan(scores), -9, scores)
    for weight, own in zip(weights, found, strict=True):
        often = np.ones(14, dtype=int)
        often[[pool.target for pool in asked]] = weight
        labels = np.zeros(closed.shape, dtype=bool)
        labels[tuple(edges)] = True
        columns = np.repeat(np.arange(14), often)
        opened = ~closed[:, columns]
        assert own == pytest.approx(
            average_precision_score(labels[:, columns][opened], by_target[:, columns][opened])
        )


@pytest.mark.parametrize("which", [0, 1, 2])
def test_mean_reciprocal_ranks_are_the_published_ones(which):
    with np.load(REFERENCE / "gsnn" / "edge_scores.npz") as made:
        scores = made["W_tied"] if which == 2 else made["mrr_scores"]
        known, queries, expected = made["ei_function_function"], made["mrr_query"], made["mrr_values"][which]
    queries = known if which == 1 else queries
    others = np.zeros(scores.shape, dtype=bool)  # as published a function may be its own target
    others[tuple(known)] = True
    others[tuple(queries)] = False
    found = found_ranks(scores.T.astype(np.float64), queries[::-1], others.T)
    assert np.mean(1 / found) == pytest.approx(expected, abs=1e-6)
