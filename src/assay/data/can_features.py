"""The published 35 node and 11 edge features of windows of CAN messages, float64, without loops over messages.

Below, a *slot* is one message of one window (overlapping windows repeat messages), and a *node* is
all slots of one window that have one identifier.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt8
from scipy.sparse import csr_array

BYTES = range(8)
NODE_FEATURES = (
    *(f"byte_{i}_mean" for i in BYTES),
    *(f"byte_{i}_std" for i in BYTES),
    *(f"byte_{i}_range" for i in BYTES),
    "msg_count",
    "entropy_mean",
    "skewness",
    "kurtosis",
    "clustering_coeff",
    "split_half_ratio",
    "change_rate",
    "node_iat_mean",
    "node_iat_std",
    "in_degree",
    "out_degree",
)
EDGE_FEATURES = ("iat", *(f"byte_{i}_change" for i in BYTES), "bidir", "edge_freq")
MOMENT_LIMIT = 10.0

_VALUES = np.arange(256)
_V_LOG_V = _VALUES * np.log(np.maximum(_VALUES, 1))


@dataclass(frozen=True, slots=True)
class Slots:
    """Windows laid end to end: slot s is message s % width of window s // width."""

    row: Int64[np.ndarray, " slots"]  # in the whole table
    time: Float64[np.ndarray, " slots"]
    payload: UInt8[np.ndarray, "slots 8"]
    node: Int64[np.ndarray, " slots"]  # ascending by (window, identifier), without gaps
    width: int  # messages in a window


