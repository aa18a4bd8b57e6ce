"""Evaluation: how well a checkpoint tells attacks from benign samples, split by split."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import special
from sklearn import metrics

from assay.artifacts.sampling import chosen_splits, stacked
from assay.errors import AssayError
from assay.protocols import Data, Detection, Detects, Samples

ROC_POINTS = 200  # of a curve, at most
NO_THRESHOLD = "the checkpoint has scores but no threshold to decide by"
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

    With two classes precision, recall, F1, AUROC and average precision are of class 1, the attack. With more
    they are macro averages, one class against the rest, over the classes that occur; the precision of one
    that is never predicted counts as 0. `averaged` says which of the two. A checkpoint without logits gives
    scores: its labels are benign, 0, and attack, 1, and without a threshold it predicts nothing.
    """

    n: int
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
    family: str
    data: str


@dataclass(frozen=True, slots=True)
class _Answers:
    """What a checkpoint says of one split."""

    labels: Int64[np.ndarray, " n"]
    predicted: Int64[np.ndarray, " n"] | None
    margins: Float64[np.ndarray, "n classes"]  # rank samples by each class
    suspicion: Float64[np.ndarray, " n"]  # ranks them by any attack
    log_loss: float | None


def compute(
    subject: Detects, data: Data, *, splits: tuple[str, ...], batch_size: int, seed: int
) -> Evaluation:
    """Metrics of every sample of the splits.

    Logits are ranked by the margin logit_c - logsumexp(other logits), which orders samples as the
    probability of c does, but does not saturate.

    Raises:
        AssayError: a split that the data do not have or that is empty, scores or logits that are not finite, or
            labels that the checkpoint has no logit for.
    """
    evaluated = {}
    for split in chosen_splits(data, splits):
        samples = data.draw(split, max_samples=None, seed=0)
        if len(samples) == 0:
            raise AssayError(f"split {split!r} of data {data.name!r}: there is no sample")
        answers = _answers(samples, subject.detect(samples, batch_size=batch_size, seed=seed))
        evaluated[split] = _of_split(answers, samples, data)
    return Evaluation(splits=evaluated, family=subject.family, data=data.name)


def _answers(samples: Samples, detection: Detection) -> _Answers:
    predicted = None if detection.decisions is None else detection.decisions.cpu().numpy()
    if detection.logits is None:
        scores = stacked([detection.scores[:, None]], what=f"scores of split {samples.split!r}")[:, 0].numpy()
        labels = (samples.labels != 0).astype(np.int64)
        return _Answers(labels, predicted, np.stack([-scores, scores], axis=1), scores, None)
    logits = stacked([detection.logits], what=f"logits of split {samples.split!r}").double().numpy()
    _check_labels(samples.labels, logits.shape[1], samples.split)
    own = special.log_softmax(logits, axis=1)[np.arange(len(logits)), samples.labels]
    scores = detection.scores.cpu().numpy()
    return _Answers(samples.labels, predicted, _margins(logits), scores, float(-own.mean()))


def _of_split(answers: _Answers, samples: Samples, data: Data) -> SplitMetrics:
    labels, predicted, n_classes = answers.labels, answers.predicted, answers.margins.shape[1]
    undefined = _undefined(answers)
    scores = {**_ranked(labels, answers.margins), **_decided(labels, predicted, n_classes)}
    defined = {name: None if name in undefined else float(score) for name, score in scores.items()}
    confusion = (
        None if predicted is None else metrics.confusion_matrix(labels, predicted, labels=range(n_classes))
    )
    return SplitMetrics(
        n=len(labels),
        class_counts=np.bincount(labels, minlength=n_classes).tolist(),
        averaged="class 1" if n_classes == 2 else "macro over the classes that occur",
        accuracy=defined["accuracy"],
        balanced_accuracy=defined["balanced_accuracy"],
        precision=defined["precision"],
        recall=defined["recall"],
        f1=defined["f1"],
        auroc=defined["auroc"],
        average_precision=defined["average_precision"],
        log_loss=answers.log_loss,
        confusion=None if confusion is None else confusion.tolist(),
        attack_types=_attack_types(samples, data, answers),
        roc=None if "roc" in undefined else _roc(labels != 0, answers.suspicion),
        undefined=undefined,
    )


