"""The network of a plain state dict, in files beside it: nodes and edges as npz or Parquet, options as JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from assay.errors import Refused
from assay.intake.network import Network, ctor
from assay.intake.plain import JSON, PlainValues
from assay.intake.weights import most_bytes
from assay.networks import EDGES, ENDS, KINDS
from assay.raw.npz import read_npz
from assay.raw.table import read_columns

MAX_JSON_BYTES = 16 * 2**20
TEXT_COLUMNS = ("source_type", "source", "target_type", "target")
INDEX_COLUMNS = ("source_index", "target_index")
ARRAYS = {f"edge_index_{start}_{end}": (start, end) for start, end in ENDS}


def network_beside(files: Sequence[Path], values: PlainValues, *, n_edges: int) -> Network:
    """The network in the files: `.network.npz` or `.network.parquet`, and `.ctor.json`.

    - npz: `input_names`, `function_names`, `output_names`, and `edge_index_input_function`,
      `edge_index_function_function`, `edge_index_function_output` [2, edges], by position or by name;
    - Parquet, a row an edge: `source_type source source_index target_type target target_index`, where an index
      is the position of a node among those of its type;
    - JSON: the constructor's arguments.

    `n_edges` is the number of edges of the state dict; no table is read that has more.

    Raises:
        Refused: a damaged file, one without these fields, an edge of an unknown name, or two that give the same.
    """
    readers: Mapping[str, Callable[[Path], Network]] = {
        ".npz": _from_npz,
        ".parquet": lambda file: _from_parquet(file, n_edges),
        ".json": lambda file: Network({}, {"ctor": _from_json(file, values)}),
    }
    found = Network()
    for file in files:
        found = _joined(found, readers[file.suffix](file), file)
    return found


def _joined(one: Network, other: Network, file: Path) -> Network:
    if one.edges and other.edges:
        raise Refused(
            f"{file} is there, and another file with the network, expected one. Remove one of them."
        )
    return Network({**one.edges, **other.edges}, {**one.hparams, **other.hparams})


def _from_npz(file: Path) -> Network:
    def refuse_names(names: Mapping[str, object], where: str) -> None:
        wanted = {*ARRAYS, *(f"{kind}_names" for kind in KINDS)}
        if set(names) != wanted:
            raise Refused(f"{where} has the arrays {', '.join(names)}, expected {', '.join(sorted(wanted))}.")

    arrays = read_npz(file, refuse_names, most_bytes=most_bytes(file.stat().st_size))
    names = {kind: _name_list(arrays[f"{kind}_names"], f"{file}: {kind}_names") for kind in KINDS}
    edges = {
        EDGES[ends]: _positions(arrays[array], ends, names, f"{file}: {array}")
        for array, ends in ARRAYS.items()
    }
    return Network(edges, {"node_names": {kind: list(own) for kind, own in names.items()}})


def _name_list(array: np.ndarray, where: str) -> list[str]:
    if array.ndim != 1 or array.dtype.kind != "U":
        raise Refused(f"{where} is {array.dtype} {list(array.shape)}, expected text [nodes].")
    return array.tolist()


def _positions(
    array: np.ndarray, ends: tuple[str, str], names: Mapping[str, Sequence[str]], where: str
) -> Tensor:
    if array.ndim != 2 or len(array) != 2 or array.dtype.kind not in "iuU":
        raise Refused(
            f"{where} is {array.dtype} {list(array.shape)}, expected whole numbers or names [2, edges]."
        )
    if array.dtype.kind != "U":
        return torch.tensor(np.ascontiguousarray(array, np.int64))
    rows = []
    for row, kind in zip(array.tolist(), ends, strict=True):
        place = {name: i for i, name in enumerate(names[kind])}
        if unknown := next((name for name in row if name not in place), None):
            raise Refused(f"{where} has the {kind} {unknown[:80]!a}, which {kind}_names does not list.")
        rows.append([place[name] for name in row])
    return torch.tensor(rows, dtype=torch.int64).reshape(2, -1)


def _from_parquet(file: Path, n_edges: int) -> Network:
    columns = read_columns(file, _refuse_columns, text=TEXT_COLUMNS, most_rows=n_edges)
    kinds = np.stack([columns["source_type"], columns["target_type"]])
    index = np.stack([_whole(columns[name], f"{file}: {name}") for name in INDEX_COLUMNS])
    names = np.stack([columns["source"], columns["target"]])
    edges = {}
    for ends, tensor in EDGES.items():
        rows = (kinds[0] == ends[0]) & (kinds[1] == ends[1])
        edges[tensor] = torch.tensor(np.ascontiguousarray(index[:, rows]))
    if sum(pairs.shape[1] for pairs in edges.values()) < kinds.shape[1]:
        expected = ", ".join(f"{start} to {end}" for start, end in ENDS)
        raise Refused(f"{file} has edges between other types of nodes, expected {expected}.")
    listed = {
        kind: _named(index[kinds == kind], names[kinds == kind], f"{file}: {kind} nodes") for kind in KINDS
    }
    return Network(edges, {"node_names": listed})


def _refuse_columns(names: Sequence[str], where: str) -> None:
    if set(names) != {*TEXT_COLUMNS, *INDEX_COLUMNS}:
        expected = ", ".join((*TEXT_COLUMNS, *INDEX_COLUMNS))
        raise Refused(f"{where} has the columns {', '.join(names)}, expected {expected}.")


def _whole(column: np.ndarray, where: str) -> np.ndarray:
    if not np.all((column >= 0) & (column == np.floor(column)) & (column < 2**53)):
        raise Refused(f"{where} holds other values than whole numbers from 0.")
    return column.astype(np.int64)


def _named(index: np.ndarray, names: np.ndarray, where: str) -> JSON:
    """The name of each node in order; every position up to the last has one."""
    positions, first, which = np.unique(index, return_index=True, return_inverse=True)
    if len(positions) and positions[-1] != len(positions) - 1:
        raise Refused(f"{where} have no edge at every position up to {positions[-1]}, expected one.")
    named = names[first]
    if (other := names != named[which]).any():
        place = int(np.argmax(other))
        raise Refused(f"{where} have two names at position {index[place]}, expected one.")
    return named.tolist()


def _from_json(file: Path, values: PlainValues) -> JSON:
    if file.stat().st_size > MAX_JSON_BYTES:
        raise Refused(f"{file} has {file.stat().st_size:,} bytes, expected at most {MAX_JSON_BYTES:,}.")
    try:
        given = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise Refused(f"{file} is no JSON, expected an object of the constructor's arguments.") from None
    return ctor(given, values)
