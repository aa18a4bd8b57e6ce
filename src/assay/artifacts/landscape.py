"""Loss landscape: the loss on a plane through the checkpoint, spanned by two random filter-normalised directions."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from assay.artifacts.compat import compatible
from assay.errors import ResultWarning
from assay.numerics.directions import filter_normalised
from assay.protocols import Data, Loses, Objective, Parts


@dataclass(frozen=True, slots=True)
class Landscape:
    """One row a grid point of theta + x d1 + y d2; x is the outer loop, y the inner one.

    A loss that is not finite stands as it is. `loss_at_checkpoint` is the loss at (0, 0), which is a grid
    point only where the resolution is odd and above 1.
    """

    x: Float64[np.ndarray, " points"]
    y: Float64[np.ndarray, " points"]
    loss: Float64[np.ndarray, " points"]
    loss_at_checkpoint: float
    resolution: int
    scale: float
    ignore: str
    compat: str
    seed: int
    split: str
    n_samples: int
    n_not_finite: int
    zero_norm: tuple[str, ...]  # parameters that are zero throughout: no direction moves them
    family: str
    data: str


def compute(
    subject: Loses,
    data: Data,
    parts: Parts,
    *,
    resolution: int,
    scale: float,
    split: str,
    max_graphs: int,
    ignore: str,
    compat: str,
    seed: int,
) -> Landscape:
    """The landscape of at most `max_graphs` samples drawn from a split; the subject is left as it is.

    Directions are filter normalised (`numerics.directions`), drawn with `seed` and `seed + 1`. Everything that
    is random in the loss is drawn once and is the same at every grid point. `compat` published takes the batches
    of 256 graphs on which the published loss depends.

    Raises:
        AssayError: no sample in the split, or one that the loss is not defined for.
    """
    samples = data.draw(split, max_samples=max_graphs, seed=seed)
    objective = compatible(subject, compat).objective(samples, seed=seed)
    parameters = subject.parameters()
    plane = _Plane(list(parameters.values()), ignore=ignore, seed=seed)
    axis = np.linspace(-scale, scale, resolution)
    rows = parts.gather(resolution, lambda i: _row(objective, plane, axis[i], axis))
    loss = np.concatenate(rows)
    centre = objective(plane.at(0.0, 0.0))
    n_not_finite = int((~np.isfinite(loss)).sum())
    _warn(resolution, n_not_finite, len(loss), centre)
    return Landscape(
        x=np.repeat(axis, resolution),
        y=np.tile(axis, resolution),
        loss=loss,
        loss_at_checkpoint=centre,
        resolution=resolution,
        scale=scale,
        ignore=ignore,
        compat=compat,
        seed=seed,
        split=split,
        n_samples=len(samples),
        n_not_finite=n_not_finite,
        zero_norm=tuple(name for name, parameter in parameters.items() if not parameter.any()),
        family=subject.family,
        data=data.name,
    )


class _Plane:
    """theta + x d1 + y d2, in the order of the parameters."""

    def __init__(self, parameters: Sequence[Tensor], *, ignore: str, seed: int):
        self._origin = parameters
        self._d1, self._d2 = (_direction(parameters, ignore, seed + k) for k in (0, 1))

    def at(self, x: float, y: float) -> list[Tensor]:
        """The parameters at a point."""
        return [p + x * d1 + y * d2 for p, d1, d2 in zip(self._origin, self._d1, self._d2, strict=True)]


def _direction(parameters: Sequence[Tensor], ignore: str, seed: int) -> list[Tensor]:
    directions = filter_normalised(parameters, seed=seed)
    if ignore == "none":
        return directions
    return [d if d.ndim > 1 else torch.zeros_like(d) for d in directions]


def _row(
    objective: Objective, plane: _Plane, x: float, axis: Float64[np.ndarray, " m"]
) -> Float64[np.ndarray, " m"]:
    return np.array([objective(plane.at(float(x), float(y))) for y in axis])


def _warn(resolution: int, n_not_finite: int, n: int, centre: float) -> None:
    if resolution % 2 == 0 or resolution == 1:
        warnings.warn(
            f"a grid of {resolution} x {resolution} points does not hold the checkpoint; an odd number above 1 does",
            ResultWarning,
            stacklevel=3,
        )
    if n_not_finite:
        warnings.warn(
            f"{n_not_finite} of {n} losses overflow and are not finite", ResultWarning, stacklevel=3
        )
    if not np.isfinite(centre):
        warnings.warn(f"the loss at the checkpoint itself is {centre}", ResultWarning, stacklevel=3)
