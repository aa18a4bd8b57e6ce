"""The splits that an artifact is asked for, and the answers to all of their batches."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from assay.errors import AssayError
from assay.protocols import Data, Samples


def chosen_splits(data: Data, wanted: Sequence[str]) -> tuple[str, ...]:
    """The wanted splits, each once; all that the data have where none is named.

    Raises:
        AssayError: a split that the data do not have.
    """
    unknown = [split for split in wanted if split not in data.splits]
    if unknown:
        raise AssayError(
            f"data {data.name!r} have no split {', '.join(map(repr, unknown))}; "
            f"they have {', '.join(data.splits)}"
        )
    return tuple(dict.fromkeys(wanted or data.splits))


def stacked(parts: Sequence[Float[Tensor, "_ d"]], *, what: str) -> Float[Tensor, "n d"]:
    """The answers to all batches, on the CPU.

    Raises:
        AssayError: no answer at all, or one that is not finite.
    """
    if not parts:
        raise AssayError(f"{what}: there is no sample")
    rows = torch.cat([part.cpu() for part in parts])
    n_bad = int((~rows.isfinite()).any(1).sum())
    if n_bad:
        raise AssayError(
            f"{what}: {n_bad} of {len(rows)} samples give values that are not finite; "
            "the checkpoint overflows on these data"
        )
    return rows


def known_somewhere(
    draws: Sequence[Samples], columns: Sequence[np.ndarray | None], *, unknown: str | int | float
) -> Shaped[np.ndarray, " n"] | None:
    """The columns of all draws, one after the other; None where no draw knows it, `unknown` where only some do."""
    if all(column is None for column in columns):
        return None
    return np.concatenate(
        [
            np.full(len(samples), unknown) if column is None else column
            for samples, column in zip(draws, columns, strict=True)
        ]
    )


def attack_names(data: Data, codes: Int64[np.ndarray, " n"]) -> Shaped[np.ndarray, " n"]:
    """The name of each type of attack, text: its code where the data name none, "" where the type is not known (-1)."""
    names = ["" if c < 0 else data.attack_names.get(c, str(c)) for c in codes.tolist()]
    return np.array(names, dtype=np.str_)
