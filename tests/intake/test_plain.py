import argparse
import datetime

import numpy as np
import pytest
import torch

from assay.errors import ConfigError, Refused
from assay.intake.checkpoint import read
from assay.intake.placeholders import may_be_inert
from assay.intake.plain import PlainValues


def through_a_file(tmp_path, value, **options):
    torch.save({"state_dict": {"w": torch.ones(1)}, "hyper_parameters": {"v": value}}, tmp_path / "a.ckpt")
    checkpoint = read(tmp_path / "a.ckpt", **options)
    return checkpoint.hparams["hyper_parameters"]["v"], checkpoint.facts


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, 2.5, None, True, "x"), [1, 2.5, None, True, "x"]),
        ({"a": {"b": ()}}, {"a": {"b": []}}),
        ({0: "benign", 1: "attack"}, {"0": "benign", "1": "attack"}),
        ({"b", "a"}, ["a", "b"]),
        (torch.float16, "float16"),
        (torch.device("cuda", 1), "cuda:1"),
        (torch.Size([2, 3]), [2, 3]),
        (1 + 2j, "(1+2j)"),
        (b"\x01\xff", "01ff"),
        (2**70, 2**70),
        (np.float64(0.1), 0.1),
        (np.int64(-24), -24),
        (np.bool_(True), True),
        (np.float32(0.5), 0.5),
        (torch.ones(2, 3), {"tensor": {"dtype": "float32", "shape": [2, 3]}}),
    ],
)
def test_a_hyper_parameter_becomes_a_plain_value(tmp_path, value, plain):
    found, facts = through_a_file(tmp_path, value)
    assert found == plain
    assert type(found) is type(plain)
    assert facts["placeholders"] == {}


@pytest.mark.parametrize(
    ("value", "text"), [(float("nan"), "nan"), (float("inf"), "inf"), (-float("inf"), "-inf")]
)
def test_numbers_that_json_lacks_become_text_with_a_note(tmp_path, value, text):
    found, facts = through_a_file(tmp_path, {"lr": value})
    assert found == {"lr": text}
    assert facts["warnings"] == ["hyper_parameters.v.lr is not finite; kept as text"]


def test_inert_types_say_where_they_were_met(tmp_path):
    value = {"a": argparse.Namespace(x=1), "b": [datetime.timedelta(days=2)]}
    found, facts = through_a_file(tmp_path, value)
    assert found["a"] == {"placeholder": "argparse.Namespace", "state": {"x": 1}}
    assert found["b"] == [{"placeholder": "datetime.timedelta", "args": [2, 0, 0]}]
    assert facts["placeholders"] == {
        "hyper_parameters.v.a": "argparse.Namespace",
        "hyper_parameters.v.b[0]": "datetime.timedelta",
    }


def test_a_value_that_contains_itself_is_cut(tmp_path):
    ring: list = [1]
    ring.append(ring)
    found, facts = through_a_file(tmp_path, ring)
    assert found == [1, "(itself)"]
    assert "contains itself" in facts["warnings"][0]


def test_values_that_share_their_parts_until_they_are_too_large_are_refused():
    value: list = ["x" * 1000]
    for _ in range(13):
        value = [value, value]
    with pytest.raises(Refused, match="is too large"):
        PlainValues().convert(value, "hyper_parameters")


def test_values_nested_too_deeply_are_refused():
    value: list = []
    for _ in range(101):
        value = [value]
    with pytest.raises(Refused, match="100 levels"):
        PlainValues().convert(value, "hyper_parameters")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({(1, 2): 3}, "key of type tuple"),
        ({1: 2, "1": 3}, "two keys that read '1'"),
        (object(), "holds a object"),
    ],
)
def test_values_that_json_cannot_hold_are_refused(value, words):
    with pytest.raises(Refused, match=words):
        PlainValues().convert(value, "hyper_parameters")


@pytest.mark.parametrize(
    "name",
    [
        "builtins.getattr",
        "builtins.eval",
        "functools.partial",
        "operator.attrgetter",
        "importlib.import_module",
        "os.system",
        "posix.system",
        "subprocess.Popen",
        "torch.hub.load",
        "torch.FloatTensor",
        "types.FunctionType",
        "mylab.make_model",
        "Popen",
        "mylab.Net]",
    ],
)
def test_a_callable_is_never_a_placeholder_even_if_listed(tmp_path, name):
    assert not may_be_inert(name)
    with pytest.raises(ConfigError, match=r"intake\.placeholders"):
        through_a_file(tmp_path, 1, placeholders=[name])
