"""Graphs that were collated elsewhere: both formats, and every way in which a file is refused."""

import io
import zipfile

import numpy as np
import pytest
from data.random_graphs import random_graphs
from safetensors.numpy import save_file

from assay.data.graphs import prepare
from assay.errors import Refused

EDGE = 4  # the first edge that a test damages


def npz(path, **changes):
    arrays = {**random_graphs().arrays(), "record_id": random_graphs().record_id, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def same(prepared):
    for name, array in random_graphs().arrays().items():
        np.testing.assert_array_equal(prepared.splits["val"].arrays()[name], array)


def test_an_npz_file_is_read(tmp_path):
    prepared = prepare({"val": [npz(tmp_path / "a.npz")]})
    same(prepared)
    assert prepared.facts == {
        "num_ids": 9,
        "n_features": 3,
        "n_edge_features": 2,
        "attack_names": {},
        "warnings": [],
    }


def test_a_safetensors_file_is_read(tmp_path):
    save_file(random_graphs().arrays(), tmp_path / "a.safetensors")
    same(prepare({"val": [tmp_path / "a.safetensors"]}))


def test_compressed_and_column_major_members_are_read(tmp_path):
    arrays = {name: np.asfortranarray(array) for name, array in random_graphs().arrays().items()}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    same(prepare({"val": [tmp_path / "a.npz"]}))


def test_one_class_is_a_warning(tmp_path):
    prepared = prepare({"val": [npz(tmp_path / "a.npz", y=np.zeros(12, np.int64))]})
    assert prepared.facts["warnings"] == ["split val: all 12 samples have label 0"]


def test_splits_of_other_width_are_refused(tmp_path):
    wide = random_graphs(n_features=4).arrays()
    np.savez(tmp_path / "b.npz", **wide)
    with pytest.raises(Refused, match=r"the splits differ .*a.npz: 3 and 2; .*b.npz: 4 and 2"):
        prepare({"val": [npz(tmp_path / "a.npz")], "test": [tmp_path / "b.npz"]})


def test_a_split_of_two_files_is_refused(tmp_path):
    with pytest.raises(Refused, match="split val has 2 files; allowed: 1"):
        prepare({"val": [tmp_path / "a.npz", tmp_path / "b.npz"]})


def changed(name, at, value):
    array = random_graphs().arrays()[name].copy()
    array[at] = value
    return {name: array}


def edge_graph():
    graphs = random_graphs()
    graph = int(np.searchsorted(graphs.edge_ptr, EDGE, side="right") - 1)
    return graph, int(np.diff(graphs.node_ptr)[graph])


GRAPH, NODES = edge_graph()
UNSOUND = {
    rf"edge_index has source {NODES} in graph {GRAPH}; allowed: 0 to {NODES - 1}": changed(
        "edge_index", (0, EDGE), NODES
    ),
    rf"edge_index has target -1 in graph {GRAPH}": changed("edge_index", (1, EDGE), -1),
    r"x holds nan in row 2, column 1; allowed: finite": changed("x", (2, 1), np.nan),
    r"edge_attr holds inf in row 3, column 0": changed("edge_attr", (3, 0), np.inf),
    r"time holds nan in row 5, column 0": changed("time", 5, np.nan),
    r"node_ptr goes from 1 to": changed("node_ptr", 0, 1),
    r"edge_ptr goes from 0 to 1000; it must go from 0 to": changed("edge_ptr", -1, 1000),
    r"node_ptr of graph 0 goes from 0 to 0; every group needs|node_ptr of graph 0 .* needs a node": changed(
        "node_ptr", 1, 0
    ),
    r"edge_ptr of graph 3 goes from \d+ to -2; it must ascend": changed("edge_ptr", 4, -2),
    r"node_id holds -1 at 3; allowed: 0 and above": changed("node_id", 3, -1),
    r"y holds -1 at 3": changed("y", 3, -1),
    r"attack_type holds -7 at 0": changed("attack_type", 0, -7),
    r"x is float64; allowed: float32": {"x": random_graphs().x.astype(np.float64)},
    r"x is >f4; allowed: float32": {"x": random_graphs().x.astype(">f4")},
    r"y is int32; allowed: int64": {"y": random_graphs().y.astype(np.int32)},
    r"y has shape \(12, 1\); allowed: \[graphs\]": {"y": random_graphs().y[:, None]},
    r"edge_index has shape \(3, 2\): 2 is 3; edge_index says 2": {"edge_index": np.zeros((3, 2), np.int64)},
    r"node_id has shape \(2,\): nodes is 2; x says": {"node_id": np.zeros(2, np.int64)},
    r"node_ptr has shape \(12,\): graphs \+ 1 is 12; y says 13": {"node_ptr": np.zeros(12, np.int64)},
    r"attack_type has shape \(3,\)": {"attack_type": np.zeros(3, np.int64)},
    r"record_id is text of shape \(12, 1\); allowed: \[graphs\]": {
        "record_id": random_graphs().record_id[:, None]
    },
    r"record_id holds b'\\xff\\xff', which is not UTF-8": {"record_id": np.full((12, 2), 255, np.uint8)},
    r"holds no graph; at least 1 is needed": {"y": np.zeros(0, np.int64)},
    r"lacks y, edge_ptr; got attack_type, ": {"y": None, "edge_ptr": None},
    r"has unknown fields: labels; allowed: x, edge_index,": {"labels": np.zeros(12)},
}


@pytest.mark.parametrize(("message", "changes"), UNSOUND.items())
def test_unsound_graphs_are_refused_with_file_field_and_value(tmp_path, message, changes):
    with pytest.raises(Refused, match=message) as caught:
        prepare({"val": [npz(tmp_path / "a.npz", **changes)]})
    assert str(caught.value).startswith(str(tmp_path / "a.npz"))
    assert caught.value.exit_code == 3


def test_every_flipped_byte_of_an_npz_file_is_refused_or_changes_nothing(tmp_path):
    content = npz(tmp_path / "a.npz").read_bytes()
    refused = 0
    for position in range(0, len(content), 97):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        (tmp_path / "a.npz").write_bytes(damaged)
        try:
            same(prepare({"val": [tmp_path / "a.npz"]}))
        except Refused:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("name", ["a.npz", "a.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_was_cut_off_is_refused(tmp_path, name, share):
    path = tmp_path / name
    npz(path) if path.suffix == ".npz" else save_file(random_graphs().arrays(), path)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(Refused, match=rf"{name} is not a readable"):
        prepare({"val": [path]})


def test_python_objects_are_refused_and_never_made(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **random_graphs().arrays() | {"time": np.array([print] * 12, object)})
    with pytest.raises(Refused, match=r"a.npz: field time.npy cannot be read: it holds Python objects"):
        prepare({"val": [path]})


def member(header_shape, content):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<i8", "fortran_order": False, "shape": header_shape}
    )
    return stream.getvalue() + content


@pytest.mark.parametrize("shape", [(10**12,), (-1,), (11,), (-2, -6)])
def test_a_member_of_another_length_than_it_says_is_refused(tmp_path, shape):
    np.savez(tmp_path / "a.npz", **{k: v for k, v in random_graphs().arrays().items() if k != "y"})
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("y.npy", member(shape, bytes(8 * 12)))
    with pytest.raises(Refused, match=r"field y.npy cannot be read: 96 bytes for shape"):
        prepare({"val": [tmp_path / "a.npz"]})


def test_a_repeated_member_is_refused(tmp_path):
    npz(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("y.npy", member((12,), bytes(96)))
    with pytest.raises(Refused, match="more than one field of the name y"):
        prepare({"val": [tmp_path / "a.npz"]})
