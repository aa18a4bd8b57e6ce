"""The maps of many classes from one cut of a network: one pass through the trunk, one through the tail."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from assay.errors import AssayError
from assay.numerics.class_gradients import logits_and_gradients
from assay.numerics.saliency import CLASSLESS, raw_maps
from assay.protocols import Cut, Explains, ImageBatch

PREDICTED = "predicted"


@dataclass(frozen=True, slots=True)
class ClassMaps:
    """Of every record of a batch the logits of all classes, and a map of each wanted one."""

    logits: Float[Tensor, "n k"]
    raw: Float[Tensor, "n c *grid"]
    reached: Bool[Tensor, "n c"]  # the gradient is not zero at every position


def class_maps(cut: Cut, classes: Int64[Tensor, "n c"], *, method: str) -> ClassMaps:
    """The maps of `classes`, those wanted of each record."""
    if method in CLASSLESS:
        return _classless_maps(cut, classes, method)
    activation = cut.on_grid(cut.activation)
    logits, gradients = logits_and_gradients(cut.tail, cut.activation, classes)
    raw, reached = [], []
    for some in gradients:
        gradient = cut.on_grid(some.flatten(0, 1))  # (classes * records, channels, *grid)
        repeated = activation.repeat(len(some), *[1] * (activation.ndim - 1))
        raw.append(raw_maps(repeated, gradient, method=method).unflatten(0, some.shape[:2]))
        reached.append(gradient.flatten(1).any(1).unflatten(0, some.shape[:2]))
    return ClassMaps(logits, torch.cat(raw).transpose(0, 1), torch.cat(reached).T)


def wanted_classes(wanted: Sequence[str], names: Sequence[str]) -> tuple[int | None, ...]:
    """The number of each wanted class, by name or number, in their order; None is the predicted one. Empty: all.

    Raises:
        AssayError: every class that the model does not know, or a model without classes.
    """
    if not names:
        raise AssayError("class activation maps are of classes, and the model has none: it has no head")
    numbers = {str(i): i for i in range(len(names))} | {name: i for i, name in enumerate(names)}
    if unknown := [word for word in wanted if word not in numbers and word != PREDICTED]:
        raise AssayError(
            f"target_classes: the model has no class {', '.join(map(repr, unknown))}; it has 0 to "
            f"{len(names) - 1} ({', '.join(names)}), and {PREDICTED}"
        )
    chosen = [None if word == PREDICTED else numbers[word] for word in wanted] or range(len(names))
    return tuple(dict.fromkeys(chosen))


def chosen_layer(subject: Explains, layer: str) -> str:
    """The layer of that name; the default one where it is empty.

    Raises:
        AssayError: the model cannot be cut there.
    """
    if layer and layer not in subject.layer_names:
        raise AssayError(
            f"layer: {subject.family} has no {layer!r}; it can be cut at {', '.join(subject.layer_names)}"
        )
    return layer or subject.default_layer


def layer_grid(subject: Explains, first: ImageBatch, *, layer: str) -> tuple[int, ...]:
    """The positions of a layer along each axis of space, seen at the first record of a batch.

    Raises:
        AssayError: it has one position, which leaves no map.
    """
    with torch.no_grad():
        cut = subject.cut(ImageBatch(first.x[:1], first.y[:1]), layer=layer)
        grid = tuple(cut.on_grid(cut.activation).shape[2:])
    if torch.Size(grid).numel() == 1:
        raise AssayError(
            f"layer {layer} sees inputs of {' x '.join(map(str, first.x.shape[2:]))} as one position, which leaves "
            f"no map. Take one nearer to the input: {', '.join(subject.layer_names)}"
        )
    return grid


def _classless_maps(cut: Cut, classes: Int64[Tensor, "n c"], method: str) -> ClassMaps:
    with torch.no_grad():
        logits = cut.tail(cut.activation.clone())
        activation = cut.on_grid(cut.activation)
        raw = raw_maps(activation, activation, method=method)[:, None]
    repeated = raw.expand(-1, classes.shape[1], *raw.shape[2:])
    return ClassMaps(logits, repeated, torch.ones_like(classes, dtype=torch.bool))
