"""Class activation maps: where a layer holds evidence for each class, and whether the training matters for it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64, Shaped
from torch import Tensor

from assay.artifacts.cascade import Cascade
from assay.artifacts.class_maps import ClassMaps, chosen_layer, layer_grid, wanted_classes
from assay.artifacts.image_records import ImageRecords, chosen_records, refuse_failed
from assay.errors import ResultWarning
from assay.numerics.class_names import classes_that_differ, same_numbers, warn_of_other_names
from assay.numerics.rank_agreement import rank_agreement
from assay.numerics.saliency import CLASSLESS, scaled_maps
from assay.protocols import Data, Explains, Parts

AGREEMENT = (
    0.5  # mean rank correlation with a random network, above which training hardly matters for the maps
)
MAP_BYTES = 2**30  # of all maps at the size of the images; beyond, they stay at the size of the layer


@dataclass(frozen=True, slots=True)
class GradCam:
    """Row i of every array is one record, in the order of its split; column j is the class `classes[i, j]`.

    `raw` is what the method gives, and can be compared; each `map` is scaled by itself, to 0 .. 1. Where `evidence` is
    False the map is 0 throughout: no positive evidence. `sanity` is the rank correlation of |raw| with that of the same
    network with random weights in the 1, 2, ... groups of layers nearest to the head; NaN where a map is constant.
    """

    raw: Float32[np.ndarray, "records classes *grid"]
    map: Float32[np.ndarray, "records classes *map_size"]
    evidence: Bool[np.ndarray, "records classes"]
    score: Float32[np.ndarray, "records classes"]  # logits
    classes: Int64[np.ndarray, "records classes"]  # counted from 0
    sanity: Float64[np.ndarray, "records classes stages"]
    predicted: Int64[np.ndarray, " records"]
    labels: Int64[np.ndarray, " records"]  # -1 where the class is not known, or none of the checkpoint's
    record_id: Shaped[np.ndarray, " records"]  # text
    sample: Int64[np.ndarray, " records"]  # index in the split
    image: Float32[np.ndarray, "records channels *space"]  # as the data give it
    class_names: Shaped[np.ndarray, " all_classes"]  # text
    layer: str
    method: str
    split: str
    family: str
    data: str


def compute(
    subject: Explains,
    data: Data,
    parts: Parts,
    *,
    split: str,
    records: tuple[str, ...],
    target_classes: tuple[str, ...],
    layer: str,
    method: str,
    max_records: int,
    batch_size: int,
    seed: int,
) -> GradCam:
    """The maps of the wanted classes of each record: the named records, else `max_records` drawn from the split.

    `seed` decides the draw and the random weights of `sanity`.

    Raises:
        AssayError: a split, record, class or layer that there is not; a layer of one position; records whose
            values are not finite or whose classes do not depend on the layer.
    """
    layer = chosen_layer(subject, layer)
    wanted = wanted_classes(target_classes, subject.class_names)
    chosen = chosen_records(
        data, split=split, records=records, max_records=max_records, batch_size=batch_size, seed=seed
    )
    grid = layer_grid(subject, chosen.batch(0, 1), layer=layer)
    cascade = Cascade(subject, chosen, layer=layer, method=method, batch_size=batch_size, seed=seed)
    classes = cascade.class_numbers(wanted)
    trained, *randomised = cascade.maps(classes, parts, grid=grid)
    refuse_failed(_failures(trained, chosen.id, layer, subject), len(chosen))
    _warn_of_method(method)
    return _result(
        trained,
        classes,
        chosen,
        sanity=_sanity(trained, randomised),
        subject=subject,
        layer=layer,
        method=method,
        data=data.name,
    )


def _result(
    trained: ClassMaps,
    classes: Int64[Tensor, "n c"],
    chosen: ImageRecords,
    *,
    sanity: Float64[np.ndarray, "n c stages"],
    subject: Explains,
    layer: str,
    method: str,
    data: str,
) -> GradCam:
    maps = _scaled(trained.raw, chosen)
    return GradCam(
        raw=trained.raw.numpy(),
        map=maps.numpy(),
        evidence=maps.flatten(2).any(2).numpy(),
        score=trained.logits.gather(1, classes).numpy(),
        classes=classes.numpy(),
        sanity=sanity,
        predicted=trained.logits.argmax(1).numpy(),
        labels=_known_labels(chosen, subject.class_names),
        record_id=chosen.id,
        sample=chosen.index,
        image=chosen.x.cpu().numpy(),
        class_names=np.array(subject.class_names, dtype=np.str_),
        layer=layer,
        method=method,
        split=chosen.split,
        family=subject.family,
        data=data,
    )


def _failures(
    maps: ClassMaps, ids: Shaped[np.ndarray, " n"], layer: str, subject: Explains
) -> dict[str, Sequence[str]]:
    finite = maps.raw.flatten(1).isfinite().all(1) & maps.logits.isfinite().all(1)
    reached = maps.reached.all(1)
    unreached = (
        f"the gradient at layer {layer} is zero at every position: nothing there reaches the class. Where the head "
        "reads the class token, no patch does after the last attention. Take a layer nearer to the input; the default "
        f"is {subject.default_layer}, the first {subject.layer_names[0]}"
    )
    return {
        "values that are not finite: the checkpoint overflows on them": ids[~finite.numpy()].tolist(),
        unreached: ids[(finite & ~reached).numpy()].tolist(),
    }


def _sanity(trained: ClassMaps, randomised: Sequence[ClassMaps]) -> Float64[np.ndarray, "n c stages"]:
    """The agreement with every randomised network; warns where that with the last one is high."""
    sanity = np.stack([_agreement(trained.raw, other.raw) for other in randomised], axis=2)
    last = sanity[:, :, -1]
    agreement = float(np.nanmean(last)) if np.isfinite(last).any() else 0.0
    if agreement > AGREEMENT:
        warnings.warn(
            f"the maps agree with those of the network with random weights: mean rank correlation {agreement:.2f}, "
            f"above {AGREEMENT}. They show the image or the architecture more than what was learnt",
            ResultWarning,
            stacklevel=3,
        )
    return sanity


def _agreement(
    one: Float32[Tensor, "n c *grid"], other: Float32[Tensor, "n c *grid"]
) -> Float64[np.ndarray, "n c"]:
    ours, theirs = (maps.abs().flatten(2).flatten(0, 1).numpy() for maps in (one, other))
    return rank_agreement(ours, theirs).reshape(one.shape[:2])


def _scaled(raw: Float32[Tensor, "n c *grid"], chosen: ImageRecords) -> Float32[Tensor, "n c *size"]:
    """At the size of the records, where that is not too large; warns where it is."""
    grid = tuple(raw.shape[2:])
    size = tuple(chosen.x.shape[-len(grid) :])  # a grid of two axes over a signal: a row for each channel
    if raw.shape[:2].numel() * torch.Size(size).numel() * raw.element_size() > MAP_BYTES:
        warnings.warn(
            f"`map` has the size of the layer: at the size of the images it would take more than {MAP_BYTES >> 30} GiB",
            ResultWarning,
            stacklevel=4,
        )
        size = grid
    return scaled_maps(raw.flatten(0, 1), size).unflatten(0, raw.shape[:2])


def _known_labels(chosen: ImageRecords, of_checkpoint: Sequence[str]) -> Int64[np.ndarray, " n"]:
    """The labels as classes of the checkpoint, -1 where these are others than those of the data; warns of it."""
    if same_numbers(of_checkpoint, chosen.class_names):
        warn_of_other_names(of_checkpoint, chosen.class_names)
        return chosen.label
    said = classes_that_differ(of_checkpoint, chosen.class_names)
    warnings.warn(
        f"{said}; labels are left out, as they mean none of its classes", ResultWarning, stacklevel=4
    )
    return np.full_like(chosen.label, -1)


def _warn_of_method(method: str) -> None:
    if method in CLASSLESS:
        warnings.warn(
            f"{method} looks at no class: the maps of all classes are one", ResultWarning, stacklevel=3
        )
