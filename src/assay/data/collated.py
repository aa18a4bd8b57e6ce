"""Graphs of one split as flat arrays, and the draws and batches that artifacts are computed on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, Shaped, UInt8

from assay.data.draws import SplitData, picked
from assay.data.soundness import refuse_unsound
from assay.errors import Refused
from assay.protocols import GraphBatch


@dataclass(frozen=True, slots=True)
class Collated:
    """One split: graph g has nodes `node_ptr[g]:node_ptr[g+1]` and edges `edge_ptr[g]:edge_ptr[g+1]`.

    `edge_index` counts nodes within their graph. What the source does not know is None.
    """

    x: Float32[np.ndarray, "nodes features"]
    edge_index: Int64[np.ndarray, "2 edges"]
    edge_attr: Float32[np.ndarray, "edges edge_features"]
    node_id: Int64[np.ndarray, " nodes"]
    y: Int64[np.ndarray, " graphs"]
    node_ptr: Int64[np.ndarray, " graphs+1"]
    edge_ptr: Int64[np.ndarray, " graphs+1"]
    attack_type: Int64[np.ndarray, " graphs"] | None = None
    graph_wid: Int64[np.ndarray, " graphs"] | None = None
    record_id: Shaped[np.ndarray, " graphs"] | None = None  # text
    time: Float64[np.ndarray, " graphs"] | None = None  # seconds
    node_sequence_step: Int64[np.ndarray, " nodes"] | None = None  # of a graph that is a sequence: 0, 1, ...

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], where: str = "prepared graphs") -> "Collated":
        """The graphs that `arrays()` gave, checked.

        Raises:
            Refused: a field is missing, unknown, of another type or shape, or holds a value that
                no graph can have; the text begins with `where`.
        """
        refuse_unsound(arrays, where)
        known: dict[str, Any] = dict(arrays)
        if "record_id" in known:
            known["record_id"] = decoded_text(known["record_id"], where)
        return cls(**known)

    def arrays(self) -> dict[str, np.ndarray]:
        """The known fields by name; `record_id` as zero-padded UTF-8, one row of bytes a graph."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        known = {name: array for name, array in held.items() if array is not None}
        if self.record_id is not None:
            known["record_id"] = text_bytes(self.record_id)
        return known

    def counts(self) -> dict[str, Any]:
        """How much there is of what, as JSON."""
        kinds = {} if self.attack_type is None else {"attack_types": tally(self.attack_type[self.y > 0])}
        sizes = {"n_graphs": len(self), "n_nodes": len(self.node_id), "n_edges": self.edge_index.shape[1]}
        return {**sizes, "labels": tally(self.y), **kinds}

    def __len__(self) -> int:
        return len(self.y)

    def select(self, index: Int64[np.ndarray, " n"]) -> "Collated":
        """The graphs at `index`, in its order."""
        n_nodes, n_edges = np.diff(self.node_ptr)[index], np.diff(self.edge_ptr)[index]
        nodes = _ranges(self.node_ptr[index], n_nodes)
        edges = _ranges(self.edge_ptr[index], n_edges)
        return Collated(
            x=self.x[nodes],
            edge_index=self.edge_index[:, edges],
            edge_attr=self.edge_attr[edges],
            node_id=self.node_id[nodes],
            y=self.y[index],
            node_ptr=pointer(n_nodes),
            edge_ptr=pointer(n_edges),
            attack_type=picked(self.attack_type, index),
            graph_wid=picked(self.graph_wid, index),
            record_id=picked(self.record_id, index),
            time=picked(self.time, index),
            node_sequence_step=picked(self.node_sequence_step, nodes),
        )

    def batch(self, device: str = "cpu") -> GraphBatch:
        """All graphs side by side as tensors of their own memory."""
        offset = np.repeat(self.node_ptr[:-1], np.diff(self.edge_ptr))
        graph = np.repeat(np.arange(len(self)), np.diff(self.node_ptr))
        steps = self.node_sequence_step
        return GraphBatch(
            x=torch.tensor(self.x, device=device),
            edge_index=torch.tensor(self.edge_index + offset, device=device),
            edge_attr=torch.tensor(self.edge_attr, device=device),
            node_id=torch.tensor(self.node_id, device=device),
            graph=torch.tensor(graph, device=device),
            n_graphs=len(self),
            y=torch.tensor(self.y, device=device),
            node_sequence_step=None if steps is None else torch.tensor(steps, device=device),
        )


def open_data(
    name: str,
    load: Callable[[str], Mapping[str, np.ndarray]],
    *,
    splits: Sequence[str],
    attack_names: Mapping[int, str],
    device: str,
) -> SplitData:
    """The data set `name`, the arrays of whose split s are `load(s)`, with batches on `device`."""

    def graphs(split: str) -> Collated:
        return Collated.from_arrays(load(split), f"data {name}, split {split}")

    return SplitData(name, graphs, tuple(splits), attack_names, device)


def pointer(counts: Int64[np.ndarray, " graphs"]) -> Int64[np.ndarray, " graphs+1"]:
    """Where each graph's rows begin, and at last where they end."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])


def text_bytes(text: Shaped[np.ndarray, " n"]) -> UInt8[np.ndarray, "n width"]:
    """Texts as zero-padded UTF-8, one row a text; safetensors has no text type."""
    encoded = np.char.encode(text, "utf-8")
    return np.frombuffer(encoded.tobytes(), np.uint8).reshape(len(text), encoded.dtype.itemsize)


def tally(values: Int64[np.ndarray, " n"]) -> dict[str, int]:
    """How often each value occurs, as JSON."""
    found, counts = np.unique(values, return_counts=True)
    return {str(value): int(count) for value, count in zip(found, counts, strict=True)}


def decoded_text(matrix: UInt8[np.ndarray, "n width"], where: str) -> Shaped[np.ndarray, " n"]:
    """The texts that `text_bytes` gave.

    Raises:
        Refused: it is no UTF-8; the text begins with `where`.
    """
    if matrix.shape[1] == 0:
        return np.full(len(matrix), "")
    rows = np.ascontiguousarray(matrix).view(f"S{matrix.shape[1]}")[:, 0]
    try:
        return np.char.decode(rows, "utf-8")
    except UnicodeDecodeError as error:
        raise Refused(f"{where}: record_id holds {error.object!r}, which is not UTF-8 text.") from None


def _ranges(start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """start[0], start[0]+1, ... count[0] of them, then those of start[1]."""
    before = np.cumsum(count) - count
    return np.arange(count.sum()) + np.repeat(start - before, count)
