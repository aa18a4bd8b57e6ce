"""Tables load back equal, as the same bytes each time; what was damaged is refused."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from jaxtyping import Shaped

from assay.errors import Refused
from assay.files import publish_bytes
from assay.numerics.coded_text import CodedText, coded_text
from assay.store import formats

Column = Shaped[np.ndarray, "n"]


@dataclass(frozen=True, slots=True)
class Level:
    low: float
    name: str


@dataclass(frozen=True, slots=True)
class Grid:
    x: Column
    n: Column
    best: float
    resolution: int
    names: tuple[str, ...]
    family: str


def grid(**changes) -> Grid:
    held = {
        "x": np.array([0.1, np.inf, np.nan]),
        "n": np.arange(3),
        "best": 0.1,
        "resolution": 3,
        "names": ("a", "b c"),
        "family": "g$t",
    }
    return Grid(**(held | changes))


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "grid.parquet"


@pytest.mark.parametrize("best", [0.1, 1e300, np.inf, -np.inf])
def test_columns_and_notes_load_back_equal(path, best):
    arrays = formats.save(grid(best=best), path)
    found = formats.load(path, Grid)
    np.testing.assert_array_equal(found.x, grid().x)
    assert (found.x.dtype, found.n.dtype) == (np.float64, np.int64)
    assert (found.best, found.resolution, found.names, found.family) == (best, 3, ("a", "b c"), "g$t")
    assert arrays == {"x": {"dtype": "float64", "shape": [3]}, "n": {"dtype": "int64", "shape": [3]}}


def test_any_reader_of_parquet_finds_the_columns_and_the_notes(path):
    formats.save(grid(), path)
    table = pq.read_table(path)
    assert table.column_names == ["x", "n"]
    assert table.schema.metadata[b"family"] == b"g$t"
    assert table.schema.metadata[b"resolution"] == b"3"


def test_the_same_table_is_the_same_bytes(path, tmp_path):
    formats.save(grid(), path)
    formats.save(grid(), tmp_path / "again.parquet")
    assert path.read_bytes() == (tmp_path / "again.parquet").read_bytes()


def test_a_flipped_bit_is_refused_or_changes_nothing(path):
    formats.save(grid(x=np.linspace(0, 1, 300), n=np.arange(300)), path)
    content, changed = path.read_bytes(), 0
    for place in range(4, len(content) - 8, 7):
        flipped = bytearray(content)
        flipped[place] ^= 16
        publish_bytes(path, bytes(flipped))
        try:
            found = formats.load(path, Grid)
        except Refused as refusal:
            assert str(path) in str(refusal)
            continue
        changed += not np.array_equal(found.x, np.linspace(0, 1, 300))
    assert changed == 0


@pytest.mark.parametrize("keep", [0, 4, 100, -9])
def test_a_truncated_table_is_refused(path, keep):
    formats.save(grid(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(Refused, match=r"grid\.parquet is damaged: "):
        formats.load(path, Grid)


def test_a_table_of_something_else_names_what_it_lacks(path):
    @dataclass(frozen=True)
    class Other:
        x: Column
        depth: int

    formats.save(Other(np.zeros(2), 3), path)
    with pytest.raises(Refused, match="holds no Grid: it lacks best, family, n, names, resolution"):
        formats.load(path, Grid)


def test_no_file_is_no_damage(path):
    with pytest.raises(FileNotFoundError):
        formats.load(path, Grid)


@dataclass(frozen=True, slots=True)
class Wide:
    text: Column
    matrix: Shaped[np.ndarray, "n k"]
    known: Column | None
    unknown: Column | None
    level: dict[str, Level]
    share: float | None


def test_text_matrices_unknown_columns_and_nested_notes_load_back_equal(path):
    wide = Wide(
        text=np.array(["a", "béta", ""]),
        matrix=np.arange(6, dtype=np.float32).reshape(3, 2),
        known=np.array([1, -1, 2]),
        unknown=None,
        level={"val": Level(0.25, "x")},
        share=None,
    )
    formats.save(wide, path)
    found = formats.load(path, Wide)
    assert (found.text.tolist(), found.matrix.tolist()) == (wide.text.tolist(), wide.matrix.tolist())
    assert (found.matrix.dtype, found.known.tolist(), found.unknown) == (np.float32, [1, -1, 2], None)
    assert (found.level, found.share) == ({"val": Level(0.25, "x")}, None)
    assert pq.read_table(path)["unknown"].null_count == 3


def test_a_mapping_of_columns_is_a_column_for_each_key(path):
    @dataclass(frozen=True)
    class Keyed:
        x: Column
        by_layer: dict[str, Column]
        family: str

    by_layer = {"corr_a0_g1": np.array([0.5, 0.25]), "corr_a1_g2": np.array([1.0, np.nan])}
    for kept in (by_layer, {}):
        formats.save(Keyed(np.arange(2), kept, "gat"), path)
        assert pq.read_table(path).column_names == ["x", *kept]
        found = formats.load(path, Keyed)
        assert (found.by_layer.keys(), found.family) == (kept.keys(), "gat")
        for name, column in kept.items():
            np.testing.assert_array_equal(found.by_layer[name], column)


@dataclass(frozen=True, slots=True)
class Coded:
    name: CodedText
    layers: dict[str, Column]
    checks: tuple[Level, ...]


def coded(n: int = 5) -> Coded:
    return Coded(
        name=coded_text(["b", "é", "never"], np.arange(n) % 2),
        layers={"a0": np.arange(n) / 7, "a1": np.full(n, np.nan)},
        checks=(Level(0.5, "x"), Level(1e-3, "y")),
    )


@pytest.mark.parametrize("n", [0, 1, 5])
def test_coded_text_columns_by_key_and_notes_of_results_load_back_equal(path, n):
    arrays = formats.save(coded(n), path)
    found = formats.load(path, Coded)
    assert found.name.texts == coded(n).name.texts
    np.testing.assert_array_equal(found.name.codes, coded(n).name.codes)
    assert list(found.layers) == ["a0", "a1"]
    for name, column in coded(n).layers.items():
        np.testing.assert_array_equal(found.layers[name], column)
    assert found.checks == coded(n).checks
    assert arrays["name"] == {"dtype": "text", "shape": [n]}


def test_coded_text_is_a_dictionary_in_the_file_and_text_to_any_reader(path):
    formats.save(coded(), path)
    column = pq.read_table(path)["name"]
    assert str(column.type).startswith("dictionary<values=string, indices=int32")
    assert column.to_pylist() == ["b", "é", "b", "é", "b"]


def test_coded_text_in_more_than_one_group_of_rows_is_one_column(path):
    names = [f"name {i}" for i in range(2000)]
    many = Coded(coded_text(names, np.arange(1_100_000) // 550), {"a0": np.zeros(1_100_000)}, ())
    formats.save(many, path)
    assert pq.ParquetFile(path).num_row_groups == 2
    found = formats.load(path, Coded)
    assert found.name.texts == many.name.texts
    np.testing.assert_array_equal(found.name.codes, many.name.codes)
