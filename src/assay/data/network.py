"""Tables for a network whose inputs and outputs have names: npz, Parquet or CSV, one file a split."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Shaped

from assay.data.prepared import Prepared
from assay.data.tables import Table
from assay.errors import Refused
from assay.raw.npz import read_npz
from assay.raw.table import SUFFIXES, read_columns

REQUIRED = ("x", "y")
OPTIONAL = ("x_names", "y_names", "unit", "batch", "record_id", "held_out")
CODED = ("unit", "batch")
COLUMNS = (*CODED, "record_id")
HELD_OUT = ".held_out.csv"

Text = Shaped[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class _Raw:
    """One file: its table, and what is coded over all splits at once."""

    path: Path
    table: Table
    coded: Mapping[str, Text]  # unit and batch, where known


def prepare(files: Mapping[str, Sequence[Path]]) -> Prepared:
    """The splits as they are in the files, checked; units and batches as codes that all splits share.

    - npz: `x` [n, inputs], `y` [n, outputs], and where known `x_names`, `y_names`, `unit`, `batch`,
      `record_id` [n] and `held_out` [edges, 2], names of (source, target);
    - Parquet and CSV: columns `x:<input>`, `y:<output>`, and where known `unit`, `batch`, `record_id`.

    `<file>.held_out.csv`, with columns `source` and `target`, holds the edges that were removed before training.

    Raises:
        Refused: a split of several tables, a damaged file, a field that is missing, unknown or of another form,
            a number that is not finite, a name that occurs twice, or splits that differ in their columns or in
            what they say was held out.
    """
    found = {split: _raw(split, paths) for split, paths in files.items()}
    _refuse_other_columns(found)
    held_out = _held_out(files, found)
    splits = {split: replace(table, **held_out) for split, table in _coded(found).items()}
    return Prepared(splits, {"attack_names": {}, "warnings": []}, _lacks(held_out))


def _raw(split: str, paths: Sequence[Path]) -> _Raw:
    tables = [path for path in paths if not path.name.endswith(HELD_OUT)]
    if len(tables) != 1:
        raise Refused(f"split {split} has {len(tables)} tables; allowed: 1 file, npz, parquet or csv.")
    path = tables[0]
    arrays = _columns(path) if path.suffix.lower() in SUFFIXES else read_npz(path, _refuse_names)
    n = len(arrays["x"]) if arrays["x"].ndim else 0
    if not n:
        raise Refused(f"{path} holds no sample.")
    held_out = arrays.get("held_out")
    table = Table(
        x=_numbers(arrays["x"], n, f"{path}: x"),
        targets=_numbers(arrays["y"], n, f"{path}: y"),
        x_names=_names(arrays, "x", path),
        y_names=_names(arrays, "y", path),
        record_id=_text(arrays["record_id"], n, f"{path}: record_id") if "record_id" in arrays else None,
    )
    if held_out is not None:
        table = replace(table, **_pairs(held_out, f"{path}: held_out"))
    coded = {name: _text(arrays[name], n, f"{path}: {name}") for name in CODED if name in arrays}
    return _Raw(path, table, coded)


def _refuse_names(names: Mapping[str, object], where: str) -> None:
    if unknown := sorted(set(names) - {*REQUIRED, *OPTIONAL}):
        allowed = ", ".join((*REQUIRED, *OPTIONAL))
        raise Refused(f"{where} has unknown fields: {', '.join(unknown)}; allowed: {allowed}.")
    if lacks := [name for name in REQUIRED if name not in names]:
        raise Refused(f"{where} lacks {', '.join(lacks)}; got {', '.join(names) or 'no field'}.")


def _columns(path: Path) -> dict[str, np.ndarray]:
    """The fields of a table of named columns."""
    columns = read_columns(path, _refuse_columns, text=COLUMNS)
    arrays = {name: columns[name] for name in COLUMNS if name in columns}
    for table in REQUIRED:
        own = [name for name in columns if name.startswith(f"{table}:")]
        arrays[table] = np.stack([columns[name] for name in own], axis=1)
        arrays[f"{table}_names"] = np.array([name.removeprefix(f"{table}:") for name in own])
    return arrays


def _refuse_columns(names: Sequence[str], where: str) -> None:
    for table in REQUIRED:
        if not any(name.startswith(f"{table}:") for name in names):
            raise Refused(f"{where} has no column {table}:<name>; got {', '.join(names[:10])}.")
    if unknown := [name for name in names if name not in COLUMNS and not name.startswith(("x:", "y:"))]:
        allowed = f"x:<input>, y:<output>, {', '.join(COLUMNS)}"
        raise Refused(f"{where} has unknown columns: {', '.join(unknown[:10])}; allowed: {allowed}.")


def _numbers(array: np.ndarray, n: int, where: str) -> Float32[np.ndarray, "n columns"]:
    if array.ndim != 2 or len(array) != n or not array.shape[1] or array.dtype.kind not in "iufb":
        raise Refused(f"{where} is {array.dtype} {list(array.shape)}; allowed: numbers [{n}, 1 or more].")
    with np.errstate(over="ignore"):
        numbers = array.astype(np.float32)
    if not np.isfinite(numbers).all():
        row, column = (int(place) for place in np.argwhere(~np.isfinite(numbers))[0])
        raise Refused(
            f"{where} holds {array[row, column]} in row {row}, column {column}; allowed: finite numbers."
        )
    return numbers


def _names(arrays: Mapping[str, np.ndarray], table: str, path: Path) -> Text | None:
    """The names of the columns of `x` or `y`, each once; None where they have none."""
    if f"{table}_names" not in arrays:
        return None
    where = f"{path}: {table}_names"
    names = _text(arrays[f"{table}_names"], arrays[table].shape[1], where)
    values, counts = np.unique(names, return_counts=True)
    if (counts > 1).any():
        raise Refused(f"{where} has {', '.join(values[counts > 1][:5])} more than once.")
    return names


def _text(array: np.ndarray, n: int, where: str) -> Text:
    if array.shape != (n,) or array.dtype.kind not in "Uiu":
        raise Refused(f"{where} is {array.dtype} {list(array.shape)}; allowed: text or whole numbers [{n}].")
    return array.astype(np.str_)


def _pairs(array: np.ndarray, where: str) -> dict[str, Text]:
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind != "U":
        raise Refused(f"{where} is {array.dtype} {list(array.shape)}; allowed: names [edges, 2].")
    return {"held_out_source": array[:, 0].copy(), "held_out_target": array[:, 1].copy()}


def _refuse_other_columns(found: Mapping[str, _Raw]) -> None:
    for one, other in pairwise(found.values()):
        for name in ("x", "y"):
            own = [_said_columns(raw.table, name) for raw in (one, other)]
            if own[0] != own[1]:
                raise Refused(
                    f"{other.path}: {name} has other columns than in {one.path}; splits share theirs."
                )


def _said_columns(table: Table, name: str) -> Sequence[str] | int:
    names, numbers = (table.x_names, table.x) if name == "x" else (table.y_names, table.targets)
    return numbers.shape[1] if names is None else tuple(names.tolist())


def _held_out(files: Mapping[str, Sequence[Path]], found: Mapping[str, _Raw]) -> dict[str, Text]:
    """The edges that were removed before training, which all files that name any must agree on."""
    said = [*_said_beside(files), *_said_inside(found)]
    for (one, pairs), (other, others) in pairwise(said):
        if not all(np.array_equal(pairs[name], others[name]) for name in pairs):
            raise Refused(f"{other} and {one} hold out other edges; they are removed once, before training.")
    return said[0][1] if said else {}


def _lacks(held_out: Mapping[str, Text]) -> dict[str, str]:
    named = any(len(ends) for ends in held_out.values())
    return {} if named else {"held_out": "no file of theirs names edges that were removed before training"}


def _said_beside(files: Mapping[str, Sequence[Path]]) -> Iterator[tuple[Path, dict[str, Text]]]:
    for path in (path for paths in files.values() for path in paths if path.name.endswith(HELD_OUT)):
        columns = read_columns(path, _refuse_ends, text=("source", "target"))
        yield path, {f"held_out_{end}": columns[end] for end in ("source", "target")}


def _refuse_ends(names: Sequence[str], where: str) -> None:
    if set(names) != {"source", "target"}:
        raise Refused(f"{where} has the columns {', '.join(names)}; allowed: source, target.")


def _said_inside(found: Mapping[str, _Raw]) -> Iterator[tuple[Path, dict[str, Text]]]:
    for raw in found.values():
        source, target = raw.table.held_out_source, raw.table.held_out_target
        if source is not None and target is not None:
            yield raw.path, {"held_out_source": source, "held_out_target": target}


def _coded(found: Mapping[str, _Raw]) -> dict[str, Table]:
    """The tables with units and batches as codes, the same of all splits."""
    tables = {split: raw.table for split, raw in found.items()}
    for name, field in (("unit", "unit"), ("batch", "measured")):
        known = {split: raw.coded[name] for split, raw in found.items() if name in raw.coded}
        values = np.unique(np.concatenate([np.empty(0, "<U1"), *known.values()]))
        for split, text in known.items():
            tables[split] = replace(tables[split], **{field: np.searchsorted(values, text)})
    return tables
