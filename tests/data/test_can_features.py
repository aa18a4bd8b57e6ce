"""Every feature against plain Python, over windows that touch, overlap and leave gaps."""

import numpy as np
import pytest
from data.can_files import traffic, write_csv
from data.can_oracle import window_graph

from assay.data import can_graphs
from assay.data.can_bus import prepare
from assay.data.can_features import EDGE_FEATURES, NODE_FEATURES
from assay.data.can_messages import split_messages
from assay.data.can_vocabulary import vocabulary

TOLERANCE = 2e-5  # of float32 on values up to 255


def both(tmp_path, seed, window, stride, n=137, ids=("0A0", "1E5", "02B0", "7FF", "100", "101")):
    """Our graphs of two logs, an attack among them, and the oracle's; "100" and "101" are unknown ids."""
    halves = (
        (traffic(seed, n, ids), "normal.csv"),
        (traffic(seed + 50, n, ids, attacks=0.05, start=9.0), "DoS.csv"),
    )
    paths = [write_csv(tmp_path / "logs" / name, rows) for rows, name in halves]
    codes = {"normal.csv": 0, "DoS.csv": 1}
    rows = [(*row, codes[name]) for half, name in halves for row in half]
    rows.sort(key=lambda row: row[0])
    known = vocabulary(set(ids) - {"100", "101"})
    messages, _ = split_messages("test", paths)
    graphs = can_graphs.window_graphs(messages, known, window=window, stride=stride)
    starts = range(0, len(rows) - window + 1, stride)
    return graphs, [window_graph(rows, start, window, known.entries) for start in starts]


SHAPES = [(10, 10), (10, 3), (10, 25), (7, 5), (2, 1), (50, 50), (50, 20)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("window", "stride"), SHAPES)
def test_graphs_equal_the_definition(tmp_path, window, stride, seed):
    graphs, expected = both(tmp_path, seed, window, stride)
    assert len(graphs) == len(expected) > 0
    for number, (features, edges, edge_rows, label, attack_type) in enumerate(expected):
        one = graphs.select(np.array([number]))
        assert one.node_id.tolist() == list(features)
        np.testing.assert_allclose(one.x, list(features.values()), atol=TOLERANCE, rtol=1e-6)
        assert one.node_id[one.edge_index].T.tolist() == [list(edge) for edge in edges]
        np.testing.assert_allclose(one.edge_attr, edge_rows, atol=TOLERANCE, rtol=1e-6)
        assert (one.y[0], one.attack_type[0], one.graph_wid[0]) == (label, attack_type, number * stride)


@pytest.mark.parametrize(("window", "stride"), [(10, 3), (50, 20)])
def test_every_id_of_a_window_is_a_node_of_it_also_where_windows_overlap(tmp_path, window, stride):
    """Also one that is heard there for the first time; and every edge joins two of its nodes."""
    graphs, _ = both(tmp_path, 0, window, stride)
    paths = [tmp_path / "logs" / name for name in ("normal.csv", "DoS.csv")]
    messages, _ = split_messages("test", paths)
    known = vocabulary({"0A0", "1E5", "02B0", "7FF"})
    heard = known.numbers(messages.ids)[messages.id_code]
    for number in range(len(graphs)):
        one = graphs.select(np.array([number]))
        first = int(one.graph_wid[0])
        assert one.node_id.tolist() == np.unique(heard[first : first + window]).tolist()
        assert one.edge_index.dtype == np.int64
        assert one.edge_index.max() < len(one.node_id)


def test_the_chunk_size_changes_nothing(tmp_path, monkeypatch):
    whole, _ = both(tmp_path, 0, 10, 3)
    monkeypatch.setattr(can_graphs, "CHUNK_SLOTS", 25)
    pieces, _ = both(tmp_path, 0, 10, 3)
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(array, pieces.arrays()[name])


def test_features_have_a_name_each():
    assert len(set(NODE_FEATURES)) == 35
    assert len(set(EDGE_FEATURES)) == 11


def test_skewness_and_kurtosis_stay_within_ten(tmp_path):
    spike = [(0.01 * k, "0A0", bytes([255 if k == 7 else 0]), 0) for k in range(200)]
    options = {
        "window": 200,
        "stride": 200,
        "vocab_scope": "train",
        "val_fraction": 0.0,
        "scaler": "none",
        "sequence_length": 1,
        "sequence_stride": 1,
    }
    graphs = prepare({"train": [write_csv(tmp_path / "a.csv", spike)]}, **options).splits["train"]
    assert graphs.x[0, 26] == pytest.approx(10 / 8)  # one byte at the limit, seven constant
    assert graphs.x[0, 27] == pytest.approx(10 / 8)


def test_a_node_with_only_a_loop_has_no_closed_pairs(tmp_path):
    rows = [(0.01 * k, "0A0", b"\1", 0) for k in range(10)]
    graphs, _ = one_window(tmp_path, rows)
    assert graphs.x[0, 28] == 0


def test_a_loop_counts_as_a_neighbour_in_the_published_clustering(tmp_path):
    rows = [(0.01 * k, name, b"", 0) for k, name in enumerate(("A", "A", "B"))]
    graphs, _ = one_window(tmp_path, rows)
    assert graphs.x[0, 28] == pytest.approx(0.5)  # A: neighbours A and B; the walk A-A-B closes, of 2


def one_window(tmp_path, rows):
    messages, warnings = split_messages("train", [write_csv(tmp_path / "a.csv", rows)])
    known = vocabulary(messages.ids)
    return can_graphs.window_graphs(messages, known, window=len(rows), stride=1), warnings
