"""What a checkpoint says of the labelled samples of a split: predictions, and numbers that rank samples."""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64
from scipy import special
from torch import Tensor

from assay.artifacts.sampling import stacked
from assay.errors import AssayError, ResultWarning
from assay.protocols import Data, Detection, Samples

UNLABELLED = -1  # the label of a sample whose class is not known


@dataclass(frozen=True, slots=True)
class Answers:
    """Labels, predictions and ranks; of a checkpoint without logits the classes are benign, 0, and attack, 1."""

    labels: Int64[np.ndarray, " n"]
    attack_type: Int64[np.ndarray, " n"] | None
    n_unlabelled: int  # samples that are left out
    predicted: Int64[np.ndarray, " n"] | None  # None without a threshold to decide by
    margins: Float64[np.ndarray, "n classes"]  # rank samples by each class
    suspicion: Float64[np.ndarray, " n"] | None  # ranks them by any attack; None where no class is benign
    log_loss: float | None  # nats; None without logits

    @property
    def of_attacks(self) -> bool:
        """Whether the classes are two, benign and attack."""
        return self.suspicion is not None and self.margins.shape[1] == 2


def labelled_splits(
    data: Data, splits: Sequence[str]
) -> Iterator[tuple[Samples, Int64[np.ndarray, " labelled"]]]:
    """The samples of every split that has labels, and the places of those with one; warns of what is left out.

    Raises:
        AssayError: a split has no sample, or none of the splits a label.
    """
    n_labelled = 0
    for split in splits:
        samples = data.draw(split, max_samples=None, seed=0)
        known = _labelled(samples, data.name)
        n_labelled += len(known)
        if len(known):
            yield samples, known
    if n_labelled == 0:
        raise AssayError(f"data {data.name!r}: no sample of {', '.join(splits)} has a label")


def answers(samples: Samples, known: Int64[np.ndarray, " labelled"], detection: Detection) -> Answers:
    """What is said of the samples at `known`.

    Raises:
        AssayError: scores or logits that are not finite, neither of them, fewer than two logits, or a label
            that has none.
    """
    rows, split, labels = torch.from_numpy(known), samples.split, samples.labels[known]
    attack_type = None if samples.attack_type is None else samples.attack_type[known]
    predicted = None if detection.decisions is None else detection.decisions.cpu()[rows].numpy()
    suspicion, log_loss = None, None
    if detection.logits is not None:
        logits = stacked([detection.logits.cpu()[rows]], what=f"logits of split {split!r}").double().numpy()
        _check_labels(labels, logits.shape[1], split)
        margins, log_loss = _margins(logits), _log_loss(logits, labels)
    if detection.scores is not None:
        suspicion = _finite(detection.scores.cpu()[rows], split)
    if log_loss is None:
        if suspicion is None:
            raise AssayError(f"split {split!r}: the checkpoint gives neither scores nor logits")
        labels, margins = (labels != 0).astype(np.int64), np.stack([-suspicion, suspicion], axis=1)
    n_unlabelled = len(samples) - len(known)
    return Answers(labels, attack_type, n_unlabelled, predicted, margins, suspicion, log_loss)


def _labelled(samples: Samples, data: str) -> Int64[np.ndarray, " labelled"]:
    where = f"split {samples.split!r} of data {data!r}"
    if len(samples) == 0:
        raise AssayError(f"{where}: there is no sample")
    known = np.flatnonzero(samples.labels != UNLABELLED)
    if n_unlabelled := len(samples) - len(known):
        some = f"{n_unlabelled} of {len(samples)} samples have no label and are left out"
        said = some if len(known) else "no sample has a label; the split is left out"
        warnings.warn(f"{where}: {said}", ResultWarning, stacklevel=4)
    return known


def _finite(scores: Float64[Tensor, " n"], split: str) -> Float64[np.ndarray, " n"]:
    return stacked([scores[:, None]], what=f"scores of split {split!r}")[:, 0].numpy()


def _check_labels(labels: Int64[np.ndarray, " n"], n_classes: int, split: str) -> None:
    if n_classes < 2:
        raise AssayError(f"the checkpoint has {n_classes} logit; it takes two or more to tell classes apart")
    strange = np.unique(labels[(labels < 0) | (labels >= n_classes)])
    if len(strange):
        raise AssayError(
            f"split {split!r} has labels {', '.join(map(str, strange))}; "
            f"the checkpoint has logits for 0 to {n_classes - 1} (hyper_parameters.num_classes)"
        )


def _log_loss(logits: Float64[np.ndarray, "n classes"], labels: Int64[np.ndarray, " n"]) -> float:
    return float(-special.log_softmax(logits, axis=1)[np.arange(len(logits)), labels].mean())


def _margins(logits: Float64[np.ndarray, "n classes"]) -> Float64[np.ndarray, "n classes"]:
    """logit_c - logsumexp(other logits), as sums from either side: nothing cancels, and a thousand classes fit."""
    none = np.full((len(logits), 1), -np.inf)
    before = np.logaddexp.accumulate(logits, axis=1)
    after = np.logaddexp.accumulate(logits[:, ::-1], axis=1)[:, ::-1]
    return logits - np.logaddexp(np.hstack([none, before[:, :-1]]), np.hstack([after[:, 1:], none]))
