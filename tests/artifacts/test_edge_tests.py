"""Edge tests: the published tables, what their code did wrong, and a reason for each pair that is not tested."""

import dataclasses
import warnings

import numpy as np
import pytest
from artifacts.edges import (
    UnitData,
    cell,
    edge_tests,
    planted,
    published_table,
    reference_network,
)
from artifacts.traces import noise, recorded

from assay.artifacts import edge_statistics
from assay.artifacts.edge_tests import EdgeTests
from assay.errors import AssayError, ResultWarning
from assay.numerics.edges.layer_tests import Null, layer_tests
from assay.numerics.edges.multiple_testing import q_values
from assay.numerics.edges.permutation_moments import Side
from assay.numerics.edges.shared_driver import without_mean_column
from assay.numerics.edges.unit_columns import score_units

SETTINGS = [(reduction, score) for reduction in ("l1", "l2") for score in ("corr", "partial")]


def assert_same(one: EdgeTests, other: EdgeTests, *, rtol: float = 1e-9) -> None:
    for field in dataclasses.fields(EdgeTests):
        found, expected = getattr(one, field.name), getattr(other, field.name)
        if isinstance(expected, np.ndarray) and expected.dtype.kind == "f":
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-12, err_msg=field.name)
        elif isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(found, expected, err_msg=field.name)


# -- the published tables ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("reduction", "score"), SETTINGS)
def test_scores_and_the_order_of_rows_are_the_published_ones(reduction, score):
    published = published_table(f"bs100_{reduction}_pre_{score}")
    found = edge_tests(reference_network(), reduction=reduction, score=score, p_method="published")
    assert found.src.rows().tolist() == published["src_func"].tolist()
    assert found.dst.rows().tolist() == published["dst_func"].tolist()
    np.testing.assert_array_equal(found.src_idx, published["src_idx"])
    np.testing.assert_array_equal(found.dst_idx, published["dst_idx"])
    assert found.has_edge.tolist() == (published["has_edge"] == "True").tolist()
    np.testing.assert_allclose(found.corr, published["corr"], atol=5e-5)
    assert list(found.by_layer) == ["corr_a0_g1", "corr_a1_g2", "corr_a2_g3"]
    for name, column in found.by_layer.items():
        np.testing.assert_allclose(column, published[name], atol=5e-5)
    if score == "partial":
        np.testing.assert_array_equal(found.n_cond, published["n_cond"])


@pytest.mark.parametrize(("reduction", "score"), SETTINGS)
def test_published_p_are_those_of_the_published_table_and_missing_where_it_said_1(reduction, score):
    published = published_table(f"bs100_{reduction}_pre_{score}")
    found = edge_tests(reference_network(), reduction=reduction, score=score, p_method="published")
    expected = np.where(found.tested, published["p_value"], np.nan)
    np.testing.assert_allclose(found.p, expected, atol=1e-4)
    assert (published["p_value"][np.isnan(published["corr"])] == 1).all()
    assert found.m == found.tested.sum() == 38
    known = ~np.isnan(published["corr"])
    counted = q_values(np.where(known, published["p_value"], 1.0), m=56)  # as published: missing ones count
    np.testing.assert_allclose(counted, published["q_value"], atol=1e-4)
    assert found.q[found.tested].min() < published["q_value"].min()


@pytest.mark.parametrize("size", [1, 7, 32, 100, 500])
@pytest.mark.parametrize("score", ["corr", "partial"])
def test_batches_of_any_size_give_the_table_of_one_batch(size, score):
    published = published_table(f"bs100_l1_pre_{score}")
    found = edge_tests(reference_network(), batch_size=size, score=score)
    np.testing.assert_allclose(found.corr, published["corr"], atol=5e-5)
    assert_same(found, edge_tests(reference_network(), batch_size=100, score=score))


def test_the_table_of_ragged_batches_is_not_the_one_that_was_published_for_them():
    wrong = published_table("bs32_l1_pre_corr")
    found = edge_tests(reference_network(), batch_size=32)
    of_pair = {(s, t): r for s, t, r in zip(wrong["src_idx"], wrong["dst_idx"], wrong["corr"], strict=True)}
    differences = [
        abs(r - of_pair[s, t]) for s, t, r in zip(found.src_idx, found.dst_idx, found.corr, strict=True)
    ]
    assert np.nanmax(differences) > 0.05