def _margins(logits: Float64[np.ndarray, "n classes"]) -> Float64[np.ndarray, "n classes"]:
    others = [np.delete(logits, c, axis=1) for c in range(logits.shape[1])]
    return logits - np.stack([special.logsumexp(rest, axis=1) for rest in others], axis=1)


def _check_labels(labels: Int64[np.ndarray, " n"], n_classes: int, split: str) -> None:
    strange = np.unique(labels[(labels < 0) | (labels >= n_classes)])
    if len(strange):
        raise AssayError(
            f"split {split!r} has labels {', '.join(map(str, strange))}; "
            f"the checkpoint has logits for 0 to {n_classes - 1} (hyper_parameters.num_classes)"
        )


def _undefined(answers: _Answers) -> dict[str, str]:
    labels, predicted = answers.labels, answers.predicted
    reasons: dict[str, str] = (
        {} if answers.log_loss is not None else {"log_loss": "scores are no probabilities"}
    )
    present = np.unique(labels)
    if len(present) == 1:
        ranked = ("balanced_accuracy", "auroc", "average_precision")
        reasons |= dict.fromkeys(ranked, f"one class only: {present[0]}")
    if 0 not in present:
        reasons["attack_types"] = "no benign sample to rank an attack against"
    if 0 not in present or len(present) == 1:
        reasons["roc"] = "no benign sample" if 0 not in present else "no attack"
    if predicted is None:
        decided = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "confusion")
        return reasons | dict.fromkeys(decided, NO_THRESHOLD)
    if answers.margins.shape[1] > 2:
        return reasons
    if 1 not in labels:
        reasons["recall"] = "no sample of class 1"
    if 1 not in predicted:
        reasons["precision"] = "class 1 is never predicted"
    if 1 not in labels and 1 not in predicted:
        reasons["f1"] = "class 1 neither occurs nor is predicted"
    return reasons


def _decided(
    labels: Int64[np.ndarray, " n"], predicted: Int64[np.ndarray, " n"] | None, n_classes: int
) -> dict[str, float]:
    if predicted is None:
        return dict.fromkeys(("accuracy", "balanced_accuracy", "precision", "recall", "f1"), np.nan)
    present = np.unique(labels)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        labels, predicted, labels=_positive(present, n_classes), zero_division=0
    )
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": metrics.recall_score(labels, predicted, labels=present, average="macro"),
        "precision": precision.mean(),
        "recall": recall.mean(),
        "f1": f1.mean(),
    }


def _ranked(labels: Int64[np.ndarray, " n"], margins: Float64[np.ndarray, "n classes"]) -> dict[str, float]:
    present = np.unique(labels)
    ranked = _positive(present, margins.shape[1]).tolist() if len(present) > 1 else []
    return {
        "auroc": _mean([metrics.roc_auc_score(labels == c, margins[:, c]) for c in ranked]),
        "average_precision": _mean(
            [metrics.average_precision_score(labels == c, margins[:, c]) for c in ranked]
        ),
    }


def _positive(present: Int64[np.ndarray, " c"], n_classes: int) -> Int64[np.ndarray, " p"]:
    return np.array([1]) if n_classes == 2 else present


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


def _attack_types(samples: Samples, data: Data, answers: _Answers) -> dict[str, AttackMetrics]:
    if samples.attack_type is None:
        return {}
    codes = samples.attack_type.tolist()
    named = np.array([data.attack_names.get(code, str(code)) if code > 0 else UNNAMED for code in codes])
    benign = samples.labels == 0
    return {
        str(name): _against_benign(benign, ~benign & (named == name), answers)
        for name in np.unique(named[~benign])
    }


def _against_benign(
    benign: Bool[np.ndarray, " n"],
    attack: Bool[np.ndarray, " n"],
    answers: _Answers,
) -> AttackMetrics:
    compared, predicted, scores = benign | attack, answers.predicted, answers.suspicion
    ranked = benign.any()
    return AttackMetrics(
        n=int(attack.sum()),
        recall=None if predicted is None else float((predicted[attack] != 0).mean()),
        auroc=float(metrics.roc_auc_score(attack[compared], scores[compared])) if ranked else None,
        average_precision=(
            float(metrics.average_precision_score(attack[compared], scores[compared])) if ranked else None
        ),
    )
