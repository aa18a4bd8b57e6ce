"""Tables of users become splits that artifacts can draw from; what is no table is refused by what is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from assay.data.network import prepare
from assay.data.tables import Table, Tables, open_data
from assay.errors import AssayError, Refused
from assay.protocols import TableData, TableSamples

Fields = dict[str, np.ndarray]
N = 6
X_NAMES, Y_NAMES = np.array(["ki", "age", "π"]), np.array(["live", "dead"])


def fields(seed: int = 0, n: int = N, **changes: Any) -> Fields:
    draw = np.random.default_rng(seed)
    found = {
        "x": draw.normal(size=(n, 3)),
        "y": draw.normal(size=(n, 2)),
        "x_names": X_NAMES,
        "y_names": Y_NAMES,
        "unit": np.array([f"cell {i // 2}" for i in range(n)]),
        "batch": np.arange(n) % 3 + 7,
        "record_id": np.array([f"plate-{i}" for i in range(n)]),
    }
    return {name: value for name, value in {**found, **changes}.items() if value is not None}


def frame(found: Fields) -> pd.DataFrame:
    """The same as a table of named columns."""
    numbers = {
        f"{table}:{name}": found[table][:, i]
        for table in ("x", "y")
        for i, name in enumerate(found[f"{table}_names"])
    }
    others = {name: found[name] for name in ("unit", "batch", "record_id") if name in found}
    return pd.DataFrame({**others, **numbers})


WRITERS: dict[str, Callable[[Path, Fields], Any]] = {
    ".npz": lambda path, found: np.savez(path, **found),
    ".parquet": lambda path, found: frame(found).to_parquet(path),
    ".csv": lambda path, found: frame(found).to_csv(path, index=False),
}


def saved(path: Path, found: Fields) -> tuple[Path]:
    WRITERS[path.suffix](path, found)
    return (path,)


def opened(prepared) -> Tables:
    arrays = {split: part.arrays() for split, part in prepared.splits.items()}
    return open_data("cells", arrays.__getitem__, splits=tuple(arrays), attack_names={}, device="cpu")


def refusal(files: dict[str, tuple[Path, ...]]) -> str:
    with pytest.raises(Refused) as caught:
        prepare(files)
    return str(caught.value)


def refused(tmp_path: Path, **changes: Any) -> str:
    return refusal({"val": saved(tmp_path / "a.npz", fields(**changes))})


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_table_is_the_same_from_every_format(tmp_path, suffix):
    found = fields()
    data = opened(prepare({"val": saved(tmp_path / f"a{suffix}", found)}))
    assert isinstance(data, TableData)
    samples = data.draw("val", max_samples=None, seed=0)
    assert isinstance(samples, TableSamples)
    (batch,) = samples.batches(N)
    np.testing.assert_array_equal(batch.x, found["x"].astype(np.float32))
    np.testing.assert_array_equal(batch.y, found["y"].astype(np.float32))
    assert (batch.x_names, batch.y_names) == (tuple(X_NAMES), tuple(Y_NAMES))
    assert samples.unit.tolist() == [0, 0, 1, 1, 2, 2]
    assert samples.batch.tolist() == [0, 1, 2, 0, 1, 2]
    assert samples.record_id.tolist() == found["record_id"].tolist()
    assert samples.labels.tolist() == [0] * N
    assert data.held_out is None


def test_what_a_table_does_not_say_is_none(tmp_path):
    bare = fields(x_names=None, y_names=None, unit=None, batch=None, record_id=None)
    samples = opened(prepare({"val": saved(tmp_path / "a.npz", bare)})).draw("val", max_samples=None, seed=0)
    assert samples.unit is samples.batch is samples.record_id is samples.attack_type is samples.time is None
    (batch,) = samples.batches(N)
    assert batch.x_names == batch.y_names == ()


def test_units_and_batches_have_one_code_in_all_splits(tmp_path):
    later = fields(unit=np.array(["cell 2", "a", "cell 0", "b", "b", "cell 1"]), batch=np.arange(N) + 8)
    files = {"val": saved(tmp_path / "a.npz", fields()), "test": saved(tmp_path / "b.npz", later)}
    data = opened(prepare(files))
    val, test = (data.draw(split, max_samples=None, seed=0) for split in ("val", "test"))
    names = dict(zip(fields()["unit"].tolist(), val.unit.tolist(), strict=True))
    assert [test.unit[i] for i in (0, 2, 5)] == [names["cell 2"], names["cell 0"], names["cell 1"]]
    assert not {test.unit[1], test.unit[3]} & set(val.unit.tolist())
    assert test.batch[0] == val.batch[1]


def test_a_draw_takes_rows_with_all_that_is_known_of_them(tmp_path):
    data = opened(prepare({"val": saved(tmp_path / "a.npz", fields(n=40))}))
    samples = data.draw("val", max_samples=7, seed=3)
    assert samples.index.tolist() == sorted(samples.index.tolist())
    assert len(samples) == 7
    assert samples.record_id.tolist() == [f"plate-{i}" for i in samples.index]
    joined = torch.cat([batch.x for batch in samples.batches(3)])
    np.testing.assert_array_equal(joined, fields(n=40)["x"].astype(np.float32)[samples.index])
    assert data.draw("val", max_samples=7, seed=3).index.tolist() == samples.index.tolist()
    with pytest.raises(AssayError, match="data cells has no split 'test'; it has: val"):
        data.draw("test", max_samples=None, seed=0)


def test_held_out_edges_come_from_the_table_or_from_a_file_beside_one(tmp_path):
    edges = np.array([["a", "b"], ["b", "π"]])
    inside = opened(prepare({"val": saved(tmp_path / "a.npz", fields(held_out=edges))}))
    assert inside.held_out == (("a", "b"), ("b", "π"))
    beside = tmp_path / "b.csv.held_out.csv"
    pd.DataFrame(edges, columns=["source", "target"]).to_csv(beside, index=False)
    files = {
        "val": saved(tmp_path / "b.npz", fields()),
        "test": (*saved(tmp_path / "c.csv", fields()), beside),
    }
    assert opened(prepare(files)).held_out == inside.held_out
    none = np.empty((0, 2), "<U1")
    assert opened(prepare({"val": saved(tmp_path / "d.npz", fields(held_out=none))})).held_out == ()


def test_files_that_hold_out_other_edges_are_refused(tmp_path):
    files = {
        split: saved(tmp_path / f"{split}.npz", fields(held_out=np.array([["a", split]])))
        for split in ("val", "test")
    }
    assert "test.npz and " in refusal(files) and "val.npz hold out other edges" in refusal(files)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"x": np.array([[1.0, np.nan, 1.0]] * N)},
            "x holds nan in row 0, column 1; allowed: finite numbers",
        ),
        ({"y": np.full((N, 2), np.inf)}, "y holds inf in row 0, column 0"),
        ({"x": np.full((N, 3), 1e39)}, "x holds 1e+39 in row 0, column 0"),
        ({"x": np.ones(N)}, "x is float64 [6]; allowed: numbers [6, 1 or more]"),
        ({"y": np.ones((N, 0)), "y_names": np.array([], "<U1")}, "y is float64 [6, 0]; allowed"),
        ({"y": np.ones((N - 1, 2))}, "y is float64 [5, 2]; allowed: numbers [6, 1 or more]"),
        ({"y": np.full((N, 2), "a")}, "y is <U1 [6, 2]; allowed: numbers"),
        ({"x": np.ones((0, 3))}, "holds no sample"),
        ({"x_names": np.array(["a", "b", "a"])}, "x_names has a more than once"),
        ({"x_names": np.array(["a", "b"])}, "x_names is <U1 [2]; allowed: text or whole numbers [3]"),
        ({"unit": np.ones(N)}, "unit is float64 [6]; allowed: text or whole numbers [6]"),
        ({"record_id": np.array(["a"])}, "record_id is <U1 [1]"),
        ({"held_out": np.array(["a", "b"])}, "held_out is <U1 [2]; allowed: names [edges, 2]"),
        ({"dose": np.ones(N)}, "has unknown fields: dose; allowed: x, y, x_names"),
        ({"y": None}, "lacks y; got x, x_names"),
        ({"unit": np.array([None] * N)}, "field unit.npy cannot be read"),
    ],
)
def test_a_field_that_is_no_table_is_refused_by_name(tmp_path, changes, said):
    assert said in refused(tmp_path, **changes)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda table: table.rename(columns={"unit": "dose"}),
            "has unknown columns: dose; allowed: x:<input>",
        ),
        (lambda table: table.drop(columns=["y:live", "y:dead"]), "has no column y:<name>; got "),
        (lambda table: table.assign(unit=[None] + ["a"] * (N - 1)), "column unit is empty in row 0"),
        (lambda table: table.assign(**{"x:age": ["a"] * N}), "column x:age is "),
        (lambda table: table.assign(**{"x:age": [None, *[1.0] * (N - 1)]}), "x holds nan in row 0, column 1"),
    ],
)
def test_a_column_that_is_no_table_is_refused_by_name(tmp_path, suffix, change, said):
    path, table = tmp_path / f"a{suffix}", change(frame(fields()))
    table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)
    assert said in refusal({"val": (path,)})


def test_a_name_that_stands_twice_in_a_header_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x:a,x:a,y:b\n1,2,3\n")
    assert "has more than one column of the name x:a" in refusal({"val": (path,)})


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_damaged_file_is_refused_by_its_path(tmp_path, suffix):
    (path,) = saved(tmp_path / f"a{suffix}", fields())
    path.write_bytes(path.read_bytes()[:-40] if suffix != ".csv" else b"x:a,y:b\n1,2,3\n")
    assert str(path) in refusal({"val": (path,)})


def test_splits_of_other_columns_are_refused(tmp_path):
    files = {
        "val": saved(tmp_path / "a.npz", fields()),
        "test": saved(tmp_path / "b.npz", fields(x_names=np.array(["ki", "age", "other"]))),
    }
    assert "b.npz: x has other columns than in " in refusal(files)
    unnamed = fields(y=np.ones((N, 3)), x_names=None, y_names=None)
    bare = saved(tmp_path / "c.npz", fields(x_names=None, y_names=None))
    assert "d.npz: y has other columns" in refusal({"val": bare, "test": saved(tmp_path / "d.npz", unnamed)})


def test_a_split_is_one_table(tmp_path):
    one, other = saved(tmp_path / "a.npz", fields()), saved(tmp_path / "b.npz", fields())
    assert "split val has 2 tables; allowed: 1 file" in refusal({"val": (*one, *other)})


def test_arrays_that_are_no_table_are_refused():
    arrays = Table(np.ones((2, 1), np.float32), np.ones((2, 1), np.float32)).arrays()
    with pytest.raises(Refused, match=r"here: unit is int64 \[3\], no column of a table"):
        Table.from_arrays({**arrays, "unit": np.zeros(3, np.int64)}, "here")
    with pytest.raises(Refused, match=r"here: dose is float32 \[2\], no column of a table"):
        Table.from_arrays({**arrays, "dose": np.ones(2, np.float32)}, "here")
