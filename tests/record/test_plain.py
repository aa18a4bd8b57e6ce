"""Values of a training script as JSON."""

import enum
import json
import math
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.record.plain import MOST_LEVELS, plain, record_json


def converted(value):
    return plain(value, "results.json")[0]


@dataclass
class Inner:
    widths: tuple[int, ...] = (3, 4)


@dataclass
class Outer:
    inner: Inner = field(default_factory=Inner)
    folder: Path = Path("/x")


class Level(enum.Enum):
    LOW = 1


class Wide(enum.IntEnum):
    ONE = 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Outer(), {"inner": {"widths": [3, 4]}, "folder": "/x"}),
        (OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
        (
            {True: 1, None: 3, (1, 2): 5, Path("a"): 6, np.int64(7): 8, 0.5: 9},
            {"True": 1, "None": 3, "(1, 2)": 5, "a": 6, "7": 8, "0.5": 9},
        ),
        ((1, (2, 3)), [1, [2, 3]]),
        (namedtuple("Pair", "a b")(1, 2), [1, 2]),
        (PurePosixPath("a/b"), "a/b"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["a", None], dtype=object), ["a", None]),
        (np.arange(3, dtype=np.uint8), [0, 1, 2]),
        (np.array(1.5), 1.5),
        (np.float32(0.3), 0.30000001192092896),
        (np.float64(0.3), 0.3),
        (np.bool_(True), True),
        (np.str_("é"), "é"),
        (torch.tensor(0.3), 0.30000001192092896),
        (torch.tensor([[1, 2]], dtype=torch.int16), [[1, 2]]),
        (torch.tensor([0.5], requires_grad=True), [0.5]),
        (torch.tensor(2.0, dtype=torch.bfloat16), 2.0),
        (Wide.ONE, 1),
        ({"a": [np.float32(1), {"b": torch.tensor(True)}]}, {"a": [1.0, {"b": True}]}),
    ],
)
def test_values_become_json_as_the_published_package_has_them(value, expected):
    found = converted(value)
    assert found == expected
    assert json.loads(record_json(found)) == expected


def test_numbers_keep_their_kind():
    assert [type(converted(v)) for v in (True, 1, 1.0, np.int8(1), np.float16(1), torch.tensor(1))] == [
        bool,
        int,
        float,
        int,
        float,
        int,
    ]


@pytest.mark.parametrize("wrap", [float, np.float32, np.float64, torch.tensor])
def test_numbers_that_are_not_finite_become_null_and_their_places_are_kept(wrap):
    value = {"a": [1.0, wrap(math.nan)], "b/c~d": {"x": wrap(math.inf)}, "e": wrap(-math.inf)}
    found, replaced = plain(value, "results.json")
    assert found == {"a": [1.0, None], "b/c~d": {"x": None}, "e": None}
    assert replaced == {"/a/1": "NaN", "/b~1c~0d/x": "Infinity", "/e": "-Infinity"}


def test_nan_inside_arrays_has_a_place_too():
    found, replaced = plain({"loss": np.array([[1, np.nan], [np.inf, 2]])}, "results.json")
    assert found == {"loss": [[1, None], [None, 2]]}
    assert replaced == {"/loss/0/1": "NaN", "/loss/1/0": "Infinity"}


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({1, 2}, "set"),
        (b"x", "bytes"),
        (1j, "complex"),
        (object(), "object"),
        (len, "builtin_function_or_method"),
        (Level.LOW, "Level"),
        (Outer, "dataclass Outer itself, not an instance"),
        (int, "type"),
        (np.array([1j]), "complex128 of numpy"),
        (np.datetime64("2026-01-01T00:00:00", "ns"), r"datetime64\[ns\] of numpy"),
        (np.longdouble(1), "longdouble|float128"),
        (np.array([{1}], dtype=object), "set"),
        (torch.eye(2).to_sparse(), "tensor of torch.sparse_coo"),
        (torch.zeros(2, device="meta"), "tensor of torch.strided on meta"),
        (torch.tensor(1j), "complex"),
        ((i for i in range(2)), "generator"),
    ],
)
def test_other_values_are_refused_by_their_place_with_what_is_allowed(value, kind):
    with pytest.raises(TypeError, match=rf"results\.json: /metrics/best/0.* is a .*({kind}).*Allowed: text"):
        plain({"metrics": {"best": [value]}}, "results.json")


def test_a_key_without_text_of_its_own_is_refused():
    with pytest.raises(TypeError, match=r"results\.json: /metrics has a key of type object"):
        plain({"metrics": {object(): 1}}, "results.json")


def test_two_keys_that_become_the_same_text_are_refused():
    with pytest.raises(ValueError, match="two keys that become '1'"):
        plain({1: "a", "1": "b"}, "results.json")


def test_a_value_inside_itself_is_refused():
    loop: list = []
    loop.append(loop)
    with pytest.raises(ValueError, match=f"nested more than {MOST_LEVELS} levels"):
        plain(loop, "results.json")


def test_the_style_is_sorted_indented_by_four_ascii_and_ends_a_line():
    text = record_json({"b": [1, 2.5], "a": {"é": None, "": {}}, "c": []})
    assert text == (
        b'{\n    "a": {\n        "": {},\n        "\\u00e9": null\n    },\n'
        b'    "b": [\n        1,\n        2.5\n    ],\n    "c": []\n}\n'
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_json_values_stay_as_they_are_and_read_back(value):
    found, replaced = plain(value, "results.json")
    assert replaced == {}
    assert json.loads(record_json(found)) == value
