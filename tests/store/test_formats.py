"""What is saved loads back equal, as the same bytes each time; what was damaged is refused."""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import Shaped

from assay.errors import Refused
from assay.files import read_json, sha256_file
from assay.store import formats


@dataclass(frozen=True, slots=True)
class Part:
    share: float
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    n: int
    score: float | None
    parts: dict[str, Part]
    rows: list[list[float | None]]


@dataclass(frozen=True, slots=True)
class Arrays:
    x: np.ndarray
    n: int
    share: float
    known: bool
    family: str
    time: np.ndarray | None


GRID = np.arange(24, dtype=np.float32).reshape(4, 6)
LAYOUTS = {
    "as it lies": GRID,
    "transposed": GRID.T,
    "by columns": np.asfortranarray(GRID),
    "every other": GRID[::2, 1::2],
    "backwards": GRID[::-1, ::-1],
    "one row for all": np.broadcast_to(GRID[0], (3, 6)),
    "one number": np.array(3, np.int64),
    "none": GRID[:0],
}


def arrays(**changes) -> Arrays:
    held = {"x": GRID.T, "n": 3, "share": 0.5, "known": True, "family": "gat", "time": None}
    return Arrays(**(held | changes))


@pytest.mark.parametrize("array", LAYOUTS.values(), ids=LAYOUTS)
def test_arrays_load_back_equal_whatever_their_memory_looks_like(tmp_path, array):
    path = tmp_path / "a.safetensors"
    written = formats.save_arrays({"x": array}, path)
    loaded = formats.load_arrays(path, written["sha256"])["x"]
    np.testing.assert_array_equal(loaded, array)
    assert loaded.dtype == array.dtype
    assert written["bytes"] == path.stat().st_size


def test_tensors_load_back_equal(tmp_path):
    tensors = {"a": torch.arange(3.0), "b": torch.ones(2, 2, dtype=torch.bfloat16)}
    written = formats.save_tensors(tensors, tmp_path / "w.safetensors")
    loaded = formats.load_tensors(tmp_path / "w.safetensors", written["sha256"])
    assert loaded.keys() == tensors.keys()
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("load", [formats.load_arrays, formats.load_tensors, formats.load_json])
def test_a_file_that_is_missing_or_is_not_the_one_that_was_written_is_refused(tmp_path, load):
    path = tmp_path / "a.safetensors"
    with pytest.raises(Refused, match=r"a\.safetensors is missing"):
        load(path, "0" * 64)
    written = formats.save_arrays({"x": GRID}, path)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(
        Refused, match=rf"is not the file that was written: .* expected {written['sha256'][:12]}"
    ):
        load(path, written["sha256"])


@pytest.mark.parametrize("time", [None, np.array([1.5, 2.5])])
def test_an_npz_result_loads_back_equal_in_value_and_type(tmp_path, time):
    path = tmp_path / "a.npz"
    held = formats.save(arrays(time=time), path)
    loaded = formats.load(path, Arrays)
    np.testing.assert_array_equal(loaded.x, GRID.T)
    assert loaded.x.dtype == np.float32
    np.testing.assert_array_equal(loaded.time, time)
    plain = (loaded.n, loaded.share, loaded.known, loaded.family)
    assert plain == (3, 0.5, True, "gat")
    assert [type(value) for value in plain] == [int, float, bool, str]
    assert held["x"] == {"dtype": "float32", "shape": [6, 4]}
    assert ("time" in held) == (time is not None)


def test_a_json_result_loads_back_equal_with_what_it_nests(tmp_path):
    result = Table(2, None, {"a": Part(0.1, ("x", "y")), "b": Part(1.0, ())}, [[None, 0.25], []])
    assert formats.save(result, tmp_path / "t.json") == {}
    assert formats.load(tmp_path / "t.json", Table) == result