# -- what the published code did wrong ---------------------------------------------------------------------


@pytest.mark.parametrize("score", ["corr", "partial"])
@pytest.mark.parametrize("factor", [1e-12, 1e6])
def test_the_scale_of_the_loss_changes_nothing(factor, score):
    network = planted(edges=[(2, 1), (3, 1)])
    scaled = dataclasses.replace(network, gradient=network.gradient * factor)
    assert_same(edge_tests(scaled, 120, score=score), edge_tests(network, 120, score=score), rtol=2e-4)


def test_a_little_spread_about_a_large_mean_keeps_its_correlation():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1000))
    activation = np.tile((4096 + x)[:, None], (2, 1, 2))
    gradient = np.tile((4096 + 0.5 * x + np.sqrt(0.75) * y)[:, None], (2, 1, 2))
    expected = np.corrcoef(*(side[0, :, 0].astype(np.float32) for side in (activation, gradient)))[0, 1]
    found = edge_tests(recorded(activation, gradient), 1000)
    assert found.corr[0] == pytest.approx(expected, abs=1e-9)


def test_samples_in_another_order_give_the_same_table_with_ties_in_plenty():
    rng = np.random.default_rng(1)
    activation, gradient = (np.maximum(np.round(rng.standard_normal((3, 90, 6)), 1), 0) for _ in range(2))
    order = rng.permutation(90)
    moved = edge_tests(recorded(activation[:, order], gradient[:, order]), 90)
    assert_same(moved, edge_tests(recorded(activation, gradient), 90))


def test_equal_scores_stand_by_source_and_then_by_target_and_missing_ones_last():
    activation, gradient = noise(3, 60, 4)
    activation[:, :, 2] = activation[:, :, 1]
    gradient[:, :, 0] = 0
    found = edge_tests(recorded(activation, gradient), 60)
    pairs = list(zip(found.src_idx.tolist(), found.dst_idx.tolist(), strict=True))
    assert pairs[-3:] == [(1, 0), (2, 0), (3, 0)]
    assert (np.diff(found.corr[:-3]) <= 0).all()
    assert pairs.index((1, 3)) + 1 == pairs.index((2, 3))


def test_missing_scores_are_no_tests():
    network = planted()
    silent = dataclasses.replace(network, gradient=np.where(np.arange(12) < 6, network.gradient, 0))
    found = edge_tests(silent, 120)
    assert found.m == 6 * 11
    assert found.untested == {"target is constant": 6 * 11}
    assert np.isnan(found.q[~found.tested]).all()
    np.testing.assert_allclose(found.q, q_values(found.p, m=found.m))


def test_independent_layers_are_more_samples_and_not_one_correlation():
    activation, gradient = noise(9, 200, 30, seed=3)
    exact, published = (
        edge_tests(recorded(activation, gradient), 200, p_method=method) for method in ("exact", "published")
    )
    assert np.mean(exact.p <= 0.05) == pytest.approx(0.05, abs=0.02)
    assert np.mean(published.p <= 0.05) < 0.005


def test_the_largest_of_many_layers_is_published_too_bold_and_the_check_says_so():
    activation, gradient = noise(9, 200, 30, seed=4)
    network = recorded(activation, gradient)
    with pytest.warns(ResultWarning, match=r"p-values are too small: .* [3-9]\.\d\d times as often at 0\.05"):
        edge_tests(network, 200, p_method="published", layer_agg="max")
    found = edge_tests(network, 200, layer_agg="max")
    assert np.mean(found.p <= 0.05) < 0.07
    assert not any(check.too_bold for check in found.calibration)


def test_an_edge_that_was_used_scores_near_0_and_one_that_is_missing_high():
    """Fitting takes the part of the gradient that a used source explains (absorption)."""
    rng = np.random.default_rng(5)
    sources = np.abs(rng.standard_normal((400, 3)))
    target = sources[:, 0] + sources[:, 1] + 0.3 * rng.standard_normal(400)
    used = np.column_stack([np.ones(400), sources[:, 0]])
    gradient = np.abs(used @ np.linalg.lstsq(used, target)[0] - target - 3)
    activation = np.concatenate([sources, rng.standard_normal((400, 1))], axis=1)
    gradients = np.concatenate([rng.standard_normal((400, 3)), gradient[:, None]], axis=1)
    network = recorded(np.stack([activation] * 2), np.stack([gradients] * 2), [(0, 3)])
    found = edge_tests(network, 400)
    score = {source: found.corr[cell(found, source, 3)] for source in range(3)}
    assert abs(score[0]) < 0.1 < 0.5 < abs(score[1])
    assert abs(score[2]) < 0.15


