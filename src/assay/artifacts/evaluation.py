"""Evaluation: how well a checkpoint tells attacks from benign samples, or classes apart, split by split."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from sklearn import metrics

from assay.artifacts.answers import Answers, answers, labelled_splits
from assay.artifacts.compat import compatible
from assay.artifacts.sampling import attack_names, chosen_splits
from assay.numerics.class_names import refuse_other_classes
from assay.protocols import Data, Detects, ImageSamples

ROC_POINTS = 200  # of a curve, at most
NO_THRESHOLD = "the checkpoint has scores but no threshold to decide by"
NO_BENIGN = "no class is benign"
UNNAMED = "unnamed"  # an attack without a type: 0 is the code of benign samples, -1 of what is not known


@dataclass(frozen=True, slots=True)
class AttackMetrics:
    """One type of attack against all benign samples of its split; None where there are no benign ones."""

    n: int
    recall: float | None  # share predicted as any class but benign
    auroc: float | None
    average_precision: float | None


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Any attack against benign samples: shares predicted as attacks as the threshold falls, (0, 0) to (1, 1)."""

    false_positive_rate: list[float]
    true_positive_rate: list[float]


@dataclass(frozen=True, slots=True)
class SplitMetrics:
    """The metrics of one split; None is undefined, its reason in `undefined`.

    With two classes, benign and attack, precision, recall, F1, AUROC and average precision are of class 1, the
    attack. With more, or where none is benign, they are macro averages, one class against the rest, over the
    classes that occur; the precision of one that is never predicted counts as 0. `averaged` says which of the
    two. A checkpoint without logits gives scores: its labels are benign, 0, and attack, 1, and without a
    threshold it predicts nothing.
    """

    n: int  # samples with a label; the others are left out
    n_unlabelled: int
    class_counts: list[int]
    averaged: str
    accuracy: float | None
    balanced_accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    auroc: float | None
    average_precision: float | None
    log_loss: float | None  # nats
    confusion: list[list[int]] | None  # [class][predicted class]
    attack_types: dict[str, AttackMetrics]
    roc: RocCurve | None
    undefined: dict[str, str]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics by split."""

    splits: dict[str, SplitMetrics]
    class_names: list[str]  # by number, where no class is benign; else none
    family: str
    data: str


def compute(
    subject: Detects, data: Data, *, splits: tuple[str, ...], batch_size: int, compat: str, seed: int
) -> Evaluation:
    """Metrics of every labelled sample of the splits; with `compat` published, `batch_size` is part of the scores.

    Logits are ranked by the margin logit_c - logsumexp(other logits), which orders samples as the
    probability of c does, but does not saturate.

    Raises:
        AssayError: a split that the data do not have or that has no sample, no label in any, scores or logits that
            are not finite, labels that the checkpoint has no logit for, classes of data that are others than its
            own, or fewer than two logits.
    """
    subject, evaluated = compatible(subject, compat), {}
    class_names: Sequence[str] = ()
    for samples, known in labelled_splits(data, chosen_splits(data, splits)):
        detection = subject.detect(samples, batch_size=batch_size, seed=seed)
        class_names = detection.class_names
        if isinstance(samples, ImageSamples):
            refuse_other_classes(class_names, samples.class_names)
        evaluated[samples.split] = _of_split(answers(samples, known, detection), data)
    return Evaluation(splits=evaluated, class_names=list(class_names), family=subject.family, data=data.name)


def _of_split(said: Answers, data: Data) -> SplitMetrics:
    labels, predicted, n_classes = said.labels, said.predicted, said.margins.shape[1]
    undefined = {**_unranked(said), **_undecided(said)}
    scores = {**_ranked(said), **_decided(said)}
    defined = {name: None if name in undefined else float(score) for name, score in scores.items()}
    confusion = (
        None if predicted is None else metrics.confusion_matrix(labels, predicted, labels=range(n_classes))
    )
    return SplitMetrics(
        n=len(labels),
        n_unlabelled=said.n_unlabelled,
        class_counts=np.bincount(labels, minlength=n_classes).tolist(),
        averaged="class 1" if said.of_attacks else "macro over the classes that occur",
        accuracy=defined["accuracy"],
        balanced_accuracy=defined["balanced_accuracy"],
        precision=defined["precision"],
        recall=defined["recall"],
        f1=defined["f1"],
        auroc=defined["auroc"],
        average_precision=defined["average_precision"],
        log_loss=said.log_loss,
        confusion=None if confusion is None else confusion.tolist(),
        attack_types=_attack_types(said, data),
        roc=None if said.suspicion is None or "roc" in undefined else _roc(labels != 0, said.suspicion),
        undefined=undefined,
    )


def _unranked(said: Answers) -> dict[str, str]:
    """Metric of the ranking -> why it is undefined."""
    present = np.unique(said.labels)
    reasons = {} if said.log_loss is not None else {"log_loss": "scores are no probabilities"}
    if len(present) == 1:
        reasons |= dict.fromkeys(("auroc", "average_precision"), f"one class only: {present[0]}")
    if said.suspicion is None:
        return reasons | dict.fromkeys(("attack_types", "roc"), NO_BENIGN)
    if 0 not in present:
        no_rank = "no benign sample to rank an attack against"
        return reasons | {"attack_types": no_rank, "roc": "no benign sample"}
    return reasons | ({"roc": "no attack"} if len(present) == 1 else {})


def _undecided(said: Answers) -> dict[str, str]:
    """Metric of the predictions -> why it is undefined."""
    labels, predicted, reasons = said.labels, said.predicted, dict[str, str]()
    if predicted is None:
        decided = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "confusion")
        return dict.fromkeys(decided, NO_THRESHOLD)
    if (labels == labels[0]).all():
        reasons["balanced_accuracy"] = f"one class only: {labels[0]}"
    if not said.of_attacks:
        return reasons
    if 1 not in labels:
        reasons["recall"] = "no sample of class 1"
    if 1 not in predicted:
        reasons["precision"] = "class 1 is never predicted"
    if 1 not in labels and 1 not in predicted:
        reasons["f1"] = "class 1 neither occurs nor is predicted"
    return reasons


def _decided(said: Answers) -> dict[str, float]:
    labels, predicted = said.labels, said.predicted
    if predicted is None:
        return dict.fromkeys(("accuracy", "balanced_accuracy", "precision", "recall", "f1"), np.nan)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, predicted, labels=_positive(said), zero_division=0
    )
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": metrics.recall_score(
            labels, predicted, labels=np.unique(labels), average="macro"
        ),
        "precision": precision.mean(),
        "recall": recall.mean(),
        "f1": f1.mean(),
    }


def _ranked(said: Answers) -> dict[str, float]:
    labels, margins = said.labels, said.margins
    ranked = _positive(said).tolist() if (labels != labels[0]).any() else []
    return {
        "auroc": _mean([metrics.roc_auc_score(labels == c, margins[:, c]) for c in ranked]),
        "average_precision": _mean(
            [metrics.average_precision_score(labels == c, margins[:, c]) for c in ranked]
        ),
    }


def _positive(said: Answers) -> Int64[np.ndarray, " p"]:
    return np.array([1]) if said.of_attacks else np.unique(said.labels)


def _mean(scores: list[float]) -> float:
    return float(np.mean(scores)) if scores else np.nan


def _roc(attack: Bool[np.ndarray, " n"], scores: Float64[np.ndarray, " n"]) -> RocCurve:
    false_positive, true_positive, _ = metrics.roc_curve(attack, scores)
    if len(false_positive) > ROC_POINTS:
        length = false_positive + true_positive  # along the curve, 0 to 2; rises from corner to corner
        share = np.linspace(0, 1, ROC_POINTS)
        at = share + share**2  # closer together where false alarms are rare
        false_positive, true_positive = (
            np.interp(at, length, rate) for rate in (false_positive, true_positive)
        )
    return RocCurve(false_positive.tolist(), true_positive.tolist())


def _attack_types(said: Answers, data: Data) -> dict[str, AttackMetrics]:
    if said.attack_type is None or said.suspicion is None:
        return {}
    named = np.where(said.attack_type > 0, attack_names(data, said.attack_type), UNNAMED)
    benign = said.labels == 0
    return {
        str(name): _against_benign(benign, ~benign & (named == name), said.predicted, said.suspicion)
        for name in np.unique(named[~benign])
    }


def _against_benign(
    benign: Bool[np.ndarray, " n"],
    attack: Bool[np.ndarray, " n"],
    predicted: Int64[np.ndarray, " n"] | None,
    scores: Float64[np.ndarray, " n"],
) -> AttackMetrics:
    compared, ranked = benign | attack, benign.any()
    return AttackMetrics(
        n=int(attack.sum()),
        recall=None if predicted is None else float((predicted[attack] != 0).mean()),
        auroc=float(metrics.roc_auc_score(attack[compared], scores[compared])) if ranked else None,
        average_precision=(
            float(metrics.average_precision_score(attack[compared], scores[compared])) if ranked else None
        ),
    )
