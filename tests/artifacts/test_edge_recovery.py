"""Edge recovery: what was held out is found by name, and every contradiction between data and network is refused."""

import dataclasses

import numpy as np
import pytest
from artifacts.traces import Recorded, RowData, noise, recorded
from numerics.edges.planted import planted

from assay.artifacts.edge_recovery import compute
from assay.artifacts.edge_scores import compute as scores_of
from assay.catalog import ARTIFACTS
from assay.errors import AssayError, Refused, ResultWarning
from assay.store import formats

OPTIONS = {name: option.default for name, option in ARTIFACTS["edge_recovery"].options.items()}
SCORING = {name: option.default for name, option in ARTIFACTS["edge_scores"].options.items()}
NAMES = {"auroc", "tail_mrr", "target_mrr", "average_precision", "top@1", "top@3", "top@5"}


def recovered(subject, held_out, **changes):
    return compute(subject, RowData(subject.activation.shape[1], held_out), **OPTIONS | changes)


def subject_of(case) -> Recorded:
    return recorded(case.activation, case.gradient, edges=np.argwhere(case.network).tolist())


def named(edges: np.ndarray) -> list[tuple[str, str]]:
    return [(f"f{source}", f"f{target}") for source, target in edges.T.tolist()]


@pytest.fixture(scope="module")
def case():
    return planted(0, n=40, samples=200, effect=0.4)


@pytest.fixture(scope="module")
def found(case):
    return recovered(subject_of(case), named(case.held_out))


def test_planted_edges_are_found_above_every_baseline(case, found):
    assert found.metrics.keys() == NAMES
    for metric in found.metrics.values():
        assert metric.value > max(metric.chance, metric.out_degree, metric.degree_preserving.high)
        assert metric.above_degree_preserving.interval[0] > 0
    assert (found.n_positives, found.n_missing) == (case.held_out.shape[1], 0)
    assert found.n_pairs == (~case.closed).sum()


def test_rows_are_the_positives_in_the_order_of_the_data_with_the_scores_of_edge_scores(case, found):
    rows, subject = found.positives, subject_of(case)
    w = scores_of(subject, RowData(200), **SCORING).W
    np.testing.assert_array_equal(rows.score, w[tuple(case.held_out)])
    assert list(zip(rows.source.tolist(), rows.target.tolist(), strict=True)) == named(case.held_out)
    np.testing.assert_array_equal(rows.reciprocal_rank, 1 / rows.rank)
    assert list(rows.top) == ["top@1", "top@3", "top@5"]
    for k in (1, 3, 5):
        assert found.metrics[f"top@{k}"].value == pytest.approx(rows.top[f"top@{k}"].mean())
    assert found.metrics["target_mrr"].value == pytest.approx(rows.reciprocal_rank.mean())


def test_an_edge_that_the_data_name_twice_counts_once(case, found):
    twice = recovered(subject_of(case), named(case.held_out) * 2)
    assert (twice.n_positives, twice.metrics) == (found.n_positives, found.metrics)


def test_a_positive_without_a_score_is_last_and_counted(case):
    subject = subject_of(case)
    silent = case.held_out[0, 0]
    activation = subject.activation.copy()
    activation[:, 15:, silent] = 0
    quiet = recorded(activation, case.gradient, edges=subject.edges.T.tolist())
    with pytest.warns(ResultWarning, match=r"positives have no score \(NaN\): they are ranked last"):
        result = recovered(quiet, named(case.held_out), score_col="z")
    lost = np.isnan(result.positives.score)
    assert result.n_missing == lost.sum() == (case.held_out[0] == silent).sum()
    np.testing.assert_array_equal(result.positives.rank[lost], result.positives.n_candidates[lost])


@pytest.mark.parametrize(
    ("held_out", "message"),
    [
        ([("f0", "gene x"), ("f1", "f2")], "the network has no function gene x. It has f0, f1, f2, f3"),
        ([("f3", "f3")], "an edge from f3 to itself is no candidate"),
        (
            [("f0", "f1"), ("f1", "f0")],
            "1 of 2 stand in the network: f0 -> f1. An edge that was trained with",
        ),
    ],
)
def test_held_out_edges_that_contradict_the_network_are_refused_by_name(held_out, message):
    with pytest.raises(Refused, match=message):
        recovered(recorded(*noise(2, 9, 4), edges=[(0, 1)]), held_out)


