"""YAML and JSON beside checkpoints are read within limits, or refused."""

import pytest
from discover import trees

from assay.discover import documents
from assay.discover.documents import flat, json_map, table, text_of, yaml_map
from assay.errors import Refused

LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
BAD_YAML = {
    "a key twice": ("seed: 1\nseed: 2\n", "key 'seed' occurs twice"),
    "a key twice inside": ("a:\n  seed: 1\n  seed: 2\n", "key 'seed' occurs twice"),
    "a tag of Python": ("a: !!python/object/apply:os.system [touch PWNED]\n", "tag:yaml.org,2002:python"),
    "a tag of its own": ("a: !path x\n", "holds the YAML tag '!path'"),
    "billion laughs": (LAUGHS, "holds a YAML alias"),
    "a tab": ("a:\n\t- b\n", "is no valid YAML"),
    "cut short": ("a: [1, 2\n", "is no valid YAML"),
    "too deep": ("[" * 60, "more than 50 levels"),
    "a list": ("- a\n", "holds a list, expected a map"),
    "a map as key": ("? {a: 1}\n: 2\n", "is no valid YAML"),
    "not UTF-8": (b"a: \xff\n", "is no UTF-8 text"),
}
BAD_JSON = {
    "cut short": ('{"a": 1', "is not the JSON"),
    "NaN": ('{"a": NaN}', "NaN is no JSON number"),
    "infinite": ('{"a": 1e999}', "1e999 is no JSON number"),
    "a key twice": ('{"a": 1, "a": 2}', "key 'a' occurs twice"),
    "a list": ("[1]", "holds a JSON list"),
    "too deep": ("[" * 200_000, "is not the JSON"),
}


@pytest.mark.parametrize("case", BAD_YAML)
def test_bad_yaml_is_refused_with_the_reason(tmp_path, case):
    content, reason = BAD_YAML[case]
    path = tmp_path / "x.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(Refused) as refused:
        yaml_map(path)
    assert reason in str(refused.value)


@pytest.mark.parametrize("case", BAD_JSON)
def test_bad_json_is_refused_with_the_reason(tmp_path, case):
    content, reason = BAD_JSON[case]
    with pytest.raises(Refused) as refused:
        json_map(trees.written(tmp_path / "x.json", content))
    assert reason in str(refused.value)


def test_yaml_of_too_many_values_or_bytes_is_refused_before_it_is_built(tmp_path, monkeypatch):
    path = trees.written(tmp_path / "x.yaml", "a: [1, 2, 3, 4, 5, 6]\n")
    monkeypatch.setattr(documents, "MAX_EVENTS", 5)
    with pytest.raises(Refused, match="5 values"):
        yaml_map(path)
    with pytest.raises(Refused, match="more than 4 bytes"):
        text_of(path, 4)


def test_a_file_that_is_gone_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "gone.yaml", tmp_path):
        with pytest.raises(Refused, match="is no file"):
            yaml_map(path)


def test_nested_values_have_dotted_keys_and_what_is_not_plain_has_none(tmp_path):
    path = trees.written(tmp_path / "x.yaml", "a: {b: [1, c]}\nd: null\ne: 2001-01-01\nf: true\n")
    assert flat(yaml_map(path)) == {"a.b.0": 1, "a.b.1": "c", "f": True}


def test_an_empty_yaml_file_is_an_empty_map(tmp_path):
    assert yaml_map(trees.written(tmp_path / "x.yaml", "")) == {}


def test_a_table_with_cells_that_never_end_is_refused(tmp_path):
    path = trees.written(tmp_path / "metrics.csv", 'epoch,loss\n1,"' + "x" * 140_000)
    with pytest.raises(Refused, match="is no CSV"):
        table(path)