# -- what is tested and what is not ------------------------------------------------------------------------


def test_a_planted_edge_is_found_and_no_other():
    found = edge_tests(planted(), 120)
    assert (found.src_idx[0], found.dst_idx[0]) == (0, 1)
    assert np.flatnonzero(found.q <= 0.1).tolist() == [0]
    assert found.q_adjusted[0] <= 0.1
    assert (found.rank_in_target[0], found.n_candidates[0]) == (1, 11)


@pytest.mark.parametrize("score", ["corr", "partial"])
def test_existing_edges_and_loops_are_no_tests_but_keep_their_scores(score):
    network = planted(edges=[(0, 1), (4, 1), (4, 1), (5, 5)])
    found = edge_tests(network, 120, score=score, exclude_self=False)
    assert found.m == 12 * 12 - 12 - 2
    assert found.untested == {"existing edge": 2, "self": 12}
    for source, target in ((0, 1), (4, 1), (5, 5)):
        row = cell(found, source, target)
        assert found.has_edge[row] and not found.tested[row]
        assert np.isnan([found.p[row], found.q[row], found.p_max[row], found.p_omnibus[row]]).all()
        assert np.isnan(found.rank_in_target[row])
    assert np.isnan(found.corr[cell(found, 0, 1)]) == (score == "partial")
    assert found.n_candidates[cell(found, 3, 1)] == 9
    assert found.n_cond[cell(found, 3, 1)] == (2 if score == "partial" else 0)
    assert len(edge_tests(network, 120, score=score).p) == 12 * 11


def test_each_pair_that_is_not_tested_has_a_reason():
    network = planted(n=60, k=7)
    network.activation[:, :, 2] = 1.5
    network.activation[:, 19:, 3] = 0
    network.activation[1, 5, 4] = np.inf
    network.activation[0, 5, 4] = np.nan
    network.gradient[1, :, 5], network.gradient[2, :, 5] = 0, -7
    network.gradient[2, :, 6], network.activation[0, :, 6] = 0, 0
    found = edge_tests(network, 60)
    reasons = dict(zip(zip(found.src_idx, found.dst_idx, strict=True), found.reason.rows(), strict=True))
    assert reasons[2, 0] == "source is constant"
    assert reasons[3, 0] == "source varies in fewer than 20 samples"
    assert reasons[4, 0] == "source is not finite"
    assert reasons[0, 5] == "target is constant"
    assert reasons[6, 0] == reasons[0, 6] == reasons[0, 1] == ""
    assert np.isnan(found.corr[cell(found, 4, 0)]) and np.isfinite(found.corr[cell(found, 3, 0)])
    assert found.tested.tolist() == (found.reason.rows() == "").tolist() == np.isfinite(found.p).tolist()
    assert found.m == found.tested.sum() == len(found.p) - sum(found.untested.values())


def test_a_target_that_is_not_finite_or_varies_in_few_samples_has_its_reason():
    network = planted(n=60, k=4)
    network.gradient[1, 5, 1], network.gradient[2, 5, 1] = np.nan, -np.inf
    network.gradient[:, 19:, 2] = 0
    found = edge_tests(network, 60)
    reasons = dict(zip(zip(found.src_idx, found.dst_idx, strict=True), found.reason.rows(), strict=True))
    assert reasons[0, 1] == "target is not finite"
    assert reasons[0, 2] == "target varies in fewer than 20 samples"
    assert np.isnan(found.corr[cell(found, 0, 1)]) and np.isfinite(found.corr[cell(found, 0, 2)])
    assert found.untested == {"target is not finite": 3, "target varies in fewer than 20 samples": 3}


