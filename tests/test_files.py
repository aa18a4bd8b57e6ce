"""Whole files or none, and JSON that is one text for one value."""

import json

import pytest

from assay.errors import Refused
from assay.files import json_bytes, publish, publish_bytes, read_json


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.bin"
    publish_bytes(path, b"old")

    def half(file):
        file.write(b"ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        publish(path, half)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_in_the_way_is_replaced_and_its_target_kept(tmp_path):
    (tmp_path / "precious").write_bytes(b"keep")
    (tmp_path / "a").symlink_to(tmp_path / "precious")
    publish_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "precious").read_bytes() == b"keep"
    assert (tmp_path / "a").read_bytes() == b"new"


def test_json_is_the_same_text_for_the_same_value():
    assert json_bytes({"b": 1, "a": [2]}) == json_bytes(dict(reversed({"b": 1, "a": [2]}.items())))
    assert json.loads(json_bytes({"ä": 1.5})) == {"ä": 1.5}


def test_nan_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"x": float("nan")})


@pytest.mark.parametrize(
    "text", ["{", "[1]", '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1e999}', "", "\x00", "[" * 100_000]
)
def test_json_that_we_never_write_is_refused_by_name(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(Refused, match=r"r\.json"):
        read_json(tmp_path / "r.json")
