"""Evaluation: against numbers counted by hand, and what is undefined with its reason."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from artifacts.tiny import Classes, Echo, TinyData, TinySamples, feature_split, random_split
from families.checkpoints import random_gat
from scipy import special

from assay.artifacts.answers import answers
from assay.artifacts.evaluation import ROC_POINTS, compute
from assay.errors import AssayError, ResultWarning
from assay.protocols import Detection

# Margins logit_1 - logit_0 of four benign samples and of four attacks, two of each type.
MARGINS = [-3.0, -1.0, 0.5, -2.0, 2.0, 1.0, -0.5, 0.4]
LABELS = [0, 0, 0, 0, 1, 1, 1, 1]
TYPES = [0, 0, 1, 0, 1, 1, 2, 2]  # a benign window of an attack file carries its type


def evaluated(logits, labels, **columns):
    data = TinyData({"val": feature_split("val", logits, labels, **columns)})
    return compute(Echo(), data, splits=("val",), batch_size=3, compat="none", seed=0).splits["val"]


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
    result = compute(random_gat(seed=0), data, splits=(), batch_size=4, compat="none", seed=0)
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
        compute(Echo(), data, splits=(), batch_size=4, compat="none", seed=0)


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
    return compute(Suspicious(threshold), data, splits=("val",), batch_size=3, compat="none", seed=0).splits[
        "val"
    ]


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
        compute(Suspicious(), data, splits=("val",), batch_size=2, compat="none", seed=0)


def classified(logits, labels, *, names=("cat", "dog"), **columns):
    """The evaluation of a classifier of whose classes none is benign."""
    data = TinyData({"val": feature_split("val", logits, labels, **columns)})
    return compute(Classes(names), data, splits=("val",), batch_size=3, compat="none", seed=0)


def test_where_no_class_is_benign_there_is_no_attack_to_tell_apart():
    result = classified(np.eye(2)[[0, 1, 1]], [0, 1, 0], attack_type=np.array([0, 1, 0]))
    found = result.splits["val"]
    assert (found.roc, found.attack_types) == (None, {})
    assert found.undefined == dict.fromkeys(("roc", "attack_types"), "no class is benign")
    assert result.class_names == ["cat", "dog"]


def test_two_classes_of_which_none_is_benign_are_averaged_as_more_are():
    found = classified([[1.0, 1.0 + margin] for margin in MARGINS[:7]], LABELS[:7]).splits["val"]
    assert found.averaged == "macro over the classes that occur"
    assert found.confusion == [[3, 1], [1, 2]]
    assert found.precision == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert found.recall == pytest.approx((3 / 4 + 2 / 3) / 2)
    assert found.auroc == pytest.approx(11 / 12)  # one dog stands below one of the four cats
    dogs, cats = (1 + 1 + 3 / 4) / 3, (1 + 1 + 1 + 4 / 5) / 4
    assert found.average_precision == pytest.approx((dogs + cats) / 2)


def test_a_class_that_is_missed_counts_where_none_is_benign():
    found = classified([[1, 0], [1, 0]], [0, 1]).splits["val"]
    assert (found.precision, found.recall) == (0.25, 0.5)
    assert not found.undefined.keys() & {"precision", "recall", "f1"}


def test_a_detector_of_attacks_names_no_classes():
    data = TinyData({"val": feature_split("val", [[0, 1]], [1])})
    assert compute(Echo(), data, splits=(), batch_size=3, compat="none", seed=0).class_names == []


UNLABELLED = "split 'val' of data 'tiny': 2 of 5 samples have no label and are left out"


def test_samples_without_a_label_are_left_out_and_counted():
    logits, labels = [[1, 0], [0, 9], [0, 1], [9, 0], [1, 0]], [0, -1, 1, -1, 1]
    with pytest.warns(ResultWarning, match=UNLABELLED):
        found = classified(logits, labels).splits["val"]
    alone = classified([logits[i] for i in (0, 2, 4)], [0, 1, 1]).splits["val"]
    assert (found.n, found.n_unlabelled, alone.n_unlabelled) == (3, 2, 0)
    assert dataclasses.replace(found, n_unlabelled=0) == alone


def test_an_unlabelled_sample_is_no_attack_of_a_detector():
    types = np.array([0, 2, 1, 2, 1])
    logits, labels = [[1, 0], [0, 9], [0, 1], [9, 0], [1, 0]], [0, -1, 1, -1, 1]
    for subject in (Echo(), Suspicious(0.5)):
        data = TinyData({"val": feature_split("val", logits, labels, attack_type=types)})
        with pytest.warns(ResultWarning, match=UNLABELLED):
            found = compute(subject, data, splits=(), batch_size=3, compat="none", seed=0).splits["val"]
        assert (found.class_counts, found.attack_types.keys()) == ([1, 2], {"dos"})
        assert found.attack_types["dos"].n == 2


def test_a_split_without_any_label_is_left_out_and_said():
    splits = {
        split: feature_split(split, [[0, 1], [1, 0]], labels)
        for split, labels in {"train": [0, 1], "test": [-1, -1], "val": [1, 1]}.items()
    }
    with pytest.warns(ResultWarning, match="split 'test' of data 'tiny': no sample has a label; .* left out"):
        found = compute(
            Classes(("cat", "dog")), TinyData(splits), splits=(), batch_size=3, compat="none", seed=0
        )
    assert list(found.splits) == ["train", "val"]


@pytest.mark.filterwarnings("ignore:split 'val' of data 'tiny'. no sample:assay.errors.ResultWarning")
def test_where_no_split_has_a_label_it_is_refused():
    with pytest.raises(AssayError, match="data 'tiny': no sample of val has a label"):
        classified([[0, 1], [1, 0]], [-1, -1])


def named_split(*names):
    """A split of two samples of data whose classes have these names."""
    return NamedSamples(**vars(feature_split("val", [[0, 1], [1, 0]], [0, 1])), class_names=names)


@dataclasses.dataclass(frozen=True)
class NamedSamples(TinySamples):
    class_names: tuple[str, ...] = ()


def evaluated_with_names(*names):
    data = TinyData({"val": named_split(*names)})
    return compute(Classes(("cat", "dog")), data, splits=(), batch_size=3, compat="none", seed=0)


def test_classes_of_data_with_other_names_than_the_checkpoints_are_said():
    with pytest.warns(
        ResultWarning, match="differ: 1 is 'dog' there, 'wolf' here; labels are compared by number"
    ):
        found = evaluated_with_names("cat", "wolf")
    assert found.class_names == ["cat", "dog"]


@pytest.mark.parametrize("names", [("cat", "dog", "wolf"), ("dog", "cat")])
def test_classes_of_data_of_another_count_or_order_are_refused(names):
    with pytest.raises(AssayError, match="name those of the checkpoint, in its order, in class_names"):
        evaluated_with_names(*names)


def test_one_logit_is_refused():
    with pytest.raises(AssayError, match="the checkpoint has 1 logit; it takes two or more"):
        classified([[1], [2]], [0, 0], names=("cat",))


def test_neither_scores_nor_logits_are_refused():
    class Silent(Echo):
        def detect(self, samples, *, batch_size, seed):
            return Detection(None, None, None)

    data = TinyData({"val": feature_split("val", [[1], [2]], [0, 1])})
    with pytest.raises(AssayError, match="split 'val': the checkpoint gives neither scores nor logits"):
        compute(Silent(), data, splits=(), batch_size=3, compat="none", seed=0)


def test_a_class_of_a_thousand_is_ranked_by_its_logit_less_that_of_all_others():
    logits = 20 * np.random.default_rng(0).standard_normal((6, 1000)).astype(np.float32)
    found = answered(logits)
    for c in (0, 1, 500, 999, *logits.argmax(1)):
        rest = np.delete(logits.astype(np.float64), c, axis=1)
        np.testing.assert_allclose(found[:, c], logits[:, c] - special.logsumexp(rest, axis=1), rtol=1e-12)


def answered(logits):
    """The margins of samples of class 0."""
    samples = feature_split("val", logits)
    return answers(samples, np.arange(len(samples)), Detection(None, None, torch.tensor(logits))).margins