def test_two_functions_without_a_common_layer_are_not_tested():
    activation, gradient = noise(3, 60, 3)
    activation[0, :, 0], gradient[2, :, 1] = 0, 0
    found = edge_tests(recorded(activation, gradient), 60)
    row = cell(found, 0, 1)
    assert found.reason.rows()[row] == "no layer in which both can be tested"
    assert found.layer_of_max[row] == -1 and np.isnan([found.corr[row], found.r_max[row]]).all()


@pytest.mark.parametrize("method", ["exact", "published"])
def test_a_target_with_too_many_parents_is_not_tested(method):
    activation, gradient = noise(3, 40, 40)
    network = recorded(activation, gradient, [(i, 0) for i in range(1, 39)] + [(2, 1)])
    found = edge_tests(network, 40, score="partial", p_method=method)
    assert found.reason.rows()[cell(found, 39, 0)] == "samples are too few for the parents of the target"
    assert found.tested[cell(found, 39, 1)]


def test_few_samples_are_no_tests_and_say_so():
    with pytest.warns(ResultWarning, match="no pair could be tested .*fewer than 20 samples: 30"):
        found = edge_tests(recorded(*noise(3, 12, 6)), 12)
    assert found.m == 0 and np.isfinite(found.corr).all() and np.isnan(found.p).all()
    assert found.calibration == ()
    assert edge_tests(recorded(*noise(3, 12, 6)), 12, p_method="published").m == 30


