"""A checkpoint with its network, in one file or in files beside it, as its family reads it."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.torch
import torch
from families.gsnn.examples import KINDS, REFERENCE, random_file, random_table, taken_in

from assay.errors import Refused
from assay.families import gsnn
from assay.intake.checkpoint import Checkpoint, read
from assay.networks import EDGES

CONTENT = random_file(3)
NAMES = CONTENT["node_names_dict"]


def saved(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def refusal(path: Path, *beside: Path) -> str:
    with pytest.raises(Refused) as caught:
        read(path, beside=beside)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def assert_loads_the_network(found: Checkpoint) -> None:
    subject = gsnn.load(found.tensors, found.hparams)
    content = random_file(3)
    wanted = gsnn.load(*taken_in(*(content[key] for key in ("state_dict", "ctor", *PARTS))))
    assert torch.equal(subject.regress(random_table(0)), wanted.regress(random_table(0)))
    assert subject.functions == tuple(NAMES["function"])
    assert np.array_equal(subject.edges, wanted.edges)


PARTS = ("edge_index_dict", "node_names_dict")


def arrays(*, by_name: bool = False) -> dict[str, np.ndarray]:
    """The network as the arrays of an npz file."""
    found = {f"{kind}_names": np.array(NAMES[kind]) for kind in KINDS}
    for (start, _, end), pairs in CONTENT["edge_index_dict"].items():
        listed = pairs.numpy()
        if by_name:
            listed = np.stack([np.array(NAMES[k])[row] for k, row in zip((start, end), listed, strict=True)])
        found[f"edge_index_{start}_{end}"] = listed
    return found


def columns() -> dict[str, list]:
    """The network as the columns of a table, the edges in their order."""
    rows = [
        (start, NAMES[start][s], s, end, NAMES[end][t], t)
        for (start, _, end), pairs in CONTENT["edge_index_dict"].items()
        for s, t in pairs.T.tolist()
    ]
    names = ("source_type", "source", "source_index", "target_type", "target", "target_index")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def beside(path: Path, network: dict[str, np.ndarray] | dict[str, list] | None = None) -> tuple[Path, Path]:
    """The files of the network and of the arguments."""
    network = arrays() if network is None else network
    options = path.with_name(f"{path.name}.ctor.json")
    options.write_text(json.dumps(CONTENT["ctor"]))
    if isinstance(next(iter(network.values())), list):
        file = path.with_name(f"{path.name}.network.parquet")
        pq.write_table(pa.table(network), file)
        return file, options
    file = path.with_name(f"{path.name}.network.npz")
    np.savez(file, **network)
    return file, options


def test_the_published_file_is_taken_in_whole():
    found = read(REFERENCE / "model.pt")
    assert set(EDGES.values()) <= found.tensors.keys()
    assert found.hparams["ctor"]["layers"] == 4
    assert found.hparams["node_names"]["output"] == ["out0", "out1", "out2"]
    assert found.facts["left_out"] == []
    assert gsnn.load(found.tensors, found.hparams).functions == tuple(f"fn{i}" for i in range(8))


def test_a_class_of_a_nonlinearity_is_kept_by_its_name(tmp_path):
    content = {**CONTENT, "ctor": {**CONTENT["ctor"], "nonlin": torch.nn.ReLU}}
    found = read(saved(tmp_path / "a.pt", content))
    assert found.hparams["ctor"]["nonlin"] == {"placeholder": "torch.nn.modules.activation.ReLU"}
    subject = gsnn.load(found.tensors, found.hparams)
    assert subject.network.settings.nonlin is torch.nn.ReLU
    unknown = {**CONTENT, "ctor": {**CONTENT["ctor"], "nonlin": torch.nn.PReLU}}
    assert "torch.nn.modules.activation.PReLU" in refusal(saved(tmp_path / "b.pt", unknown))


def test_arguments_that_are_the_network_itself_are_left_aside(tmp_path):
    weights = {("function", "to", "function"): torch.ones(3)}
    whole = {"edge_index_dict": CONTENT["edge_index_dict"], "node_names_dict": NAMES}
    content = {**CONTENT, "ctor": {**CONTENT["ctor"], **whole, "edge_weight_dict": weights}}
    found = read(saved(tmp_path / "a.pt", content))
    assert found.hparams["ctor"] == {**CONTENT["ctor"], "edge_weight_dict": True}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ctor": [4, 3]}, "ctor is a list, expected a dict of keyword arguments"),
        ({"edge_index_dict": [1]}, "edge_index_dict is a list, expected a dict of tensors"),
        (
            {"edge_index_dict": {("drug", "to", "function"): torch.zeros(2, 1, dtype=torch.int64)}},
            "edge_index_dict has the key \"('drug', 'to', 'function')\", expected ('input', 'to', 'function')",
        ),
        (
            {"edge_index_dict": {("input", "to", "function"): [1, 2]}},
            "edge_index_dict[('input', 'to', 'function')] is a list, expected a tensor",
        ),
        (
            {"node_names_dict": {"input": ["a"]}},
            "node_names_dict is a dict of input, expected a dict of lists",
        ),
        ({"node_names_dict": ["a"]}, "node_names_dict is a list, expected a dict of lists"),
    ],
)
def test_a_network_of_another_form_is_refused(tmp_path, changes, said):
    assert said in refusal(saved(tmp_path / "a.pt", {**CONTENT, **changes}))


@pytest.mark.parametrize(
    "network", [arrays(), arrays(by_name=True), columns()], ids=["npz", "names", "parquet"]
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_plain_state_dict_takes_its_network_from_files_beside_it(tmp_path, network, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".pt":
        saved(path, CONTENT["state_dict"])
    else:
        own = {name: tensor.clone() for name, tensor in CONTENT["state_dict"].items()}
        safetensors.torch.save_file(own, path)
    assert_loads_the_network(read(path, beside=beside(path, network)))


def test_what_is_in_the_checkpoint_and_beside_it_is_refused(tmp_path):
    path = saved(tmp_path / "a.pt", CONTENT)
    network, options = beside(path)
    assert "ctor are in it and in a file beside it" in refusal(path, options)
    assert "network/function/function, network/function/output, network/input/function, node_names are" in (
        refusal(path, network)
    )
    other, _ = beside(path, columns())
    assert "a.pt.network.parquet is there, and another file with the network" in refusal(path, network, other)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"input_names": np.arange(4)}, "input_names is int64 [4], expected text [nodes]"),
        (
            {"edge_index_function_output": np.zeros(3, int)},
            "edge_index_function_output is int64 [3], expected ",
        ),
        (
            {"edge_index_input_function": np.array([["in0"], ["fuX"]])},
            "has the function 'fuX', which function_names",
        ),
        ({"more": np.zeros(1)}, "has the arrays input_names, function_names, output_names, "),
        ({"function_names": np.array(["a"], dtype=object)}, "field function_names.npy cannot be read"),
        ({"function_names": np.full(40_000, "a" * 1000)}, "unfolds to 160,"),
    ],
)
def test_an_npz_file_that_is_no_network_is_refused(tmp_path, changes, said):
    path = saved(tmp_path / "a.pt", CONTENT["state_dict"])
    files = beside(path)
    np.savez_compressed(files[0], **{**arrays(), **changes})
    assert said in refusal(path, *files)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"source_type": ["drug"] * 21},
            "has edges between other types of nodes, expected input to function",
        ),
        ({"source_index": [0.5] * 21}, "source_index holds other values than whole numbers from 0"),
        ({"source_index": [-1] * 21}, "source_index holds other values than whole numbers from 0"),
        ({"source": ["same"] * 20 + ["other"]}, "function nodes have two names at position"),
        ({"target_index": [99] * 21}, "nodes have no edge at every position up to 99"),
        ({"source": [""] * 21}, "column source is empty in row 0"),
        (
            {"weight": [1.0] * 21},
            "expected source_type, source, target_type, target, source_index, target_index",
        ),
    ],
)
def test_a_table_that_is_no_network_is_refused(tmp_path, changes, said):
    path = saved(tmp_path / "a.pt", CONTENT["state_dict"])
    assert len(columns()["source"]) == 21
    assert said in refusal(path, *beside(path, {**columns(), **changes}))


def test_a_table_of_more_edges_than_the_state_dict_is_not_read(tmp_path):
    path = saved(tmp_path / "a.pt", CONTENT["state_dict"])
    longer = {name: cells * 2 for name, cells in columns().items()}
    assert "a.pt.network.parquet has 42 rows; allowed: 26" in refusal(path, *beside(path, longer))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "ctor is a list, expected a dict"),
        ("{", "a.pt.ctor.json is no JSON"),
        ("[" * 100_000, "a.pt.ctor.json is no JSON"),
        (" " * (16 * 2**20 + 1), "a.pt.ctor.json has 16,777,217 bytes, expected at most 16,777,216"),
    ],
)
def test_arguments_that_are_no_json_object_are_refused(tmp_path, text, said):
    path = saved(tmp_path / "a.pt", CONTENT["state_dict"])
    network, options = beside(path)
    options.write_text(text)
    assert said in refusal(path, network, options)


def test_a_damaged_file_beside_it_is_refused_by_its_name(tmp_path):
    path = saved(tmp_path / "a.pt", CONTENT["state_dict"])
    for network in (arrays(), columns()):
        file, _ = beside(path, network)
        content = bytearray(file.read_bytes())
        content[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
        file.write_bytes(content[:-20])
        assert file.name in refusal(path, file)
        file.unlink()
