"""What must hold of collated graphs before anything is computed from them."""

from collections.abc import Mapping
from typing import NoReturn

import numpy as np

from assay.errors import Refused

REQUIRED: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "x": ("float32", ("nodes", "features")),
    "edge_index": ("int64", ("2", "edges")),
    "edge_attr": ("float32", ("edges", "edge features")),
    "node_id": ("int64", ("nodes",)),
    "y": ("int64", ("graphs",)),
    "node_ptr": ("int64", ("graphs + 1",)),
    "edge_ptr": ("int64", ("graphs + 1",)),
}
OPTIONAL: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "attack_type": ("int64", ("graphs",)),
    "graph_wid": ("int64", ("graphs",)),
    "record_id": ("uint8", ("graphs", "bytes")),
    "time": ("float64", ("graphs",)),
    "node_sequence_step": ("int64", ("nodes",)),
}
FIELDS = {**REQUIRED, **OPTIONAL}


def refuse_unsound(arrays: Mapping[str, np.ndarray], where: str) -> None:
    """Raises Refused, with field, graph and value, for arrays that are not collated graphs."""
    refuse_names(arrays, where)
    for name, array in arrays.items():
        _refuse_kind(name, array, where)
    _refuse_sizes(arrays, where)
    _refuse_pointer("node_ptr", arrays["node_ptr"], len(arrays["x"]), where, least=1)
    _refuse_pointer("edge_ptr", arrays["edge_ptr"], arrays["edge_index"].shape[1], where, least=0)
    _refuse_edges(arrays, where)
    for name in ("x", "edge_attr", "time"):
        _refuse_not_finite(name, arrays, where)
    for name in ("node_id", "y", "attack_type", "graph_wid", "node_sequence_step"):
        _refuse_negative(name, arrays, where)


def refuse_names(names: Mapping[str, object], where: str) -> None:
    """Raises Refused where a required field is missing or a field is unknown."""
    missing = [name for name in REQUIRED if name not in names]
    unknown = sorted(name for name in names if name not in FIELDS)
    if missing:
        _refuse(where, f"lacks {', '.join(missing)}; got {', '.join(sorted(names)) or 'no field'}")
    if unknown:
        _refuse(where, f"has unknown fields: {', '.join(unknown)}; allowed: {', '.join(FIELDS)}")


def _refuse_kind(name: str, array: np.ndarray, where: str) -> None:
    dtype, axes = FIELDS[name]
    if array.dtype != np.dtype(dtype):
        _refuse(where, f"{name} is {array.dtype}; allowed: {dtype}")
    if array.ndim != len(axes):
        _refuse(where, f"{name} has shape {array.shape}; allowed: [{', '.join(axes)}]")


def _refuse_sizes(arrays: Mapping[str, np.ndarray], where: str) -> None:
    graphs = len(arrays["y"])
    if graphs == 0:
        _refuse(where, "holds no graph; at least 1 is needed")
    sizes = {"2": (2, "edge_index"), "graphs + 1": (graphs + 1, "y")}
    for name, array in arrays.items():
        for axis, size in zip(FIELDS[name][1], array.shape, strict=True):
            expected, owner = sizes.setdefault(axis, (size, name))
            if size != expected:
                _refuse(where, f"{name} has shape {array.shape}: {axis} is {size}; {owner} says {expected}")


def _refuse_pointer(name: str, pointer: np.ndarray, total: int, where: str, *, least: int) -> None:
    if pointer[0] != 0 or pointer[-1] != total:
        _refuse(where, f"{name} goes from {pointer[0]} to {pointer[-1]}; it must go from 0 to {total}")
    graph = _first(np.diff(pointer) < least)
    if graph is not None:
        rule = "every graph needs a node" if least else "it must ascend"
        _refuse(where, f"{name} of graph {graph} goes from {pointer[graph]} to {pointer[graph + 1]}; {rule}")


def _refuse_edges(arrays: Mapping[str, np.ndarray], where: str) -> None:
    graph = np.repeat(np.arange(len(arrays["y"])), np.diff(arrays["edge_ptr"]))
    nodes = np.diff(arrays["node_ptr"])[graph]
    for row, ends in zip(("source", "target"), arrays["edge_index"], strict=True):
        edge = _first((ends < 0) | (ends >= nodes))
        if edge is not None:
            text = (
                f"edge_index has {row} {ends[edge]} in graph {graph[edge]}; allowed: 0 to {nodes[edge] - 1}"
            )
            _refuse(where, f"{text} (nodes are numbered within their graph)")


def _refuse_not_finite(name: str, arrays: Mapping[str, np.ndarray], where: str) -> None:
    if name not in arrays:
        return
    place = _first(~np.isfinite(arrays[name]).reshape(-1))
    if place is None:
        return
    row, column = divmod(place, arrays[name][0].size)
    value = arrays[name].reshape(-1)[place]
    _refuse(where, f"{name} holds {value} in row {row}, column {column}; allowed: finite numbers")


def _refuse_negative(name: str, arrays: Mapping[str, np.ndarray], where: str) -> None:
    row = _first(arrays[name] < 0) if name in arrays else None
    if row is not None:
        _refuse(where, f"{name} holds {arrays[name][row]} at {row}; allowed: 0 and above")


def _first(bad: np.ndarray) -> int | None:
    return int(np.argmax(bad)) if bad.any() else None


def _refuse(where: str, text: str) -> NoReturn:
    raise Refused(f"{where}: {text}.")
