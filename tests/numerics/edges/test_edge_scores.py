"""Scores are correlations of one layer's activations with the next one's gradients, and what is known of these."""

import json

import numpy as np
import pytest
from lab import REFERENCE
from scipy import stats

from assay.numerics.edges import edge_scores
from assay.numerics.edges.edge_scores import degree_weights, score_tables, varying
from assay.numerics.edges.function_values import function_values

USUAL = {"method": "spearman", "pool": "pooled"}
SETTINGS = json.loads((REFERENCE / "gsnn" / "edge_scores.json").read_text())
BY_KEY = pytest.mark.parametrize("setting", SETTINGS, ids=[setting["key"] for setting in SETTINGS])
POOLS = pytest.mark.parametrize("pool", ["pooled", "per_layer"])
METHODS = pytest.mark.parametrize("method", ["spearman", "pearson"])


def rectified(layers: int, samples: int, n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns with many exact zeros that share a driver."""
    rng = np.random.default_rng(seed)
    driver = rng.standard_normal((layers, samples, 1))
    sides = (np.maximum(driver + rng.standard_normal((layers, samples, n)) - 0.5, 0) for _ in range(2))
    return tuple(sides)


def reference() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    with np.load(REFERENCE / "gsnn/edge_scores.npz") as made, np.load(REFERENCE / "gsnn/trace.npz") as trace:
        return dict(made), dict(trace)


def reference_values(trace: dict[str, np.ndarray], *, prenorm: bool, norm: str, agg: str):
    when = "pre" if prenorm else "post"
    return [
        function_values(trace[f"{side}_{when}"], trace["channel_groups"], 8, norm=norm, agg=agg)
        for side in ("act", "grad")
    ]


def reference_scores(setting: dict) -> np.ndarray:
    made, trace = reference()
    values = reference_values(trace, prenorm=setting["use_prenorm"], norm=setting["norm"], agg=setting["agg"])
    return score_tables(
        *values,
        method=setting["method"],
        pool="pooled",
        scale_by_act_mean=setting["scale_by_act_mean"],
        weights=degree_weights(made["ei_function_function"], 8, setting["penalty_factor"]),
        row_chunk=setting["row_chunk"] or 0,
    ).scores


@POOLS
@METHODS
def test_a_score_is_the_correlation_that_scipy_finds(method, pool):
    activation, gradient = rectified(4, 60, 5)
    found = score_tables(activation, gradient, method=method, pool=pool).scores
    correlation = stats.spearmanr if method == "spearman" else stats.pearsonr
    for i, j in np.ndindex(5, 5):
        a, g = activation[:-1, :, i], gradient[1:, :, j]
        layers = [(a.ravel(), g.ravel())] if pool == "pooled" else zip(a, g, strict=True)
        assert found[i, j] == pytest.approx(np.mean([correlation(*sides)[0] for sides in layers]), abs=1e-13)


@POOLS
@METHODS
def test_the_order_of_the_samples_changes_nothing(method, pool):
    activation, gradient = rectified(3, 80, 6)
    order = np.random.default_rng(1).permutation(80)
    one = score_tables(activation, gradient, method=method, pool=pool)
    other = score_tables(activation[:, order], gradient[:, order], method=method, pool=pool)
    np.testing.assert_allclose(other.scores, one.scores, atol=1e-13)
    np.testing.assert_allclose(other.expected, one.expected, atol=1e-13)


def test_columns_that_are_mostly_zero_and_independent_score_near_zero():
    rng = np.random.default_rng(0)
    activation, gradient = (
        np.where(rng.random((2, 2000, 8)) < 0.8, 0, rng.random((2, 2000, 8))) for _ in "ag"
    )
    scores = score_tables(activation, gradient, **USUAL).scores
    assert abs(scores.mean()) < 0.01
    assert np.abs(scores).max() < 5 / np.sqrt(2000)


@METHODS
def test_the_scale_of_the_loss_and_of_any_column_changes_nothing(method):
    activation, gradient = rectified(3, 50, 4)
    scale = 10.0 ** np.array([-30, -9, 0, 12])
    one = score_tables(activation, gradient, method=method, pool="pooled")
    for factor in (1e-18, 1e18):
        other = score_tables(activation * scale, factor * gradient, method=method, pool="pooled")
        np.testing.assert_allclose(other.scores, one.scores, atol=1e-12)


def test_layers_of_other_scale_look_correlated_when_pooled_and_not_one_by_one():
    rng = np.random.default_rng(0)
    scales = np.array([1, 2, 4, 8])[:, None, None]
    activation, gradient = (scales * rng.exponential(size=(4, 500, 10)) for _ in "ag")
    pooled = score_tables(activation, gradient, **USUAL)
    assert pooled.scores.mean() > 0.15
    assert abs((pooled.scores - pooled.expected).mean()) < 0.005
    by_layer = score_tables(activation, gradient, method="spearman", pool="per_layer")
    assert abs(by_layer.scores.mean()) < 0.005
    assert (by_layer.expected == 0).all()


@METHODS
def test_what_is_expected_is_the_mean_score_over_permutations_within_layers(method):
    rng = np.random.default_rng(0)
    scales = np.array([1, 3, 5])[:, None, None]
    activation, gradient = (scales * rng.exponential(size=(3, 25, 3)) for _ in "ag")
    shuffled = []
    for _ in range(1000):
        order = rng.permutation(25)
        shuffled.append(score_tables(activation, gradient[:, order], method=method, pool="pooled").scores)
    error = np.std(shuffled, axis=0) / np.sqrt(1000)
    expected = score_tables(activation, gradient, method=method, pool="pooled").expected
    assert (np.abs(np.mean(shuffled, axis=0) - expected) < 5 * error).all()


@METHODS
@pytest.mark.parametrize("constant", [0.0, 3.7, 1e30, 1e-40])
def test_a_constant_column_scores_zero(method, constant):
    activation, gradient = rectified(3, 50, 4)
    activation[..., 1] = constant
    gradient[..., 2] = constant
    found = score_tables(activation, gradient, method=method, pool="pooled")
    assert (found.scores[1] == 0).all() and (found.scores[:, 2] == 0).all()
    assert (found.scores[[0, 2, 3]][:, [0, 1, 3]] != 0).all()
    assert varying(activation, pool="pooled").tolist() == [True, False, True, True]


def test_a_column_of_rounding_alone_counts_as_constant_and_a_tiny_one_does_not():
    values = np.stack(
        [1 + 1e-9 * np.arange(8.0), 1e-30 * (1 + np.arange(8.0)), 1 + 1e-4 * np.arange(8.0)], axis=1
    )
    assert varying(values[None], pool="pooled").tolist() == [False, True, True]


def test_a_layer_in_which_a_column_is_constant_is_left_out_of_its_mean():
    activation, gradient = rectified(4, 40, 3)
    gradient[2, :, 1] = 0
    found = score_tables(activation, gradient, method="pearson", pool="per_layer").scores
    kept = [stats.pearsonr(activation[p, :, 0], gradient[p + 1, :, 1])[0] for p in (0, 2)]
    assert found[0, 1] == pytest.approx(np.mean(kept), abs=1e-13)


def test_the_activation_mean_multiplies_the_source():
    activation, gradient = rectified(3, 40, 4)
    plain, scaled = (
        score_tables(activation, gradient, **USUAL, scale_by_act_mean=on) for on in (False, True)
    )
    mean = activation[:-1].mean((0, 1))[:, None]
    np.testing.assert_allclose(scaled.scores, plain.scores * mean, atol=1e-14)
    np.testing.assert_allclose(scaled.expected, plain.expected * mean, atol=1e-14)


def test_the_penalty_counts_loops_and_repeated_edges():
    edges = np.array([[0, 0, 0, 1, 2], [1, 1, 2, 2, 2]])
    weights = degree_weights(edges, 4, 0.1)
    np.testing.assert_allclose(weights.source, [1.1**3, 1.1, 1.1, 1])
    np.testing.assert_allclose(weights.target, [1, 0.9**2, 0.9**3, 1])
    activation, gradient = rectified(3, 40, 4)
    plain = score_tables(activation, gradient, **USUAL).scores
    weighted = score_tables(activation, gradient, **USUAL, weights=weights).scores
    np.testing.assert_allclose(weighted, plain * np.outer(weights.source, weights.target), atol=1e-14)


@POOLS
@pytest.mark.parametrize("row_chunk", [1, 2, 5, 7, 100])
def test_how_many_sources_are_taken_at_a_time_changes_rounding_only(monkeypatch, row_chunk, pool):
    activation, gradient = rectified(3, 40, 5)
    draws = np.random.default_rng(0).integers(0, 40, (4, 30))
    for drawn in (None, draws):
        one, other = (
            score_tables(
                activation,
                gradient,
                method="spearman",
                pool=pool,
                scale_by_act_mean=True,
                draws=drawn,
                row_chunk=rows,
            )
            for rows in (0, row_chunk)
        )
        for name in ("scores", "expected") if drawn is None else ("scores", "expected", "sd", "low", "high"):
            np.testing.assert_allclose(getattr(other, name), getattr(one, name), atol=1e-13)
    whole = score_tables(activation, gradient, **USUAL).scores
    monkeypatch.setattr(edge_scores, "BLOCK_NUMBERS", 10)
    np.testing.assert_allclose(score_tables(activation, gradient, **USUAL).scores, whole, atol=1e-13)


def test_a_bootstrap_ranks_every_draw_anew_and_tells_its_spread():
    activation, gradient = rectified(3, 40, 4)
    draws = np.random.default_rng(0).integers(0, 40, (9, 60))  # more than there are samples
    found = score_tables(activation, gradient, **USUAL, draws=draws)
    each = [score_tables(activation[:, draw], gradient[:, draw], **USUAL) for draw in draws]
    scores = np.stack([one.scores for one in each])
    np.testing.assert_allclose(found.scores, scores.mean(0), atol=1e-14)
    np.testing.assert_allclose(found.expected, np.mean([one.expected for one in each], axis=0), atol=1e-14)
    np.testing.assert_allclose(found.sd, scores.std(0, ddof=1), atol=1e-14)
    np.testing.assert_allclose(
        [found.low, found.high], np.quantile(scores, [0.025, 0.975], axis=0), atol=1e-14
    )


def test_one_draw_has_no_spread():
    found = score_tables(*rectified(2, 9, 3), **USUAL, draws=np.arange(9)[None])
    assert np.isnan(found.sd).all()
    np.testing.assert_array_equal(found.low, found.scores)


def test_the_channels_of_a_function_are_taken_together():
    recorded = np.array([[[-1.0, 2, -3, 4, -5]]], dtype=np.float32)
    owners = np.array([0, 0, 2, 2, 2])
    expected = {
        ("l1", "sum"): [3, 0, 12],
        ("l1", "mean"): [1.5, 0, 4],
        ("l1", "max"): [2, 0, 5],
        ("l2", "sum"): [5, 0, 50],
        ("l2", "max"): [4, 0, 25],
        ("none", "sum"): [1, 0, -4],
        ("none", "max"): [2, 0, 4],
    }
    for (norm, agg), values in expected.items():
        found = function_values(recorded, owners, 4, norm=norm, agg=agg)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found[0, 0], [*values, 0])
    negative = function_values(-np.abs(recorded), owners, 3, norm="none", agg="max")
    assert negative[0, 0].tolist() == [-1, 0, -3]


def test_squares_of_tiny_gradients_do_not_vanish():
    tiny = np.full((1, 1, 1), 1e-30, dtype=np.float32)
    assert function_values(tiny, np.zeros(1, dtype=np.int64), 1, norm="l2", agg="sum").item() > 0


@BY_KEY
def test_scores_are_those_computed_in_float64_with_average_ranks(setting):
    made, _ = reference()
    np.testing.assert_allclose(reference_scores(setting), made[f"{setting['key']}_truth"], rtol=0, atol=1e-6)


@BY_KEY
def test_scores_are_the_published_ones_where_no_tie_disturbs_them(setting):
    made, _ = reference()
    published, comparable = made[setting["key"]], made[f"{setting['key']}_comparable"]
    assert comparable.any()
    tolerance = 5e-5 * max(1, np.abs(published).max())
    np.testing.assert_allclose(
        reference_scores(setting)[comparable], published[comparable], rtol=0, atol=tolerance
    )


def test_bootstraps_are_the_reference_ones():
    made, trace = reference()
    values = reference_values(trace, prenorm=True, norm="l1", agg="sum")
    found = score_tables(*values, **USUAL, draws=made["boot_ixs"])
    np.testing.assert_allclose(found.scores, made["W_boot_truth"], rtol=0, atol=1e-6)
    weights = degree_weights(made["ei_function_function"], 8, 0.1)
    pearson = score_tables(*values, method="pearson", pool="pooled", draws=made["boot_ixs"], weights=weights)
    np.testing.assert_allclose(pearson.scores, made["W_boot_pearson"], rtol=0, atol=1e-5)
