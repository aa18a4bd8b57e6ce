"""A header is read without torch, and says what the border reads."""

import argparse
import datetime
import json
import pickle
import struct
import subprocess
import sys
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from discover import trees
from families.graphs import REFERENCE
from intake.pickles import archive, call, dict_, lightning, number, tensor, text

from assay.discover.headers import header
from assay.discover.outline import outline
from assay.discover.reading import header_reader
from assay.errors import Refused
from assay.intake.checkpoint import read

CHECKPOINTS = sorted(path for path in REFERENCE.parent.rglob("*") if path.suffix in (".ckpt", ".pt", ".pth"))
VALUES = {
    "numbers": [1, -(2**70), 0.5, float("inf"), True, None],
    "text": {"a": "é", "b": "x" * 300, 3: b"\x01\xff"},
    "containers": (1, [2, {"a": ()}], {3}, OrderedDict(a=1), Counter("aab")),
    "torch": [torch.float16, torch.device("cuda", 1), torch.Size([2, 3]), 1 + 2j],
    "numpy": [np.float32(0.5), np.int64(3), np.bool_(True)],
    "inert": [argparse.Namespace(lr=0.1), Path("a/b"), datetime.timedelta(2), int, torch.nn.ReLU()],
}


def test_the_header_of_every_checkpoint_that_the_border_takes_has_its_tensors_and_values():
    taken = [(path, checkpoint) for path in CHECKPOINTS if (checkpoint := at_the_border(path))]
    assert len(taken) > 10
    for path, checkpoint in taken:
        found = header(path)
        own = {name: list(each.shape) for name, each in checkpoint.tensors.items() if "/" not in name}
        assert found.tensors == own, (
            path
        )  # a slash is in the names of a network, which lies elsewhere in the file
        assert found.hyper_parameters == checkpoint.hparams["hyper_parameters"], path
        assert found.class_path == (checkpoint.hparams["class_path"] or ""), path


def at_the_border(path):
    try:
        return read(path)
    except Refused:
        return None


@pytest.mark.parametrize("case", VALUES)
def test_hyper_parameters_are_the_same_values_as_at_the_border(tmp_path, case):
    content = {"state_dict": {"w": torch.ones(2)}, "hyper_parameters": {"v": VALUES[case]}}
    path = trees.saved(content, tmp_path / "x.ckpt")
    assert json.dumps(header(path).hyper_parameters) == json.dumps(read(path).hparams["hyper_parameters"])


def test_parameters_buffers_views_and_tied_tensors_have_their_shapes(tmp_path):
    weight = torch.nn.Parameter(torch.ones(2, 3))
    state = {"w": weight, "tied": weight, "view": torch.ones(4, 4)[1:, ::2], "half": torch.ones(5).half()}
    state |= {"scalar": torch.tensor(3), "empty": torch.ones(0, 7), "wide": torch.ones(1).expand(9)}
    found = header(trees.saved(state, tmp_path / "x.pt")).tensors
    assert found == {name: list(each.shape) for name, each in state.items()}


def test_a_tensor_among_hyper_parameters_is_its_shape(tmp_path):
    content = {"state_dict": {"w": torch.ones(1)}, "hyper_parameters": {"v": torch.ones(2, 3)}}
    assert header(trees.saved(content, tmp_path / "x.ckpt")).hyper_parameters == {
        "v": {"tensor": {"shape": [2, 3]}}
    }


def test_a_replaced_method_of_an_ordered_dict_is_not_called(tmp_path):
    methods = dict_(**dict.fromkeys(("items", "keys", "values", "get"), number(1)))
    shadowed = call("collections", "OrderedDict") + methods + pickle.BUILD
    weights = shadowed + text("w") + tensor() + pickle.SETITEM
    path = archive(tmp_path / "a.ckpt", shadowed + text("state_dict") + weights + pickle.SETITEM)
    assert header(path).tensors == {"w": [4]}


def test_a_name_that_is_not_known_is_refused_though_the_gate_let_it_pass():
    with pytest.raises(Refused, match=r"os\.getcwd, which is not known here"):
        outline(b"\x80\x02" + call("os", "getcwd") + b".", inert=[])


def test_a_slot_that_claims_gigabytes_is_refused_and_the_next_file_is_read(tmp_path):
    claim = pickle.EMPTY_LIST + pickle.LONG_BINPUT + struct.pack("<I", 2**32 - 1)
    path, small = archive(tmp_path / "a.ckpt", lightning(v=claim)), trees.mlp(tmp_path / "x.pt")
    with header_reader() as reader:
        with pytest.raises(Refused, match="more memory"):
            reader.read(path)
        assert len(reader.read(small)["tensors"]) == 4
        assert reader.n_children == 1


def test_the_process_that_reads_headers_imports_no_torch():
    script = (
        "import sys, assay.discover.child; print(sorted({'torch', 'pandas', 'scipy'} & sys.modules.keys()))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], text=True) == "[]\n"
