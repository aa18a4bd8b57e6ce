"""How close predictions come to targets: against scipy and sklearn, in limits, and where nothing is defined."""

import numpy as np
import pytest
from artifacts.regressed import Oracle, TinyRows, TinyTables, noisy, regression
from scipy import stats
from sklearn import metrics

from assay.artifacts.regression import BINS, Regression, SplitScores, compute
from assay.errors import AssayError


def scored(targets: np.ndarray, predictions: np.ndarray, **options) -> SplitScores:
    return regression({"val": (targets, predictions)}, **options).splits["val"]


def test_the_scores_of_an_output_are_those_of_scipy_and_sklearn():
    targets, predictions = (side.astype(np.float32) for side in noisy(0, 60, 3))
    predictions[:20, 1] = predictions[0, 1]  # ties
    found = scored(targets, predictions)
    targets, predictions = targets.astype(float), predictions.astype(float)
    for k in range(3):
        one, y, p = found.outputs[f"out{k}"], targets[:, k], predictions[:, k]
        assert one.rmse == pytest.approx(metrics.root_mean_squared_error(y, p), rel=1e-12)
        assert one.mae == pytest.approx(metrics.mean_absolute_error(y, p), rel=1e-12)
        assert one.r2 == pytest.approx(metrics.r2_score(y, p), rel=1e-10)
        assert one.pearson == pytest.approx(stats.pearsonr(y, p).statistic, rel=1e-10)
        assert one.spearman == pytest.approx(stats.spearmanr(y, p).statistic, rel=1e-10)
        assert one.baseline_rmse == pytest.approx(y.std(), rel=1e-12)
        assert one.baseline_mae == pytest.approx(np.abs(y - y.mean()).mean(), rel=1e-12)
    weighted = metrics.r2_score(targets, predictions, multioutput="variance_weighted")
    assert found.overall.r2 == pytest.approx(weighted, rel=1e-10)
    assert found.overall.rmse == pytest.approx(np.sqrt(((targets - predictions) ** 2).mean()), rel=1e-12)
    assert found.overall.mae == pytest.approx(np.abs(targets - predictions).mean(), rel=1e-12)
    for name in ("pearson", "spearman"):
        each = [getattr(found.outputs[f"out{k}"], name) for k in range(3)]
        assert getattr(found.overall, name) == pytest.approx(np.mean(each), rel=1e-12)
    assert found.undefined == {}


def test_perfect_predictions_have_no_error_and_the_mean_is_its_own_baseline():
    targets, _ = noisy(1, 40, 2)
    perfect = scored(targets, targets).overall
    assert (perfect.rmse, perfect.mae, perfect.r2) == (0, 0, 1)
    assert (perfect.pearson, perfect.spearman) == (pytest.approx(1), pytest.approx(1))
    mean = scored(targets, np.broadcast_to(targets.mean(0), targets.shape)).overall
    assert mean.r2 == pytest.approx(0, abs=1e-6)
    assert mean.rmse == pytest.approx(mean.baseline_rmse, rel=1e-6)
    assert mean.mae == pytest.approx(mean.baseline_mae, rel=1e-6)


def test_a_model_that_knows_only_the_means_of_the_outputs_has_no_correlation_overall():
    targets, _ = noisy(2, 50, 4)
    means = np.arange(4) * 100.0
    shuffled = np.random.default_rng(3).permutation(targets) + means
    overall = scored(targets + means, shuffled).overall
    assert abs(overall.pearson) < 0.3


def test_units_of_the_targets_change_errors_alone():
    targets, predictions = noisy(4, 50, 2)
    one, other = scored(targets, predictions), scored(1000 * targets - 3, 1000 * predictions - 3)
    assert other.overall.rmse == pytest.approx(1000 * one.overall.rmse, rel=1e-4)
    for name in ("r2", "pearson", "spearman"):
        assert getattr(other.overall, name) == pytest.approx(getattr(one.overall, name), abs=1e-5)
    assert other.counts == one.counts


def test_batches_decide_nothing():
    targets, predictions = noisy(5, 30, 2)
    assert scored(targets, predictions, batch_size=4) == scored(targets, predictions, batch_size=30)


def test_constant_targets_and_predictions_have_reasons_in_place_of_numbers():
    targets, predictions = noisy(6, 20, 3)
    targets[:, 0], predictions[:, 1] = 0.1, 4.0
    found = scored(targets, predictions, names=("a", "b", "c"))
    assert found.undefined == {
        "a": "all targets are 0.1: no R2 and no correlation",
        "b": "all predictions are 4: no correlation",
    }
    assert found.outputs["a"].r2 is found.outputs["a"].pearson is found.outputs["a"].spearman is None
    assert found.outputs["b"].r2 is not None and found.outputs["b"].pearson is None
    assert found.overall.pearson == found.outputs["c"].pearson
    only = scored(targets[:, :1], predictions[:, :1])
    assert only.overall.r2 is only.overall.pearson is None
    assert np.sum(only.counts) == 0


def test_counts_lie_where_targets_and_predictions_do():
    targets = np.array([[-1.0], [1.0]])
    counts = np.array(scored(targets, np.array([[1.0], [100.0]])).counts)
    low, high = BINS // 2 - BINS // 6, BINS // 2 + BINS // 6
    assert counts.sum() == 2
    assert counts[low, high] == 1
    assert counts[high, BINS - 1] == 1


def test_every_split_is_scored_and_an_unknown_or_empty_one_refused():
    whole = {"val": noisy(7, 9, 2), "test": noisy(8, 5, 2)}
    result = regression(whole)
    assert isinstance(result, Regression)
    assert [(split, scores.n) for split, scores in result.splits.items()] == [("val", 9), ("test", 5)]
    data = TinyTables({"val": TinyRows(np.ones((0, 2)), np.ones((0, 2)))})
    with pytest.raises(AssayError, match="split 'val' of data 'can': there is no sample"):
        compute(Oracle(("a", "b")), data, splits=(), batch_size=4)
    with pytest.raises(AssayError, match="have no split 'other'"):
        compute(Oracle(("a", "b")), data, splits=("other",), batch_size=4)


def test_outputs_that_are_not_finite_are_refused():
    targets, predictions = noisy(9, 8, 2)
    predictions[3, 1] = np.inf
    with pytest.raises(AssayError, match="outputs of split 'val': 1 of 8 samples give values that are not"):
        scored(targets, predictions)
