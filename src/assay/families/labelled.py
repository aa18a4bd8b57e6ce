"""The cross entropy of a classifier of images over the samples whose class is known."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from assay.errors import AssayError, ResultWarning
from assay.families.network_objective import NetworkObjective
from assay.numerics.class_names import refuse_other_classes
from assay.protocols import ImageBatch, ImageSamples, Objective, Samples

IMAGES_AT_A_TIME = 64


def labelled_objective(network: nn.Module, samples: Samples, *, class_names: Sequence[str]) -> Objective:
    """The mean over the labelled samples; nothing in it is random.

    Raises:
        AssayError: no sample has a class, or one has a class for which there is no logit; or see
            `refuse_other_classes`.
    """
    known = samples.labels >= 0
    if not known.any():
        raise AssayError(f"split {samples.split}: no sample has a class whose loss could be taken")
    if (top := int(samples.labels.max())) >= len(class_names):
        raise AssayError(
            f"split {samples.split} has label {top}; the head of the checkpoint has {len(class_names)} classes"
        )
    if isinstance(samples, ImageSamples):
        refuse_other_classes(class_names, samples.class_names)
    if not known.all():
        said = f"{(~known).sum()} of {len(samples)} samples have no class; the loss is of the others"
        warnings.warn(f"split {samples.split}: {said}", ResultWarning, stacklevel=3)
    batches = [_labelled(batch) for batch in samples.batches(IMAGES_AT_A_TIME)]
    return NetworkObjective(network, [batch for batch in batches if len(batch.y)])


def _labelled(batch: ImageBatch) -> ImageBatch:
    known = batch.y >= 0
    return replace(batch, x=batch.x[known], y=batch.y[known])
