"""Scores that find what was held out are above every baseline; those that know popularity alone are not."""

import numpy as np
import pytest
from numerics.edges.planted import planted

from assay.numerics.edges.pair_scores import pair_scores
from assay.numerics.edges.recovery import DRAWS, recovery

OPTIONS = {"top_k": [1, 3, 5], "seed": 0}


def recovered(case, scores, **changes):
    return recovery(scores, case.held_out, case.closed, network=case.network, **OPTIONS | changes)


def popularity(case) -> np.ndarray:
    """The true number of targets of each source, those held out among them: nothing of which target it is."""
    degree = case.network.sum(1) + np.bincount(case.held_out[0], minlength=len(case.network))
    return np.repeat(degree[:, None].astype(float), len(degree), axis=1)


def gain(found, name: str = "auroc"):
    return found.metrics[name].above_degree_preserving


def test_scores_that_are_right_have_the_best_of_every_metric():
    case = planted(0)
    scores = np.zeros(case.network.shape)
    scores[tuple(case.held_out)] = 1
    found = recovered(case, scores)
    assert {name: metric.value for name, metric in found.metrics.items()} == dict.fromkeys(
        ("auroc", "tail_mrr", "target_mrr", "top@1", "top@3", "top@5", "average_precision"), 1
    )
    assert (found.ranks == 1).all()
    for metric in found.metrics.values():
        assert metric.permuted_labels.p == metric.degree_preserving.p == 1 / (DRAWS + 1)
        assert metric.value > metric.out_degree


def test_constant_scores_are_worth_chance_and_no_label_is_better_than_another():
    case = planted(0)
    found = recovered(case, np.zeros(case.network.shape))
    auroc = found.metrics["auroc"]
    assert (auroc.value, auroc.chance, auroc.permuted_labels.p, auroc.degree_preserving.p) == (0.5, 0.5, 1, 1)
    assert found.metrics["average_precision"].value == pytest.approx(case.held_out.shape[1] / found.n_pairs)
    np.testing.assert_array_equal(found.ranks, (found.n_candidates + 1) / 2)


def test_permuted_labels_agree_with_chance():
    found = recovered(case := planted(1), np.random.default_rng(0).standard_normal(case.network.shape))
    for name, metric in found.metrics.items():
        assert metric.permuted_labels.mean == pytest.approx(metric.chance, rel=0.1), name


def test_popularity_beats_permuted_labels_and_not_graphs_of_the_same_degrees():
    found = recovered(case := planted(2), popularity(case))
    auroc = found.metrics["auroc"]
    assert auroc.value > 0.7
    assert auroc.permuted_labels.p == 1 / (DRAWS + 1)
    assert auroc.degree_preserving.mean == pytest.approx(auroc.value, abs=0.03)


def test_the_out_degree_of_a_source_is_the_popularity_that_the_network_shows():
    case = planted(3)
    scores = np.repeat(case.network.sum(1)[:, None].astype(float), len(case.network), axis=1)
    metrics = recovered(case, scores).metrics
    for metric in (metrics[name] for name in metrics.keys() - {"tail_mrr"}):
        assert metric.value == metric.out_degree
        assert (metric.above_out_degree.value, metric.above_out_degree.interval) == (0, [0, 0])


def test_targets_are_counted_by_their_in_degree():
    case = planted(3)
    scores = np.tile(case.network.sum(0).astype(float), (len(case.network), 1))
    metric = recovered(case, scores).metrics["tail_mrr"]
    assert (metric.value, metric.above_out_degree.interval) == (metric.out_degree, [0, 0])


def test_random_scores_are_not_above_popularity():
    above = dict.fromkeys(("auroc", "target_mrr", "tail_mrr"), 0)
    for seed in range(10):
        case = planted(seed, n=60)
        found = recovered(case, np.random.default_rng(seed).standard_normal(case.network.shape))
        for name in above:
            above[name] += found.metrics[name].above_out_degree.interval[0] > 0
    assert max(above.values()) <= 2, above


def test_a_gain_is_the_metric_less_that_of_the_baseline():
    case = planted(4)
    found = recovered(case, np.random.default_rng(0).standard_normal(case.network.shape))
    for metric in found.metrics.values():
        assert metric.above_degree_preserving.value == pytest.approx(
            metric.value - metric.degree_preserving.mean
        )
        assert metric.above_out_degree.value == pytest.approx(metric.value - metric.out_degree)
        low, high = metric.above_degree_preserving.interval
        assert low < metric.above_degree_preserving.value < high


@pytest.mark.parametrize("monotone", [np.exp, lambda s: s**3], ids=["exp", "cube"])
def test_only_the_order_of_the_scores_counts(monotone):
    case = planted(5)
    scores = np.random.default_rng(0).standard_normal(case.network.shape)
    assert recovered(case, scores).metrics == recovered(case, monotone(scores)).metrics


def test_the_seed_decides_every_number():
    case = planted(5)
    scores = np.random.default_rng(0).standard_normal(case.network.shape)
    assert recovered(case, scores).metrics == recovered(case, scores).metrics
    assert recovered(case, scores).metrics != recovered(case, scores, seed=1).metrics


@pytest.mark.parametrize("score_col", ["W", "z"])
@pytest.mark.slow
def test_held_out_edges_are_found_above_graphs_of_the_same_degrees(score_col):
    lows = []
    for seed in range(20):
        case = planted(seed)
        scores = pair_scores(case.activation, case.gradient, score_col=score_col)
        lows.append(gain(recovered(case, scores)).interval[0])
    assert sum(low > 0 for low in lows) >= 18


@pytest.mark.slow
def test_a_score_that_knows_popularity_alone_is_not():
    above = {"auroc": 0, "target_mrr": 0, "tail_mrr": 0, "average_precision": 0}
    for seed in range(20):
        case = planted(seed)
        blur = 0.5 * np.random.default_rng(seed).standard_normal(case.network.shape)
        found = recovered(case, popularity(case) + blur)
        for name in above:
            above[name] += gain(found, name).interval[0] > 0
    assert max(above.values()) <= 3, above
