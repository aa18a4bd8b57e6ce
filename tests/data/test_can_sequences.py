"""Sequences hold their windows side by side, in order, with nothing in between."""

import numpy as np
import pytest
from data.random_graphs import random_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.data.can_sequences import window_sequences
from assay.errors import Refused


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), length=st.integers(2, 4), stride=st.integers(1, 3))
def test_every_window_of_a_sequence_is_the_window_that_it_was(seed, length, stride):
    windows = random_graphs(seed, 14)
    found = window_sequences(windows, length=length, stride=stride, split="val")
    assert len(found) == 14 - (length - 1) * stride
    for i in range(len(found)):
        whole = found.select(np.array([i]))
        for step in range(length):
            window = windows.select(np.array([i + step * stride]))
            nodes = np.flatnonzero(whole.node_sequence_step == step)
            edges = np.flatnonzero(np.isin(whole.edge_index[0], nodes))
            np.testing.assert_array_equal(whole.x[nodes], window.x)
            np.testing.assert_array_equal(whole.node_id[nodes], window.node_id)
            np.testing.assert_array_equal(whole.edge_index[:, edges] - nodes[0], window.edge_index)
            np.testing.assert_array_equal(whole.edge_attr[edges], window.edge_attr)


def test_what_is_known_of_a_sequence_is_that_of_its_last_window():
    windows = random_graphs(3, 10)
    found = window_sequences(windows, length=3, stride=2, split="val")
    for name in ("y", "attack_type", "graph_wid", "record_id", "time"):
        if getattr(windows, name) is not None:
            np.testing.assert_array_equal(getattr(found, name), getattr(windows, name)[4:], err_msg=name)


def test_a_length_of_one_is_the_windows():
    windows = random_graphs(3, 5)
    assert window_sequences(windows, length=1, stride=1, split="val") is windows


def test_a_split_that_is_too_short_is_refused():
    with pytest.raises(Refused, match="split val has 4 windows; a sequence of 3 spans 5"):
        window_sequences(random_graphs(3, 4), length=3, stride=2, split="val")
