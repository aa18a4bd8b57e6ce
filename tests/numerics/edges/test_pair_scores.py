"""The scores that edges are ranked by are those of their own artifacts; a pair that has none is NaN."""

import numpy as np
import pytest
from numerics.edges.planted import planted
from scipy import stats

from assay.numerics.edges import pair_scores as blocks
from assay.numerics.edges.edge_scores import score_tables
from assay.numerics.edges.layer_tests import Null, layer_tests
from assay.numerics.edges.pair_scores import pair_scores
from assay.numerics.edges.permutation_moments import Side
from assay.numerics.edges.unit_columns import score_units


@pytest.fixture(scope="module")
def case():
    return planted(0, n=12, samples=40)


def test_w_and_its_excess_are_the_default_scores(case):
    tables = score_tables(case.activation, case.gradient, method="spearman", pool="pooled")
    found = {name: pair_scores(case.activation, case.gradient, score_col=name) for name in ("W", "excess")}
    np.testing.assert_array_equal(found["W"], tables.scores)
    np.testing.assert_array_equal(found["excess"], tables.scores - tables.expected)


def test_corr_is_the_mean_of_the_correlations_of_the_layers_in_which_both_vary(case):
    gradient = case.gradient.copy()
    gradient[1, :, 3] = 2.0
    gradient[:, :, 4] = 2.0
    found = pair_scores(case.activation, gradient, score_col="corr")
    by_layer = [
        [stats.pearsonr(case.activation[p, :, 0], gradient[p + 1, :, j])[0] for p in (0, 1)] for j in (2, 5)
    ]
    np.testing.assert_allclose(found[0, [2, 5]], np.mean(by_layer, axis=1), atol=1e-13)
    alone = stats.pearsonr(case.activation[1, :, 0], gradient[2, :, 3])[0]
    assert found[0, 3] == pytest.approx(alone, abs=1e-13)
    assert np.isnan(found[:, 4]).all() and np.isfinite(np.delete(found, 4, axis=1)).all()


def test_z_is_that_of_the_tests_and_nan_where_too_few_samples_vary(case):
    activation = case.activation.copy()
    activation[:, 19:, 7] = 0
    everyone = np.zeros(40, dtype=np.int64)
    x, y = score_units(activation[:-1], everyone), score_units(case.gradient[1:], everyone)
    products = x.columns.transpose(0, 2, 1) @ y.columns
    expected = layer_tests(products, Null.of(*(Side.of(side.columns, everyone) for side in (x, y)))).z
    found = pair_scores(activation, case.gradient, score_col="z")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert np.isnan(found[7]).all() and np.isfinite(np.delete(found, 7, axis=0)).all()


@pytest.mark.parametrize("pairs", [2 * 12, 5 * 12 - 1, 5 * 12, 6 * 12, 12 * 12, 13 * 12])
def test_a_block_of_targets_more_or_less_gives_the_same_bytes(case, pairs, monkeypatch):
    """Of 12 targets: two, four, five or six at a time, or all at once."""
    whole = pair_scores(case.activation, case.gradient, score_col="z")
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", pairs)
    assert pair_scores(case.activation, case.gradient, score_col="z").tobytes() == whole.tobytes()


@pytest.mark.parametrize("pairs", [1, 11, 12 * 12 - 1])
def test_a_block_of_one_target_changes_rounding_only(case, pairs, monkeypatch):
    whole = pair_scores(case.activation, case.gradient, score_col="z")
    monkeypatch.setattr(blocks, "BLOCK_PAIRS", pairs)
    found = pair_scores(case.activation, case.gradient, score_col="z")
    np.testing.assert_allclose(found, whole, rtol=1e-13)