def test_an_npz_file_holds_no_time_and_is_the_same_bytes_again(tmp_path):
    for name in ("a.npz", "b.npz"):
        formats.save(arrays(), tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("result", "name", "error"),
    [
        (Table(1, float("nan"), {}, []), "t.json", ValueError),
        (arrays(x=np.array([{}])), "a.npz", TypeError),
        (arrays(), "a.txt", ValueError),
    ],
    ids=["NaN as JSON", "objects", "another format"],
)
def test_what_cannot_be_saved_leaves_no_file(tmp_path, result, name, error):
    with pytest.raises(error):
        formats.save(result, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_every_flipped_byte_of_an_npz_file_is_refused_or_changes_nothing(tmp_path):
    path = tmp_path / "a.npz"
    formats.save(arrays(x=np.random.default_rng(0).normal(size=(20, 3))), path)
    content, expected, refused = path.read_bytes(), formats.load(path, Arrays).x, 0
    for position in range(0, len(content), 31):
        path.write_bytes(content[:position] + bytes([content[position] ^ 4]) + content[position + 1 :])
        try:
            np.testing.assert_array_equal(formats.load(path, Arrays).x, expected)
        except Refused:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("name", "kind"), [("a.npz", Arrays), ("t.json", Table)])
def test_a_result_that_was_cut_off_is_refused_by_name(tmp_path, name, kind, share):
    path = tmp_path / name
    formats.save(arrays() if kind is Arrays else Table(1, 0.5, {}, []), path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(Refused, match=rf"{name} is .*Delete it to have it made again"):
        formats.load(path, kind)


def test_a_result_that_lacks_a_field_is_refused_and_says_which(tmp_path):
    np.savez(tmp_path / "a.npz", x=GRID, n=3, share=0.5)
    with pytest.raises(Refused, match=r"a\.npz holds no Arrays: it lacks family, known"):
        formats.load(tmp_path / "a.npz", Arrays)
    (tmp_path / "t.json").write_text('{"n": 1, "score": null, "parts": {"a": {"share": "x"}}, "rows": []}')
    with pytest.raises(
        Refused, match=r"t\.json holds no Table: parts\.a\.share: Input should be a valid number"
    ):
        formats.load(tmp_path / "t.json", Table)


def test_a_pickle_inside_an_npz_file_is_never_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    np.savez(tmp_path / "a.npz", x=np.array([Bomb()], object), n=3, share=0.5, known=True, family="gat")
    with pytest.raises(Refused, match=r"a\.npz is damaged"):
        formats.load(tmp_path / "a.npz", Arrays)
    assert not (tmp_path / "ran").exists()


@dataclass(frozen=True, slots=True)
class Inner:
    x: np.ndarray
    note: str


@dataclass(frozen=True, slots=True)
class Outer:
    index: int
    time: np.ndarray | None
    inners: tuple[Inner, ...]


@dataclass(frozen=True, slots=True)
class Nested:
    n_outers: int
    outers: tuple[Outer, ...]
    family: str


def nested(n: int) -> Nested:
    outers = tuple(
        Outer(
            10 * i,
            GRID[0] if i % 2 else None,
            tuple(Inner(GRID[: i + j].T, f"{i} {j}") for j in range(i % 3)),
        )
        for i in range(n)
    )
    return Nested(n, outers, "gat")


@pytest.mark.parametrize("n", [0, 1, 12], ids="{} members".format)
def test_a_nested_npz_result_loads_back_equal_and_in_order(tmp_path, n):
    formats.save(nested(n), tmp_path / "n.npz")
    loaded = formats.load(tmp_path / "n.npz", Nested)
    assert (loaded.n_outers, loaded.family, type(loaded.outers)) == (n, "gat", tuple)
    for got, expected in zip(loaded.outers, nested(n).outers, strict=True):
        assert (got.index, type(got.index)) == (expected.index, int)
        assert (got.time is None) == (expected.time is None)
        for a, b in zip(got.inners, expected.inners, strict=True):
            assert a.note == b.note
            assert a.x.dtype == np.float32
            np.testing.assert_array_equal(a.x, b.x)


def test_the_members_of_a_nested_npz_result_are_numbered_by_their_singular(tmp_path):
    held = formats.save(nested(3), tmp_path / "n.npz")
    assert held["outer_2_inner_1_x"] == {"dtype": "float32", "shape": [6, 3]}
    assert {"n_outers", "family", "outer_0_index", "outer_1_time", "outer_2_inner_0_note"} <= set(held)
    assert "outer_0_time" not in held
    with np.load(tmp_path / "n.npz") as file:
        assert set(file) == set(held)


def test_a_nested_npz_result_whose_member_lacks_a_field_is_refused_and_says_which(tmp_path):
    np.savez(tmp_path / "n.npz", n_outers=1, family="gat", outer_0_time=GRID[0])
    with pytest.raises(Refused, match=r"n\.npz holds no Nested: it lacks index"):
        formats.load(tmp_path / "n.npz", Nested)


Column = Shaped[np.ndarray, " n"]


@dataclass(frozen=True, slots=True)
class Rows:
    name: Column
    x: Column
    first: dict[str, Column]


@dataclass(frozen=True, slots=True)
class Summary:
    n: int
    parts: dict[str, Part]
    rows: Rows
    family: str


def summary() -> Summary:
    first = {"top@1": np.array([True, False]), "top@3": np.array([True, True])}
    rows = Rows(np.array(["a", "b"]), np.array([0.5, np.nan]), first)
    return Summary(2, {"a": Part(0.1, ("x",))}, rows, "gat")


def test_the_table_of_a_json_result_lies_beside_it_and_both_load_back_equal(tmp_path):
    held = formats.save(summary(), tmp_path / "s.json")
    assert {path.name for path in tmp_path.iterdir()} == {"s.json", "s.parquet"}
    assert list(held) == ["name", "x", "top@1", "top@3"]
    loaded = formats.load(tmp_path / "s.json", Summary)
    assert (loaded.n, loaded.parts, loaded.family) == (2, summary().parts, "gat")
    np.testing.assert_array_equal(loaded.rows.x, [0.5, np.nan])
    assert loaded.rows.name.tolist() == ["a", "b"]
    assert {k: v.tolist() for k, v in loaded.rows.first.items()} == {
        "top@1": [True, False],
        "top@3": [True, True],
    }


def test_a_json_result_names_the_sha256_of_its_table(tmp_path):
    formats.save(summary(), tmp_path / "s.json")
    digest = sha256_file(tmp_path / "s.parquet")
    assert read_json(tmp_path / "s.json")["rows"] == {"file": "s.parquet", "sha256": digest}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), r"s\.parquet is missing"),
        (
            lambda path: path.write_bytes(path.read_bytes()[:-1]),
            r"s\.parquet is not the file that was written",
        ),
        (lambda path: path.with_suffix(".json").write_text("{}"), r"s\.json names no sha256 of s\.parquet"),
    ],
    ids=["missing", "cut off", "no digest"],
)
def test_a_table_that_is_not_the_one_of_its_json_is_refused(
    tmp_path, damage: Callable[[Path], None], message
):
    formats.save(summary(), tmp_path / "s.json")
    damage(tmp_path / "s.parquet")
    with pytest.raises(Refused, match=message):
        formats.load(tmp_path / "s.json", Summary)


def test_a_json_result_with_a_table_is_checked_for_its_fields(tmp_path):
    formats.save(summary(), tmp_path / "s.json")
    path = tmp_path / "s.json"
    path.write_text(path.read_text().replace('"share"', '"chair"'))
    with pytest.raises(Refused, match=r"s\.json holds no Summary: parts\.a\.share: "):
        formats.load(path, Summary)


def test_the_table_is_published_before_its_json(tmp_path):
    result = Summary(float("nan"), {}, summary().rows, "gat")
    with pytest.raises(ValueError):
        formats.save(result, tmp_path / "s.json")
    assert [path.name for path in tmp_path.iterdir()] == ["s.parquet"]
