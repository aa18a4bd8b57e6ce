"""Tables of numbers, condensed HDF5, Parquet or CSV: split and normalised as emulators are trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from assay.data.prepared import Prepared
from assay.data.tables import Table
from assay.errors import AssayError, Refused
from assay.hdf5 import attribute, dataset_in, group_in, is_hdf5, numbers, open_hdf5, texts
from assay.raw.table import read_columns

if TYPE_CHECKING:
    import h5py

TRAIN, VAL, TEST = "train", "val", "test"
RECORD_ID = "record_id"
TRANSFORMS = ("ln", "log10", "none")
Matrix = Float32[np.ndarray, "n columns"]
Names = Shaped[np.ndarray, " columns"]


@dataclass(frozen=True, slots=True)
class _Scaler:
    """(x - mean) / std, column by column, in float32."""

    mean: Float32[np.ndarray, " columns"]
    std: Float32[np.ndarray, " columns"]

    def __call__(self, x: Matrix) -> Matrix:
        return (x - self.mean) / self.std

    def facts(self) -> dict[str, list[float]]:
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}


def prepare(
    files: Mapping[str, Sequence[Path]],
    *,
    val_fraction: float,
    test_fraction: float,
    split_seed: int,
    normalize_x: bool,
    normalize_y: bool,
) -> Prepared:
    """The table of `files["train"]` cut into train, val and test at random; every other key a split of its own.

    - HDF5: `/training/X` [n, inputs], `/training/Y` [n, outputs], and where known `param_names`, `ell`, `sim_ids`;
    - Parquet and CSV: columns `x:<input>`, `y:<output>`, and where known `record_id`.

    As in the published loader, rows are permuted by `default_rng(split_seed)` and cut in the order train, val,
    test, each but the last round(fraction n) rows; numbers are float32 before mean and population standard
    deviation (1 where it is 0) are taken of the rows of train. Rows of a split stay in the order of its cut.

    Raises:
        Refused: a split of several files, a damaged or hostile file, a field that is missing or of another form,
            a number that is not finite, a split without rows, or splits that differ in their columns.
        AssayError: no training table, or fractions that leave nothing to train on.
    """
    fractions = {VAL: val_fraction, TEST: test_fraction}
    cut = {TRAIN, *(split for split, fraction in fractions.items() if fraction)}
    if TRAIN not in files or cut & (files.keys() - {TRAIN}) or sum(fractions.values()) >= 1:
        raise AssayError(
            f"table got files for {', '.join(files)}, val_fraction {val_fraction}, test_fraction {test_fraction}; "
            "allowed: files for train and for what is not cut from it, and fractions below 1 together."
        )
    tables = {split: _table(split, paths) for split, paths in files.items()}
    _refuse_other_columns(tables)
    whole = tables.pop(TRAIN)
    rows = _cut(len(whole), {TRAIN: 1 - sum(fractions.values()), **fractions}, split_seed)
    splits = {**{split: whole.select(index) for split, index in rows.items()}, **tables}
    scalers = {"x": _scaler(splits[TRAIN].x, normalize_x), "y": _scaler(splits[TRAIN].targets, normalize_y)}
    of_targets = {"y_mean": scalers["y"].mean, "y_std": scalers["y"].std}
    scaled = {
        split: replace(table, x=scalers["x"](table.x), targets=scalers["y"](table.targets), **of_targets)
        for split, table in splits.items()
    }
    return Prepared(scaled, {"attack_names": {}, "warnings": [], **_facts(whole, scalers)})


def _facts(table: Table, scalers: Mapping[str, _Scaler]) -> dict[str, Any]:
    named = {"x_names": table.x_names, "y_names": table.y_names}
    names = {name: None if column is None else column.tolist() for name, column in named.items()}
    transform = None if table.y_transform is None else str(table.y_transform[0])
    return {
        **names,
        "y_transform": transform,
        "scaler": {name: scaler.facts() for name, scaler in scalers.items()},
    }


def _cut(n: int, fractions: Mapping[str, float], seed: int) -> dict[str, Int64[np.ndarray, " rows"]]:
    """Rows of each split that has any share; what rounding leaves goes to the last."""
    shares = {split: share for split, share in fractions.items() if share}
    order, last, start, found = np.random.default_rng(seed).permutation(n), list(shares)[-1], 0, {}
    for split, share in shares.items():
        end = n if split == last else start + round(share * n)
        found[split], start = order[start:end], end
        if len(found[split]) == 0:
            raise Refused(f"a table of {n} rows leaves none for split {split}, whose share is {share:.3g}.")
    return found


def _scaler(train: Matrix, wanted: bool) -> _Scaler:
    if not wanted:
        return _Scaler(np.zeros(train.shape[1], np.float32), np.ones(train.shape[1], np.float32))
    std = train.std(axis=0)
    return _Scaler(train.mean(axis=0), np.where(std == 0, np.float32(1), std))


def _table(split: str, paths: Sequence[Path]) -> Table:
    if len(paths) != 1:
        raise Refused(f"split {split} has {len(paths)} files; allowed: 1, of HDF5, Parquet or CSV.")
    path = paths[0]
    return _condensed(path) if is_hdf5(path) else _columns(path)


def _condensed(path: Path) -> Table:
    with open_hdf5(path) as file:
        fields = {
            name: dataset_in(file, f"training/{name}") for name in ("X", "Y", "param_names", "ell", "sim_ids")
        }
        for name in ("X", "Y"):
            if fields[name] is None:
                raise Refused(f"{path} lacks /training/{name}; a condensed file has it.")
        x, y = (_matrix(numbers(fields[name]), f"{path}: /training/{name}") for name in ("X", "Y"))
        names, ell, ids = (fields[name] for name in ("param_names", "ell", "sim_ids"))
        return Table(
            x=x,
            targets=_of_length(y, len(x), f"{path}: /training/Y"),
            x_names=None if names is None else _named(texts(names), x.shape[1], f"{path}: param_names"),
            y_names=None if ell is None else _named(_ells(numbers(ell)), y.shape[1], f"{path}: ell"),
            y_transform=_transform(file, path),
            record_id=None if ids is None else _of_length(np.array(texts(ids)), len(x), f"{path}: sim_ids"),
        )


def _transform(file: "h5py.File", path: Path) -> np.ndarray | None:
    """The attribute `y_transform` of `/training`, as the published package writes it."""
    group = group_in(file, "training")
    said = None if group is None else attribute(group, "y_transform")
    if said is not None and said not in TRANSFORMS:
        raise Refused(f"{path}: y_transform of /training is {said!r}; allowed: {', '.join(TRANSFORMS)}.")
    return None if said is None else np.array([said])


def _ells(ell: np.ndarray) -> list[str]:
    return [f"ell_{value:g}" for value in np.atleast_1d(ell).tolist()]


def _columns(path: Path) -> Table:
    columns = read_columns(path, _refuse_columns, text=(RECORD_ID,))
    sides = {side: [name for name in columns if name.startswith(f"{side}:")] for side in ("x", "y")}
    matrices = {
        side: _matrix(np.stack([columns[name] for name in names], axis=1), f"{path}: {side}")
        for side, names in sides.items()
    }
    named = {side: np.array([name[2:] for name in names]) for side, names in sides.items()}
    return Table(
        x=matrices["x"],
        targets=matrices["y"],
        x_names=named["x"],
        y_names=named["y"],
        record_id=columns.get(RECORD_ID),
    )


def _refuse_columns(names: Sequence[str], where: str) -> None:
    for side in ("x", "y"):
        if not any(name.startswith(f"{side}:") for name in names):
            raise Refused(f"{where} has no column {side}:<name>; got {', '.join(names[:10])}.")
    if unknown := [name for name in names if name != RECORD_ID and not name.startswith(("x:", "y:"))]:
        raise Refused(
            f"{where} has unknown columns: {', '.join(unknown[:10])}; allowed: x:<input>, y:<output>, {RECORD_ID}."
        )


def _matrix(array: np.ndarray, where: str) -> Matrix:
    """float32, one column where there is one dimension."""
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise Refused(f"{where} has the shape {list(array.shape)}; allowed: [rows, columns], one or more.")
    with np.errstate(over="ignore"):
        found = array.reshape(len(array), -1).astype(np.float32)
    if not np.isfinite(found).all():
        row, column = (int(place) for place in np.argwhere(~np.isfinite(found))[0])
        raise Refused(
            f"{where} is {found[row, column]} in row {row}, column {column}; allowed: finite numbers."
        )
    return found


def _of_length(array: np.ndarray, n: int, where: str) -> np.ndarray:
    if len(array) != n:
        raise Refused(f"{where} has {len(array)} rows, /training/X has {n}.")
    return array


def _named(names: Sequence[str], n: int, where: str) -> Names:
    if len(names) != n or len(set(names)) != n:
        raise Refused(f"{where} holds {', '.join(names[:10])}; expected {n} different names, one a column.")
    return np.array(names)


def _refuse_other_columns(tables: Mapping[str, Table]) -> None:
    first = tables[TRAIN]
    for split, table in tables.items():
        if _shape_of(table) != _shape_of(first):
            raise Refused(f"split {split} has other columns than split {TRAIN}; splits share theirs.")


def _shape_of(table: Table) -> tuple[Any, ...]:
    names = [None if column is None else tuple(column.tolist()) for column in (table.x_names, table.y_names)]
    return (table.x.shape[1], table.targets.shape[1], *names)
