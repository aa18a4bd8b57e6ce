"""States of a fusion policy that were saved elsewhere: one npz a split, with the published blocks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from assay.data.prepared import Prepared, one_class_warnings
from assay.data.states import States
from assay.errors import Refused
from assay.numerics.fusion_states import BLOCKS, states_from_blocks
from assay.raw.npz import read_npz

NAMES = {f"{block.model}{dash}{block.name}": (block.model, block.name) for block in BLOCKS for dash in "/_"}
COLUMNS = ("labels", "attack_type", "flat")


def prepare(files: Mapping[str, Sequence[Path]]) -> Prepared:
    """The splits as they are in the files, checked.

    Fields: the nine blocks, as `gat/probs` or `gat_probs` [n, width]; `labels` [n]; and where known
    `attack_type` [n]. `flat`, the blocks side by side, is left aside.

    Raises:
        Refused: a split of several files, a damaged file, or a field that is missing, unknown or unsound.
    """
    splits = {split: _states(split, paths) for split, paths in files.items()}
    return Prepared(splits, {"attack_names": {}, "warnings": one_class_warnings(splits)})


def _states(split: str, paths: Sequence[Path]) -> States:
    if len(paths) != 1:
        raise Refused(f"split {split} has {len(paths)} files; allowed: 1 npz file.")
    arrays = read_npz(paths[0], _refuse_names)
    try:
        blocks = {NAMES[name]: torch.tensor(array) for name, array in arrays.items() if name in NAMES}
        features = states_from_blocks(blocks).features.numpy()
    except (Refused, TypeError, ValueError) as problem:
        raise Refused(f"{paths[0]}: {problem}") from None
    columns = {"y": _column(arrays, "labels", len(features), paths[0])}
    if "attack_type" in arrays:
        columns["attack_type"] = _column(arrays, "attack_type", len(features), paths[0])
    return States(features=features, **columns)


def _refuse_names(names: Mapping[str, object], where: str) -> None:
    allowed = (*(name for name in NAMES if "/" in name), *COLUMNS)
    if unknown := sorted(set(names) - NAMES.keys() - set(COLUMNS)):
        raise Refused(f"{where} has unknown fields: {', '.join(unknown)}; allowed: {', '.join(allowed)}.")
    if "labels" not in names:
        raise Refused(f"{where} lacks labels; got {', '.join(names) or 'no field'}.")


def _column(arrays: Mapping[str, np.ndarray], name: str, n: int, path: Path) -> np.ndarray:
    column = arrays[name]
    if (
        column.shape != (n,)
        or column.dtype.kind not in "iu"
        or (name == "labels" and column.min(initial=0) < 0)
    ):
        raise Refused(
            f"{path}: {name} is {column.dtype} {list(column.shape)}; allowed: whole numbers [{n}], from 0."
        )
    return column.astype(np.int64)