def test_functions_that_share_a_name_are_refused():
    activation, gradient = noise(2, 9, 3)
    subject = Recorded(activation, gradient, ["a", "b", "b"], np.array([[0], [1]]), np.arange(3))
    with pytest.raises(Refused, match="functions share one: b"):
        recovered(subject, [("b", "a")])


@pytest.mark.parametrize("held_out", [None, []])
def test_no_positive_is_an_error_that_says_what_else_there_is(held_out):
    with pytest.raises(AssayError, match=r"data 'rows' name no held-out edges.*positives: existing"):
        recovered(recorded(*noise(2, 9, 3)), held_out)
    with pytest.raises(AssayError, match="no edge between two functions"), pytest.warns(ResultWarning):
        recovered(recorded(*noise(2, 9, 3)), held_out, positives="existing")


def test_existing_edges_are_ranked_among_all_others_with_a_warning():
    subject = recorded(*noise(2, 30, 6), edges=[(0, 1), (0, 1), (2, 1), (3, 3), (4, 5)])
    with pytest.warns(ResultWarning, match="known edges score low whatever the truth"):
        result = recovered(subject, [("f0", "f2")], positives="existing")
    assert result.labels == "existing"
    assert (result.n_positives, result.n_pairs) == (3, 30)
    assert result.positives.n_candidates.tolist() == [4, 4, 5]


def test_few_targets_have_no_interval_and_few_edges_no_graph_of_their_degrees():
    result = recovered(recorded(*noise(2, 30, 6), edges=[(0, 1)]), [("f0", "f2")])
    assert result.undefined == {
        "intervals over targets": "need 20 targets of positives, got 1",
        "intervals over sources": "need 20 sources of positives, got 1",
        "degree_preserving": "needs 10 swaps an edge, and 0 were possible: other edges of the same degrees are too few",
    }
    for metric in result.metrics.values():
        assert (metric.interval, metric.degree_preserving, metric.above_degree_preserving) == (
            None,
            None,
            None,
        )


@pytest.mark.parametrize("top_k", [("0",), ("1", "all"), ("-1",), ("1.5",)])
def test_a_top_k_that_is_no_number_is_an_error(top_k):
    with pytest.raises(AssayError, match=r"top_k takes whole numbers from 1 on, e\.g\. \[1, 3, 5\]; got "):
        recovered(recorded(*noise(2, 9, 3)), [("f0", "f2")], top_k=top_k)


@pytest.mark.parametrize("score_col", ["corr", "z"])
def test_magnitudes_after_a_norm_of_each_sample_are_refused_by_name(score_col):
    network = dataclasses.replace(recorded(*noise(2, 30, 6), edges=[(0, 1)]), norm="layer")
    with pytest.raises(AssayError, match="option use_prenorm is false, and the blocks have norm layer, "):
        recovered(network, [("f0", "f2")], score_col=score_col, use_prenorm=False)
    assert recovered(network, [("f0", "f2")], score_col=score_col).score_col == score_col
    assert recovered(network, [("f0", "f2")], use_prenorm=False).score_col == "W"


def test_the_two_files_load_back_equal(found, tmp_path):
    formats.save(found, tmp_path / "edge_recovery.json")
    assert {path.name for path in tmp_path.iterdir()} == {"edge_recovery.json", "edge_recovery.parquet"}
    loaded = formats.load(tmp_path / "edge_recovery.json", type(found))
    assert (loaded.metrics, loaded.undefined, loaded.n_pairs) == (
        found.metrics,
        found.undefined,
        found.n_pairs,
    )
    np.testing.assert_array_equal(loaded.positives.rank, found.positives.rank)
    assert loaded.positives.top.keys() == {"top@1", "top@3", "top@5"}
