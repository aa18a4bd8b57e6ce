"""Tables for emulators: the published split and scaling, and refusals of what is no table."""

import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from assay.data.table import prepare
from assay.errors import AssayError, Refused
from assay.hdf5 import SIGNATURE

REFERENCE = Path(__file__).parents[1] / "reference" / "reionemu"
DEFAULTS = {
    "val_fraction": 0.2,
    "test_fraction": 0.0,
    "split_seed": 42,
    "normalize_x": True,
    "normalize_y": False,
}


def prepared(files, **options):
    given = files if isinstance(files, dict) else {"train": files}
    return prepare({split: [path] for split, path in given.items()}, **{**DEFAULTS, **options})


def frame(n=20, seed=0):
    draw = np.random.default_rng(seed)
    columns = {"x:a": draw.normal(3, 2, n), "x:b": draw.normal(-1, 5, n), "y:c": draw.normal(size=n)}
    return pd.DataFrame({"record_id": [f"sim{i}" for i in range(n)], **columns})


@pytest.fixture
def csv(tmp_path):
    frame().to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def condensed(path, **changes):
    fields = {
        "X": np.arange(20.0).reshape(10, 2),
        "Y": np.ones((10, 1)),
        "param_names": np.array([b"a", b"b"]),
    }
    fields |= {
        "ell": np.array([2000.0]),
        "sim_ids": np.array([f"sim{i}".encode() for i in range(10)]),
        **changes,
    }
    with h5py.File(path, "w") as file:
        for name, value in fields.items():
            if value is not None:
                file[f"training/{name}"] = value
    return path


def test_the_normaliser_of_the_reference_is_the_published_one_to_the_bit():
    found = prepared(REFERENCE / "condensed.h5")
    kept = np.load(REFERENCE / "baseline_four_param" / "normalizers.npz")
    scaler = found.facts["scaler"]["x"]
    np.testing.assert_array_equal(np.float32(scaler["mean"]), kept["X_mean"])
    np.testing.assert_array_equal(np.float32(scaler["std"]), kept["X_std"])
    assert {split: len(table) for split, table in found.splits.items()} == {"train": 80, "val": 20}
    assert found.facts["x_names"] == ["zmean_zre", "alpha_zre", "kb_zre", "b0_zre"]
    assert found.facts["y_names"] == ["ell_2000", "ell_4000", "ell_6000", "ell_8000", "ell_10000"]


@pytest.mark.parametrize(("n", "sizes"), [(10, (7, 2, 1)), (7, (5, 1, 1)), (25, (18, 5, 2))])
def test_a_permutation_is_cut_in_order_and_the_last_split_takes_the_rest(tmp_path, n, sizes):
    frame(n).to_csv(tmp_path / "t.csv", index=False)
    found = prepared(tmp_path / "t.csv", val_fraction=0.2, test_fraction=0.1, split_seed=5).splits
    assert tuple(len(found[split]) for split in ("train", "val", "test")) == sizes
    rows = [int(text[3:]) for split in ("train", "val", "test") for text in found[split].record_id]
    assert rows == np.random.default_rng(5).permutation(n).tolist()


def test_scaling_is_of_the_rows_of_train_alone(csv):
    found, raw = prepared(csv, normalize_y=True), prepared(csv, normalize_x=False)
    train = raw.splits["train"]
    for split, table in raw.splits.items():
        scaled = (table.x - train.x.mean(0)) / train.x.std(0)
        np.testing.assert_allclose(found.splits[split].x, scaled, rtol=1e-6)
        targets = (table.targets - train.targets.mean(0)) / train.targets.std(0)
        np.testing.assert_allclose(found.splits[split].targets, targets, rtol=1e-6)
    assert raw.facts["scaler"]["x"] == {"mean": [0.0, 0.0], "std": [1.0, 1.0]}


def test_a_constant_column_is_centred_and_not_divided(tmp_path):
    path = condensed(tmp_path / "x.h5", X=np.tile([5.0, 2.0], (10, 1)))
    assert prepared(path).splits["train"].x.tolist() == [[0.0, 0.0]] * 8
    assert prepared(path).facts["scaler"]["x"]["std"] == [1.0, 1.0]


def test_further_splits_are_whole_and_scaled_by_train(csv, tmp_path):
    frame(6, seed=9).to_parquet(tmp_path / "held.parquet")
    found = prepared({"train": csv, "held": tmp_path / "held.parquet"})
    assert found.splits["held"].record_id.tolist() == [f"sim{i}" for i in range(6)]
    scaler = found.facts["scaler"]["x"]
    raw = frame(6, seed=9)[["x:a", "x:b"]].to_numpy()
    np.testing.assert_allclose(
        found.splits["held"].x, (raw - scaler["mean"]) / np.array(scaler["std"]), rtol=1e-5
    )


def test_without_fractions_all_rows_are_train(csv):
    assert list(prepared(csv, val_fraction=0.0).splits) == ["train"]