def node_features(slots: Slots, edges: Int64[np.ndarray, "2 edges"]) -> Float64[np.ndarray, "nodes 35"]:
    """The columns of `NODE_FEATURES`; times in seconds."""
    order = np.argsort(slots.node, kind="stable")
    count = np.bincount(slots.node)
    payload = np.ascontiguousarray(slots.payload[order].T)  # (8, slots)
    by_byte, higher = _moments(payload, count)
    entropy = _node_means(_entropy(slots.payload[order]), count)
    first_half = _node_means((slots.row[order] % slots.width < slots.width // 2).astype(float), count)
    degrees = [np.bincount(ends, minlength=len(count)) for ends in (edges[1], edges[0])]
    columns = [
        *(count, entropy, *higher),
        *(_clustering(edges, len(count)), first_half, _change_rate(payload, count)),
        *(*_arrivals(slots.time[order], count), *degrees),
    ]
    return np.concatenate([by_byte, np.array(columns)]).T


def edge_list(slots: Slots) -> Int64[np.ndarray, "2 edges"]:
    """From the node of each message to the node of the message before it, in the order of time."""
    node = slots.node.reshape(-1, slots.width)
    return np.stack([node[:, 1:].reshape(-1), node[:, :-1].reshape(-1)])


def edge_features(slots: Slots, edges: Int64[np.ndarray, "2 edges"]) -> Float64[np.ndarray, "edges 11"]:
    """The columns of `EDGE_FEATURES`; iat in seconds."""
    later = np.delete(np.arange(len(slots.row)).reshape(-1, slots.width), 0, axis=1).reshape(-1)
    features = np.empty((len(later), 11))
    features[:, 0] = slots.time[later] - slots.time[later - 1]
    features[:, 1:9] = np.abs(slots.payload[later].astype(np.int16) - slots.payload[later - 1])
    features[:, 9:] = _pair_features(edges)
    return features


def _moments(payload: UInt8[np.ndarray, "8 slots"], count: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Mean, std and range of each byte (24, nodes); skewness and excess kurtosis, means over the bytes."""
    starts = np.cumsum(count) - count
    values = payload.astype(np.float64)
    mean = np.add.reduceat(values, starts, axis=1) / count
    values -= np.repeat(mean, count, axis=1)
    power = values * values
    squares = np.add.reduceat(power, starts, axis=1)
    fourth = np.add.reduceat(power * power, starts, axis=1) / count
    power *= values
    third = np.add.reduceat(power, starts, axis=1) / count
    spread = np.maximum.reduceat(payload, starts, axis=1) - np.minimum.reduceat(payload, starts, axis=1)
    std = np.sqrt(squares / np.maximum(count - 1, 1))
    variance = np.where(spread > 0, squares / count, 1.0)
    skewness = (third / variance**1.5).clip(-MOMENT_LIMIT, MOMENT_LIMIT)
    kurtosis = np.where(spread > 0, fourth / variance**2 - 3.0, 0.0).clip(-MOMENT_LIMIT, MOMENT_LIMIT)
    return np.concatenate([mean, std, spread]), [skewness.mean(axis=0), kurtosis.mean(axis=0)]


def _entropy(payload: UInt8[np.ndarray, "slots 8"]) -> Float64[np.ndarray, " slots"]:
    """Entropy in nats of the byte values as weights: -sum p ln p with p = b/S is ln S - sum(b ln b)/S."""
    total = payload.sum(axis=1, dtype=np.int64)
    some = np.maximum(total, 1)
    return np.where(total > 0, np.log(some) - _V_LOG_V[payload].sum(axis=1) / some, 0.0)


def _change_rate(payload: UInt8[np.ndarray, "8 slots"], count: np.ndarray) -> Float64[np.ndarray, " nodes"]:
    changed = np.zeros(payload.shape[1])
    changed[1:] = (payload[:, 1:] != payload[:, :-1]).sum(axis=0) / 8
    return _node_sums(changed * _follows(count), count) / np.maximum(count - 1, 1)


def _arrivals(time: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and std of the times between messages of a node; 0 where it has too few."""
    follows = _follows(count)
    gap = np.diff(time, prepend=time[:1]) * follows
    mean = _node_sums(gap, count) / np.maximum(count - 1, 1)
    deviation = (gap - np.repeat(mean, count)) * follows
    variance = _node_sums(deviation**2, count) / np.maximum(count - 2, 1)
    return mean, np.where(count > 2, np.sqrt(variance), 0.0)


def _pair_features(edges: Int64[np.ndarray, "2 edges"]) -> Float64[np.ndarray, "edges 2"]:
    """Whether the reverse edge exists too, and how many edges are parallel to this one, itself among them."""
    n_nodes = int(edges.max()) + 1
    pairs, which, parallel = np.unique(edges[0] * n_nodes + edges[1], return_inverse=True, return_counts=True)
    reverse = pairs % n_nodes * n_nodes + pairs // n_nodes
    at = np.searchsorted(pairs, reverse).clip(max=len(pairs) - 1)
    return np.stack([pairs[at] == reverse, parallel], axis=1)[which].astype(np.float64)


def _clustering(edges: Int64[np.ndarray, "2 edges"], n_nodes: int) -> Float64[np.ndarray, " nodes"]:
    """Closed pairs of neighbours over all pairs, where a node with a loop is its own neighbour, as published.

    The closed walks v-a-c-v are the diagonal of A^3; those with c = v need the loop of v, one for each a.
    """
    ends = np.concatenate([edges, edges[::-1]], axis=1)
    adjacency = csr_array((np.ones(ends.shape[1]), (ends[0], ends[1])), shape=(n_nodes, n_nodes))
    adjacency.data[:] = 1.0
    degree = adjacency.sum(axis=1)
    walks = ((adjacency @ adjacency) * adjacency).sum(axis=1) - adjacency.diagonal() * degree
    return np.divide(walks, degree * (degree - 1), out=np.zeros(n_nodes), where=degree > 1)


def _follows(count: Int64[np.ndarray, " nodes"]) -> Bool[np.ndarray, " slots"]:
    """Whether a slot has an earlier one of its node."""
    follows = np.ones(count.sum(), bool)
    follows[np.cumsum(count) - count] = False
    return follows


def _node_sums(values: Float64[np.ndarray, " slots"], count: np.ndarray) -> Float64[np.ndarray, " nodes"]:
    return np.add.reduceat(values, np.cumsum(count) - count)


def _node_means(values: Float64[np.ndarray, " slots"], count: np.ndarray) -> Float64[np.ndarray, " nodes"]:
    return _node_sums(values, count) / count
