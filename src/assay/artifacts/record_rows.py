"""What was computed of records as one row of numbers each, which is how parts keep it."""

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from jaxtyping import Float32, Shaped
from torch import Tensor


def packed(of_records: Sequence[Shaped[Tensor, "n *_"]]) -> Float32[np.ndarray, " m"]:
    """The numbers of each record side by side, record after record."""
    return torch.cat([numbers.flatten(1).float() for numbers in of_records], dim=1).cpu().numpy().ravel()


def unpacked(
    rows: Float32[np.ndarray, " m"], n: int, shapes: Sequence[tuple[int, ...]]
) -> list[Float32[Tensor, "n *_"]]:
    """What was packed of `n` records, given the shapes for one; the last may be (-1,), all that is left."""
    ends = np.cumsum([prod(shape) for shape in shapes])[:-1]
    columns = torch.from_numpy(rows.reshape(n, -1)).tensor_split(ends.tolist(), dim=1)
    return [part.reshape(n, *shape) for part, shape in zip(columns, shapes, strict=True)]