def test_the_same_rows_give_the_same_splits_from_every_format(csv, tmp_path):
    table = frame()
    table.to_parquet(tmp_path / "t.parquet")
    names = {"param_names": np.array([b"a", b"b"]), "ell": None, "sim_ids": table["record_id"].to_numpy("S")}
    path = condensed(tmp_path / "t.h5", X=table[["x:a", "x:b"]], Y=table[["y:c"]], **names)
    one, *others = [prepared(each).splits["val"] for each in (csv, tmp_path / "t.parquet", path)]
    for other in others:
        np.testing.assert_array_equal(other.x, one.x)
        np.testing.assert_array_equal(other.targets, one.targets)
        assert other.record_id.tolist() == one.record_id.tolist()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"X": None}, "lacks /training/X; a condensed file has it"),
        ({"Y": None}, "lacks /training/Y"),
        ({"Y": np.ones((9, 1))}, "/training/Y has 9 rows, /training/X has 10"),
        ({"X": np.full((10, 2), np.nan)}, "/training/X is nan in row 0, column 0; allowed: finite numbers"),
        ({"X": np.full((10, 2), 1e300)}, "/training/X is inf in row 0"),
        ({"X": np.array([b"a"] * 10)}, "allowed: real numbers"),
        ({"X": np.ones((0, 2)), "Y": np.ones((0, 1)), "sim_ids": None}, "has the shape [0, 2]; allowed"),
        ({"X": np.ones((10, 2, 2))}, "has the shape [10, 2, 2]; allowed: [rows, columns]"),
        ({"param_names": np.array([b"a", b"a"])}, "param_names holds a, a; expected 2 different names"),
        ({"param_names": np.array([b"a"])}, "expected 2 different names"),
        ({"ell": np.array([1.0, 2.0])}, "ell holds ell_1, ell_2; expected 1 different names"),
        ({"sim_ids": np.array([b"a"])}, "sim_ids has 1 rows"),
        ({"X": h5py.ExternalLink("/etc/passwd", "/")}, "X of training/X is a ExternalLink"),
    ],
)
def test_a_condensed_file_of_another_form_is_refused(tmp_path, changes, text):
    path = condensed(tmp_path / "x.h5", **changes)
    with pytest.raises(Refused, match=re.escape(text)):
        prepared(path)


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"x:a": [1.0]}, "has no column y:<name>"),
        ({"y:a": [1.0]}, "has no column x:<name>"),
        ({"x:a": [1.0], "y:a": [1.0], "z": [1.0]}, "has unknown columns: z"),
        ({"x:a": [1.0, np.nan], "y:a": [1.0, 1.0]}, "x is nan in row 1"),
        ({"x:a": ["text"], "y:a": [1.0]}, "allowed: numbers"),
    ],
)
def test_a_table_of_other_columns_is_refused(tmp_path, columns, text):
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(Refused, match=re.escape(text)):
        prepared(tmp_path / "t.csv", val_fraction=0.0)


def test_splits_share_their_columns(csv, tmp_path):
    frame(6).rename(columns={"x:a": "x:z"}).to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(Refused, match="split held has other columns than split train"):
        prepared({"train": csv, "held": tmp_path / "other.csv"})


def test_a_split_that_gets_no_row_is_refused(tmp_path):
    frame(2).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(Refused, match=r"a table of 2 rows leaves none for split val, whose share is 0\.1"):
        prepared(tmp_path / "t.csv", val_fraction=0.1, test_fraction=0.1)


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    (tmp_path / "x.h5").write_bytes(SIGNATURE)
    with pytest.raises(Refused, match="not a readable HDF5 file"):
        prepared(tmp_path / "x.h5")


def test_a_split_is_one_file(csv):
    with pytest.raises(Refused, match="split train has 2 files; allowed: 1"):
        prepare({"train": [csv, csv]}, **DEFAULTS)


@pytest.mark.parametrize(
    ("splits", "options"),
    [
        (("held",), {}),
        (("train", "val"), {}),
        (("train", "test"), {"test_fraction": 0.1}),
        (("train",), {"val_fraction": 0.5, "test_fraction": 0.5}),
    ],
)
def test_what_leaves_nothing_to_train_on_or_is_given_twice_is_an_error(csv, splits, options):
    with pytest.raises(AssayError, match="allowed: files for train and for what is not cut from it"):
        prepared(dict.fromkeys(splits, csv), **options)


@pytest.mark.parametrize("normalize_y", [False, True])
def test_batches_say_how_quantities_became_targets(tmp_path, normalize_y):
    y = np.random.default_rng(0).normal(4, 3, (10, 1))
    path = condensed(tmp_path / "a.h5", Y=y)
    with h5py.File(path, "a") as file:
        file["training"].attrs["y_transform"] = "log10"
    found = prepared(path, normalize_y=normalize_y)
    assert found.facts["y_transform"] == "log10"
    table = found.splits["val"]
    again = type(table).from_arrays(table.arrays(), "here")
    units = again.batch("cpu").y_units
    assert units.transform == "log10"
    unscaled = again.targets * units.std.numpy() + units.mean.numpy()
    assert np.abs(unscaled - y.T).min(axis=1).max() < 1e-5  # each is one of them
    assert (units.std.item() == 1) == (not normalize_y)


def test_without_the_attribute_the_transform_is_not_known(csv):
    assert prepared(csv).splits["val"].batch("cpu").y_units.transform == ""


def test_another_transform_is_refused(tmp_path):
    path = condensed(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["training"].attrs["y_transform"] = "sqrt"
    with pytest.raises(Refused, match="y_transform of /training is 'sqrt'; allowed: ln, log10, none"):
        prepared(path)
