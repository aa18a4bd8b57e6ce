"""Edge recovery drawn: the metric, its interval and every baseline stand where their numbers are."""

import numpy as np
import pytest
from figures.edges import edge_recovery_result, without_graphs

from assay.figures.edge_recovery import draw


@pytest.fixture(scope="module")
def result():
    return edge_recovery_result(80)


def points(axes, label: str) -> list[float]:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(line.get_xdata()).tolist()


def lines(axes) -> list[list[float]]:
    return [np.asarray(line.get_xdata()).tolist() for line in axes.lines if len(line.get_xdata()) == 2]


def test_metrics_and_baselines_stand_in_the_order_of_their_names(result):
    left, right = draw(result).axes
    names = ["auroc", "target_mrr", "tail_mrr", "average_precision", "top@1", "top@3", "top@5"]
    metrics = [result.metrics[name] for name in names]
    assert [text.get_text() for text in left.get_yticklabels()] == [
        "AUROC within target",
        "MRR of sources",
        "MRR of targets",
        "average precision",
        *names[4:],
    ]
    assert points(left, "scores") == [metric.value for metric in metrics]
    assert points(left, "permuted labels") == [metric.permuted_labels.mean for metric in metrics]
    assert points(left, "same degrees") == [metric.degree_preserving.mean for metric in metrics]
    assert points(left, "out-degree (targets: in-degree)") == [metric.out_degree for metric in metrics]
    assert points(right, "above same degrees") == [metric.above_degree_preserving.value for metric in metrics]
    assert points(right, "above out-degree (targets: in-degree)") == [
        metric.above_out_degree.value for metric in metrics
    ]
    (chance,) = left.collections
    assert [segment[0, 0] for segment in chance.get_segments()] == [metric.chance for metric in metrics]


def test_intervals_and_the_95_percent_of_the_baselines_are_lines(result):
    left, right = draw(result).axes
    for metric in result.metrics.values():
        assert metric.interval in lines(left)
        assert [metric.degree_preserving.mean, metric.degree_preserving.high] in lines(left)
        assert [metric.permuted_labels.mean, metric.permuted_labels.high] in lines(left)
        assert metric.above_degree_preserving.interval in lines(right)


def test_numbers_stand_beside_with_their_intervals(result):
    left = draw(result).axes[0]
    auroc = result.metrics["auroc"]
    low, high = auroc.interval
    assert left.texts[0].get_text() == f"{auroc.value:.3g}\n[{low:.2g}, {high:.2g}]"


def test_what_is_missing_has_its_reason():
    few = without_graphs(edge_recovery_result(8))
    figure = draw(few)
    assert points(figure.axes[0], "same degrees") == points(figure.axes[1], "above same degrees") == []
    notes = " ".join(figure.get_supxlabel().split())
    assert "No degree_preserving: needs 10 swaps an edge" in notes
    assert "1 positives have no score and are ranked last." in notes


def test_existing_edges_are_said_to_prove_nothing(result):
    existing = draw(edge_recovery_result(20, positives="existing"))
    assert existing.get_suptitle().startswith("Recovery of existing edges by W")
    assert "this says nothing about recovery" in existing.get_supxlabel()
    assert "this says nothing about recovery" not in draw(result).get_supxlabel()
