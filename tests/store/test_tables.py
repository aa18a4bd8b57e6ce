"""Tables load back equal, as the same bytes each time; what was damaged is refused."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from jaxtyping import Shaped

from assay.errors import Refused
from assay.files import publish_bytes
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
