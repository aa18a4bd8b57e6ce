"""Sequences of windows as one graph each, whose nodes know in which window they stand."""

from dataclasses import replace

import numpy as np

from assay.data.collated import Collated
from assay.errors import Refused


def window_sequences(windows: Collated, *, length: int, stride: int, split: str) -> Collated:
    """One graph for every `length` windows that lie `stride` apart; no edge joins two of them.

    `node_sequence_step` is the place of a node's window in its sequence, from 0. Label, attack type, graph_wid,
    record_id and time are those of the last window. A length of 1 gives the windows themselves.

    Raises:
        Refused: the split has fewer windows than one sequence spans.
    """
    if length == 1:
        return windows
    n = len(windows) - (length - 1) * stride
    if n <= 0:
        span = (length - 1) * stride + 1
        raise Refused(f"split {split} has {len(windows)} windows; a sequence of {length} spans {span}.")
    members = np.arange(n)[:, None] + stride * np.arange(length)  # (sequences, windows)
    laid_out, last = windows.select(members.reshape(-1)), windows.select(members[:, -1])
    n_nodes, n_edges = np.diff(laid_out.node_ptr), np.diff(laid_out.edge_ptr)
    before = laid_out.node_ptr[:-1] - np.repeat(laid_out.node_ptr[:-1:length], length)
    return replace(
        last,
        x=laid_out.x,
        edge_index=laid_out.edge_index + np.repeat(before, n_edges),
        edge_attr=laid_out.edge_attr,
        node_id=laid_out.node_id,
        node_ptr=laid_out.node_ptr[::length],
        edge_ptr=laid_out.edge_ptr[::length],
        node_sequence_step=np.repeat(np.tile(np.arange(length), n), n_nodes),
    )