@pytest.mark.parametrize("n", [3, 4, 5])
@pytest.mark.parametrize("score", ["corr", "partial"])
def test_three_samples_are_enough_for_scores(n, score):
    network = recorded(*noise(3, n, 5), edges=[(0, 1), (2, 1), (3, 1)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)
        for method in ("exact", "published"):
            assert np.isfinite(edge_tests(network, n, score=score, p_method=method).corr).any()


def test_equal_columns_are_duplicates_without_a_p_of_0():
    network = planted()
    network.gradient[1:, :, 3] = 5 * network.activation[:-1, :, 2]
    for method in ("exact", "published"):
        found = edge_tests(network, 120, p_method=method)
        row = cell(found, 2, 3)
        assert np.flatnonzero(found.duplicate).tolist() == [row] == [0]
        assert 0 < found.p[row] < 1e-20


# -- columns -----------------------------------------------------------------------------------------------


def test_the_score_is_the_mean_of_the_layers_or_the_value_of_the_largest_magnitude():
    network = planted(layers=4)
    mean, largest = (edge_tests(network, 120, layer_agg=agg) for agg in ("mean", "max"))
    layers = np.stack(list(mean.by_layer.values()))
    np.testing.assert_allclose(mean.corr, layers.mean(0), rtol=1e-12)
    np.testing.assert_allclose(mean.r_max, layers.max(0))
    np.testing.assert_array_equal(mean.layer_of_max, layers.argmax(0))
    layers = np.stack(list(largest.by_layer.values()))
    np.testing.assert_allclose(largest.corr, np.take_along_axis(layers, np.abs(layers).argmax(0)[None], 0)[0])
    assert (largest.corr < 0).any() and (largest.r_max >= largest.corr).all()


def test_p_z_and_q_are_those_of_the_chosen_test_and_the_others_stand_beside():
    network = planted()
    mean, largest = (edge_tests(network, 120, layer_agg=agg) for agg in ("mean", "max"))
    of_mean = {pair: i for i, pair in enumerate(zip(mean.src_idx, mean.dst_idx, strict=True))}
    order = [of_mean[pair] for pair in zip(largest.src_idx, largest.dst_idx, strict=True)]
    np.testing.assert_array_equal(largest.p, largest.p_max)
    np.testing.assert_allclose(mean.p_max[order], largest.p_max)
    np.testing.assert_allclose(mean.p_omnibus[order], largest.p_omnibus)
    np.testing.assert_allclose(largest.q, q_values(largest.p, m=132))
    assert (mean.p != mean.p_max).any()
    assert (largest.z[largest.p < 0.05] > 1.5).all()


def test_adjusted_q_are_of_scores_without_their_mean_column_and_two_degrees_of_freedom_less():
    network = planted()
    found = edge_tests(network, 120)
    sides = (network.activation[:-1], network.gradient[1:])
    magnitudes = [np.abs(side.astype(np.float32)).astype(np.float64) for side in sides]
    everyone = np.zeros(120, np.int64)
    x, y = (without_mean_column(score_units(side, everyone).columns) for side in magnitudes)
    null = Null.of(Side.of(x, everyone), Side.of(y, everyone), lost=2)
    tests = layer_tests(x.transpose(0, 2, 1) @ y, null)
    expected = q_values(tests.p[found.src_idx, found.dst_idx], m=132)
    np.testing.assert_allclose(found.q_adjusted, expected, rtol=1e-9)


def test_ranks_count_what_scores_higher_and_half_of_what_scores_the_same():
    network = planted(k=7, edges=[(2, 1)])
    network.activation[:, :, 3] = network.activation[:, :, 4]
    network.activation[:, :, 5] = 0
    found = edge_tests(network, 120)
    of_target = {int(s): i for i, s in enumerate(found.src_idx) if found.dst_idx[i] == 1}
    scores = {s: found.corr[i] for s, i in of_target.items() if s != 2}
    for source, score in scores.items():
        higher = sum(other > score for other in scores.values())
        same = sum(other == score for s, other in scores.items() if s != source)
        expected = 5 if source == 5 else 1 + higher + same / 2
        assert found.rank_in_target[of_target[source]] == expected
    assert found.rank_in_target[of_target[3]] % 1 == 0.5
    assert found.n_candidates[of_target[0]] == 5


def test_sources_that_are_like_the_best_one_of_a_target_are_told():
    network = planted(k=6)
    network.activation[:, :, 2] = network.activation[:, :, 0] + 0.3 * network.activation[:, :, 3]
    found = edge_tests(network, 120)
    alike = {s: found.r_with_best[cell(found, s, 1)] for s in (0, 2, 4)}
    assert alike[0] == pytest.approx(1) and alike[2] > 0.7 and abs(alike[4]) < 0.4


# -- options -----------------------------------------------------------------------------------------------


def test_only_small_p_are_kept_with_the_m_the_histogram_and_the_q_of_all():
    network = planted(k=20)
    whole, part = edge_tests(network, 120), edge_tests(network, 120, keep_p=0.2)
    kept = whole.p <= 0.2
    assert (part.m, part.p_histogram, part.untested) == (whole.m, whole.p_histogram, whole.untested)
    assert sum(whole.p_histogram) == whole.m == 380
    np.testing.assert_array_equal(part.p, whole.p[kept])
    for name in ("q", "q_adjusted"):
        expected = getattr(whole, name)[kept]
        np.testing.assert_allclose(getattr(part, name), np.where(expected <= 0.2, expected, np.nan))
    assert np.nanmin(part.q_adjusted) < 0.2


def test_blocks_of_targets_change_nothing(monkeypatch):
    network = planted(k=15, edges=[(3, 1)])
    for score in ("corr", "partial"):
        whole = edge_tests(network, 120, score=score)
        with monkeypatch.context() as patch:
            patch.setattr(edge_statistics, "BLOCK_PAIRS", 40)
            assert_same(edge_tests(network, 120, score=score), whole)


def test_units_are_means_of_their_samples():
    network, units = planted(n=60), np.repeat(np.arange(60), 3)[::-1].copy()
    spread = dataclasses.replace(
        network,
        **{
            side: getattr(network, side)[:, units] + np.tile([-0.01, 0, 0.01], 60)[:, None]
            for side in ("activation", "gradient")
        },
    )
    found = edge_tests(spread, UnitData(180, unit=units + 7), unit=True)
    assert_equal_but_for_rounding(found, edge_tests(network, 60))
    assert (found.n_samples, found.n_units, found.n[0]) == (180, 60, 60)
    assert edge_tests(spread, UnitData(180, unit=units)).n[0] == 180


def assert_equal_but_for_rounding(one: EdgeTests, other: EdgeTests) -> None:
    np.testing.assert_array_equal(one.src_idx, other.src_idx)
    for name in ("corr", "z", "p", "q", "q_adjusted"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5, err_msg=name)


def test_what_batches_differ_in_is_no_association():
    activation, gradient = noise(3, 150, 12)
    groups = np.repeat(np.arange(3), 50)
    shifted = recorded(20 + activation + 2 * groups[:, None], 20 + gradient + 2 * groups[:, None])
    plain = edge_tests(shifted, UnitData(150, batch=groups))
    centred = edge_tests(shifted, UnitData(150, batch=groups), batch=True)
    assert np.mean(plain.q <= 0.1) > 0.9
    assert np.mean(centred.p <= 0.05) == pytest.approx(0.05, abs=0.05)
    assert (centred.n_batches, plain.n_batches) == (3, None)
    assert np.abs(centred.corr).mean() < 0.1 < 0.5 < plain.corr.mean()


def test_each_batch_costs_a_degree_of_freedom():
    network = planted(layers=2)
    groups = np.arange(120) % 40
    found = edge_tests(network, UnitData(120, batch=groups), batch=True)
    sides = (network.activation[0, :, [0]], network.gradient[1, :, [1]])
    x, y = (
        score_units(side.astype(np.float32).astype(np.float64).T[None], groups).columns[0] for side in sides
    )
    assert found.z[cell(found, 0, 1)] == pytest.approx((x.T @ y).item() * np.sqrt(80), rel=1e-9)


def test_units_within_batches_are_tested_with_the_freedom_that_is_left():
    network = planted(n=60)
    data = UnitData(60, unit=np.arange(60) // 2, batch=np.arange(60) // 20)
    found = edge_tests(network, data, unit=True, batch=True)
    assert (found.n_units, found.n_batches, found.n[0]) == (30, 3, 30)


@pytest.mark.parametrize(
    ("options", "data", "reason"),
    [
        ({"unit": True}, UnitData(60), "option unit is true, and data 'rows' name no unit in split 'val'"),
        ({"batch": True}, UnitData(60), "option batch is true, and data 'rows' name no batch"),
        (
            {"unit": True, "batch": True},
            UnitData(60, unit=np.arange(60) // 2, batch=np.arange(60) % 2),
            "30 units have samples in several batches",
        ),
        ({"unit": True}, UnitData(60, unit=np.arange(60) % 2), "3 independent samples or more; .* gives 2"),
        ({"split": "train"}, UnitData(60), "have no split 'train'"),
        ({}, UnitData(2), "3 independent samples or more; split 'val' gives 2"),
        ({}, UnitData(0), "there is no sample"),
    ],
)
def test_what_cannot_be_inferred_from_is_refused(options, data, reason):
    with pytest.raises(AssayError, match=reason):
        edge_tests(planted(n=60), data, **options)


def test_one_block_and_functions_without_channels_are_refused_by_name():
    activation, gradient = noise(1, 30, 4)
    with pytest.raises(AssayError, match=r"2 blocks or more .*; this one has 1"):
        edge_tests(recorded(activation, gradient), 30)
    bare = dataclasses.replace(planted(n=30), functions=[f"f{i}" for i in range(14)])
    with pytest.raises(AssayError, match=r"2 functions have no channel, .*: f12, f13"):
        edge_tests(bare, 30)


@pytest.mark.parametrize("norm", ["layer", "rms", "softmax", "edgebatch", "batch", "groupbatch", "none"])
def test_activations_after_a_norm_of_each_sample_are_refused_by_name(norm):
    network = dataclasses.replace(planted(n=60), norm=norm)
    if norm in ("batch", "groupbatch", "none"):
        assert edge_tests(network, 60, use_pre_norm=False).use_pre_norm is False
    else:
        with pytest.raises(AssayError, match=f"use_pre_norm is false, and the blocks have norm {norm}, "):
            edge_tests(network, 60, use_pre_norm=False)
    assert edge_tests(network, 60).use_pre_norm is True


def test_the_root_of_squares_and_the_sum_of_magnitudes_are_taken_over_channels():
    rng = np.random.default_rng(0)
    activation, gradient = rng.standard_normal((2, 2, 80, 6))
    network = dataclasses.replace(
        recorded(activation, gradient),
        channel_function=np.array([0, 0, 1, 1, 1, 2]),
        functions=["a", "b", "c"],
    )
    lengths = {"l1": lambda side: np.abs(side).sum(1), "l2": lambda side: np.linalg.norm(side, axis=1)}
    for reduction, length in lengths.items():
        found = edge_tests(network, 80, reduction=reduction)
        expected = np.corrcoef(length(activation[0][:, :2]), length(gradient[1][:, 2:5]))[0, 1]
        assert found.corr[cell(found, 0, 1)] == pytest.approx(expected, abs=1e-6)
