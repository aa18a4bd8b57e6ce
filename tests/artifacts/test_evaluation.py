"""Evaluation: against numbers counted by hand, and what is undefined with its reason."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from artifacts.tiny import Echo, TinyData, TinySamples, feature_split, random_split
from families.checkpoints import random_gat

from assay.artifacts.evaluation import ROC_POINTS, compute
from assay.errors import AssayError
from assay.protocols import Detection

# Margins logit_1 - logit_0 of four benign samples and of four attacks, two of each type.
MARGINS = [-3.0, -1.0, 0.5, -2.0, 2.0, 1.0, -0.5, 0.4]
LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
TYPES = [0, 0, 1, 0, 1, 1, 2, 2]  # a benign window of an attack file carries its type


def evaluated(logits, labels, **columns):
    data = TinyData({"val": feature_split("val", logits, labels, **columns)})
    return compute(Echo(), data, splits=("val",), batch_size=3, seed=0).splits["val"]


@pytest.fixture(scope="module")
def binary():
    logits = [[1.0, 1.0 + margin] for margin in MARGINS]
    return evaluated(logits, LABELS, attack_type=np.array(TYPES))


def test_counts_of_two_classes(binary):
    assert (binary.n, binary.class_counts) == (8, [4, 4])
    assert binary.confusion == [[3, 1], [1, 3]]  # one false alarm, one miss
    assert binary.averaged == "class 1"


def test_shares_of_two_classes(binary):
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1"):
        assert getattr(binary, name) == 0.75, name


def test_auroc_is_the_share_of_pairs_in_the_right_order(binary):
    assert binary.auroc == 14 / 16  # two of the attacks stand below the benign sample at 0.5


def test_average_precision_is_the_mean_precision_at_each_attack(binary):
    assert binary.average_precision == pytest.approx((1 / 1 + 2 / 2 + 3 / 4 + 4 / 5) / 4)


def test_log_loss_is_the_mean_surprise_in_nats(binary):
    signed = [margin if label else -margin for margin, label in zip(MARGINS, LABELS, strict=True)]
    assert binary.log_loss == pytest.approx(np.mean([math.log1p(math.exp(-s)) for s in signed]))


def test_each_attack_type_stands_alone_against_all_benign_samples(binary):
    dos, fuzzing = binary.attack_types["dos"], binary.attack_types["fuzzing"]
    assert list(binary.attack_types) == ["dos", "fuzzing"]
    assert (dos.n, dos.recall, dos.auroc, dos.average_precision) == (2, 1.0, 1.0, 1.0)
    assert (fuzzing.n, fuzzing.recall, fuzzing.auroc) == (2, 0.5, 6 / 8)
    assert fuzzing.average_precision == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_an_attack_without_a_type_is_unnamed_and_a_code_without_a_name_is_its_number():
    result = evaluated([[0, -1], [0, 1], [0, 1]], [0, 1, 1], attack_type=np.array([0, 0, 9]))
    assert list(result.attack_types) == ["9", "unnamed"]


def test_data_that_know_no_attack_type_have_none():
    assert evaluated([[0, -1], [0, 1]], [0, 1]).attack_types == {}


def test_probabilities_that_round_to_one_are_still_ranked():
    result = evaluated([[0, 60], [0, 50], [0, 70]], [0, 0, 1])
    assert result.auroc == 1


def test_a_logit_far_off_gives_a_finite_log_loss():
    assert evaluated([[1000, 0], [0, 1000]], [1, 1]).log_loss == pytest.approx(500)


def test_benign_samples_alone_leave_what_needs_attacks_undefined():
    result = evaluated([[1, 0], [2, 0]], [0, 0])
    assert (result.accuracy, result.confusion) == (1.0, [[2, 0], [0, 0]])
    for name in ("balanced_accuracy", "precision", "recall", "f1", "auroc", "average_precision"):
        assert getattr(result, name) is None, name
        assert result.undefined[name], name
    assert result.undefined["auroc"] == "one class only: 0"


def test_benign_samples_with_a_false_alarm_have_a_precision_of_zero():
    result = evaluated([[1, 0], [0, 1]], [0, 0])
    assert (result.precision, result.recall, result.f1) == (0.0, None, 0.0)


def test_attacks_alone_have_a_recall_but_no_ranking():
    result = evaluated([[1, 0], [0, 1]], [1, 1], attack_type=np.array([1, 1]))
    assert (result.precision, result.recall) == (1.0, 0.5)
    assert result.auroc is None
    dos = result.attack_types["dos"]
    assert (dos.recall, dos.auroc, dos.average_precision) == (0.5, None, None)
    assert "no benign sample" in result.undefined["attack_types"]


def test_attacks_that_are_all_missed_have_no_precision():
    result = evaluated([[1, 0], [1, 0]], [0, 1])
    assert (result.precision, result.recall, result.f1) == (None, 0.0, 0.0)
    assert result.undefined["precision"] == "class 1 is never predicted"


@pytest.fixture(scope="module")
def several():
    """Four classes, of which the last does not occur, but is predicted once."""
    predicted = [0, 0, 1, 1, 2, 3]
    return evaluated(4 * np.eye(4)[predicted], [0, 0, 0, 1, 2, 2], attack_type=np.array([0, 0, 0, 1, 2, 2]))


def test_more_than_two_classes_are_averaged_over_those_that_occur(several):
    assert several.averaged.startswith("macro")
    assert several.class_counts == [3, 1, 2, 0]
    assert several.recall == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)
    assert several.balanced_accuracy == several.recall
    assert several.precision == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert several.f1 == pytest.approx((4 / 5 + 2 / 3 + 2 / 3) / 3)
    assert several.undefined == {}


def test_each_class_is_ranked_against_the_rest(several):
    of_0, of_1, of_2 = (2 / 3 + 1 / 3 / 2), (4 / 5 + 1 / 5 / 2), (1 / 2 + 1 / 2 / 2)
    assert several.auroc == pytest.approx((of_0 + of_1 + of_2) / 3)


def test_with_more_than_two_classes_any_attack_class_detects_an_attack(several):
    assert several.attack_types["fuzzing"].recall == 1


def test_no_named_split_means_all_of_them_and_the_result_is_plain_json():
    data = TinyData({"val": random_split("val", 9), "test": random_split("test", 6, seed=1)})
    result = compute(random_gat(seed=0), data, splits=(), batch_size=4, seed=0)
    assert {split: metrics.n for split, metrics in result.splits.items()} == {"val": 9, "test": 6}
    assert (result.family, result.data) == ("gat", "tiny")
    assert json.loads(json.dumps(dataclasses.asdict(result), allow_nan=False))


def test_labels_without_a_logit_are_refused():
    with pytest.raises(AssayError, match=r"split 'val' has labels 2; .* logits for 0 to 1"):
        evaluated([[0, 1], [0, 1]], [0, 2])


def test_logits_that_are_not_finite_are_refused():
    with pytest.raises(AssayError, match="logits of split 'val': 1 of 2 samples"):
        evaluated([[0, 1], [0, np.nan]], [0, 1])


def test_an_empty_split_is_refused():
    data = TinyData({"val": TinySamples("val", np.arange(0), [])})
    with pytest.raises(AssayError, match="split 'val' of data 'tiny': there is no sample"):
        compute(Echo(), data, splits=(), batch_size=4, seed=0)


def scored(scores, labels):
    """The metrics of two classes whose margins are the scores."""
    return evaluated(np.stack([np.zeros(len(scores)), scores], axis=1), list(labels))


def area(roc) -> float:
    return float(np.trapezoid(roc.true_positive_rate, roc.false_positive_rate))


def test_a_short_roc_curve_has_every_corner(binary):
    corners = list(zip(binary.roc.false_positive_rate, binary.roc.true_positive_rate, strict=True))
    assert corners == [(0, 0), (0, 0.25), (0, 0.5), (0.25, 0.5), (0.25, 1), (1, 1)]


@pytest.mark.parametrize("n", [300, 1000, 5000])
@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0, 6.0])
def test_a_long_roc_curve_is_thinned_and_keeps_its_area(n, shift):
    generator = np.random.default_rng(n)
    labels = (generator.random(n) < 0.3).astype(int)
    found = scored(generator.standard_normal(n) + shift * labels, labels)
    x, y = found.roc.false_positive_rate, found.roc.true_positive_rate
    assert len(x) == len(y) <= ROC_POINTS
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert (np.diff(x) >= 0).all()
    assert (np.diff(y) >= 0).all()
    assert area(found.roc) == pytest.approx(found.auroc, abs=1e-3)


@pytest.mark.parametrize("steps", [101, 150, 199, 200, 201, 250, 399, 400, 1000])
@pytest.mark.parametrize("first", [0, 1])
def test_a_curve_of_equal_steps_keeps_its_area(steps, first):
    """The worst for points at equal distances: they could all fall on outer corners."""
    labels = np.tile([first, 1 - first], steps)
    found = scored(-np.arange(2.0 * steps), labels)
    assert area(found.roc) == pytest.approx(found.auroc, abs=1e-3)


def test_the_roc_of_several_classes_is_that_of_any_attack_against_benign(several):
    """Two benign samples rank below all attacks, the third level with them: 3 attacks x 1 sample are ties."""
    assert area(several.roc) == pytest.approx(1 - 0.5 * 1 / 3)
    assert several.roc.true_positive_rate == [0, 1, 1]


@pytest.mark.parametrize(("labels", "reason"), [([0, 0], "no attack"), ([1, 1], "no benign sample")])
def test_one_class_has_no_roc_but_a_reason(labels, reason):
    result = scored(np.arange(2.0), labels)
    assert result.roc is None
    assert result.undefined["roc"] == reason


def test_attacks_of_two_classes_without_a_benign_sample_have_no_roc():
    result = evaluated(np.eye(3)[[1, 2, 1]], [1, 2, 2])
    assert result.roc is None
    assert result.auroc is not None


class Suspicious(Echo):
    """Scores without logits: the first feature; a threshold where one is given."""

    def __init__(self, threshold: float | None = None):
        self.threshold = threshold

    def detect(self, samples, *, batch_size, seed):
        scores = torch.cat([batch.x[:, 0] for batch in samples.batches(batch_size)]).double()
        return Detection(scores, None if self.threshold is None else (scores > self.threshold).long(), None)


def suspected(threshold, labels=LABELS):
    data = TinyData(
        {"val": feature_split("val", [[m] for m in MARGINS], labels, attack_type=np.array(TYPES))}
    )
    return compute(Suspicious(threshold), data, splits=("val",), batch_size=3, seed=0).splits["val"]


def test_scores_with_a_threshold_give_the_metrics_of_the_logits_that_decide_alike(binary):
    found = suspected(0.0)
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "auroc", "average_precision"):
        assert getattr(found, name) == getattr(binary, name), name
    assert (found.confusion, found.roc, found.attack_types) == (
        binary.confusion,
        binary.roc,
        binary.attack_types,
    )
    assert (found.log_loss, found.undefined["log_loss"]) == (None, "scores are no probabilities")


def test_scores_without_a_threshold_are_ranked_and_decide_nothing(binary):
    found = suspected(None)
    assert (found.auroc, found.average_precision) == (binary.auroc, binary.average_precision)
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "confusion"):
        assert getattr(found, name) is None
        assert found.undefined[name] == "the checkpoint has scores but no threshold to decide by"
    assert found.attack_types["dos"].recall is None
    assert found.attack_types["dos"].auroc == 1.0


def test_scores_tell_any_attack_from_benign_whatever_its_class():
    assert suspected(0.0, [3 * label for label in LABELS]) == suspected(0.0)


def test_scores_that_are_not_finite_are_refused():
    data = TinyData({"val": feature_split("val", [[1.0], [float("nan")]], [0, 1])})
    with pytest.raises(AssayError, match="scores of split 'val': 1 of 2 samples"):
        compute(Suspicious(), data, splits=("val",), batch_size=2, seed=0)
