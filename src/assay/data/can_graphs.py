"""Windows of messages as graphs: a node an identifier, an edge from each message back to the one before."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from assay.data.can_features import Slots, edge_features, edge_list, node_features
from assay.data.can_messages import Messages
from assay.data.can_vocabulary import Vocabulary
from assay.data.collated import Collated, pointer

CHUNK_SLOTS = 1 << 16  # messages of windows that are worked on at once; bounds memory, changes nothing


def window_graphs(messages: Messages, vocabulary: Vocabulary, *, window: int, stride: int) -> Collated:
    """One graph for each full window of `window` messages, every `stride` messages, in the order of time.

    Nodes ascend by number within their graph; identifiers outside the vocabulary are one node, number 0.
    A graph has label 1 where any of its messages is an attack. Its attack_type is the most frequent
    attack code of the files that its messages are from, the smaller one of two, also where y is 0.
    graph_wid is the row of the first message; record_id and time are of that message.
    Features are not scaled. Without a full window there are no graphs.
    """
    first_rows = np.arange(0, len(messages.timestamp) - window + 1, stride)
    node_id = vocabulary.numbers(messages.ids)[messages.id_code]
    step = max(1, CHUNK_SLOTS // window)
    chunks = [
        _chunk(messages, node_id, first_rows[start : start + step], window)
        for start in range(0, len(first_rows), step)
    ]
    return _joined(chunks, messages, first_rows, window)


@dataclass(frozen=True, slots=True)
class _Chunk:
    x: Float32[np.ndarray, "nodes 35"]
    edge_index: Int64[np.ndarray, "2 edges"]  # within each graph
    edge_attr: Float32[np.ndarray, "edges 11"]
    node_id: Int64[np.ndarray, " nodes"]
    n_nodes: Int64[np.ndarray, " graphs"]
    y: Int64[np.ndarray, " graphs"]
    attack_type: Int64[np.ndarray, " graphs"]


def _chunk(messages: Messages, node_id: np.ndarray, first_rows: np.ndarray, window: int) -> _Chunk:
    rows = first_rows[:, None] + np.arange(window)  # (graphs, window)
    row = rows.reshape(-1)
    n_ids = int(node_id.max()) + 1
    keys, node = np.unique(np.arange(row.size) // window * n_ids + node_id[row], return_inverse=True)
    slots = Slots(row, messages.timestamp[row], messages.payload[row], node, window)
    edges = edge_list(slots)
    n_nodes = np.bincount(keys // n_ids)
    offset = np.repeat(np.cumsum(n_nodes) - n_nodes, window - 1)
    return _Chunk(
        x=node_features(slots, edges).astype(np.float32),
        edge_index=edges - offset,
        edge_attr=edge_features(slots, edges).astype(np.float32),
        node_id=keys % n_ids,
        n_nodes=n_nodes,
        y=np.any(messages.attack[rows], axis=1).astype(np.int64),
        attack_type=_most_frequent_attack(messages.attack_code[rows]),
    )


def _most_frequent_attack(codes: Int64[np.ndarray, "graphs window"]) -> Int64[np.ndarray, " graphs"]:
    n_codes = int(codes.max()) + 1
    cell = np.arange(len(codes))[:, None] * n_codes + codes
    votes = np.bincount(cell.reshape(-1), minlength=len(codes) * n_codes).reshape(-1, n_codes)
    votes[:, 0] = 0  # an attack code outvotes any number of benign messages
    return votes.argmax(axis=1)


def _joined(chunks: list[_Chunk], messages: Messages, first_rows: np.ndarray, window: int) -> Collated:
    return Collated(
        x=np.concatenate([chunk.x for chunk in chunks]),
        edge_index=np.concatenate([chunk.edge_index for chunk in chunks], axis=1),
        edge_attr=np.concatenate([chunk.edge_attr for chunk in chunks]),
        node_id=np.concatenate([chunk.node_id for chunk in chunks]),
        y=np.concatenate([chunk.y for chunk in chunks]),
        node_ptr=pointer(np.concatenate([chunk.n_nodes for chunk in chunks])),
        edge_ptr=np.arange(len(first_rows) + 1) * (window - 1),
        attack_type=np.concatenate([chunk.attack_type for chunk in chunks]),
        graph_wid=first_rows,
        record_id=messages.record_ids(first_rows),
        time=messages.timestamp[first_rows],
    )
