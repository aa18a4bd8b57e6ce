"""Normalisers and their file."""

import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from record.examples import CONDENSED, PUBLISHED

from assay.errors import Refused
from assay.hdf5 import dataset_in, numbers, open_hdf5
from assay.record import Normalizer, load_normalizers, save_normalizers
from assay.record.normalizers import MOST_BYTES


def normalizer(n=2):
    return Normalizer(np.arange(n, dtype=np.float32), np.arange(1, n + 1, dtype=np.float32))


def test_the_published_normaliser_is_that_of_its_training_rows():
    with open_hdf5(CONDENSED) as file:
        x = numbers(dataset_in(file, "training/X"))
    rows = np.random.default_rng(42).permutation(100)[:80]
    scaled = load_normalizers(PUBLISHED / "normalizers.npz")["X"].transform(x[rows].astype(np.float32))
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-6)


def test_inverse_undoes_transform():
    x = np.random.default_rng(0).normal(size=(7, 2))
    np.testing.assert_allclose(normalizer().inverse(normalizer().transform(x)), x, rtol=1e-12)


def test_names_that_end_like_keys_are_read_back_in_order(tmp_path):
    written = {
        "Y": normalizer(3),
        "X_mean": normalizer(1),
        "X": normalizer(2),
        "X_std": normalizer(4),
        "N": None,
    }
    found = load_normalizers(save_normalizers(tmp_path, written))
    assert list(found) == ["X", "X_mean", "X_std", "Y"]
    for name, kept in found.items():
        np.testing.assert_array_equal(kept.mean, written[name].mean)
        np.testing.assert_array_equal(kept.std, written[name].std)


def test_anything_with_a_mean_and_a_std_is_taken(tmp_path):
    path = save_normalizers(tmp_path, {"X": SimpleNamespace(mean=[0.0, 1.0], std=(1.0, 2.0))})
    np.testing.assert_array_equal(load_normalizers(path)["X"].std, [1, 2])


def test_without_any_there_is_no_file(tmp_path):
    assert save_normalizers(tmp_path, {}) is None
    assert save_normalizers(tmp_path, {"X": None}) is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_number_is_refused(tmp_path):
    with pytest.raises(TypeError, match="X_mean is of <U1; allowed: real numbers"):
        save_normalizers(tmp_path, {"X": SimpleNamespace(mean=["a"], std=[1.0])})


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"X_mean": np.ones(2)}, "X_mean has no X_std of its shape"),
        ({"X_std": np.ones(2)}, "X_std is neither a mean nor the std of one"),
        ({"X_mean": np.ones(2), "X_std": np.ones(3)}, "X_mean has no X_std of its shape"),
        ({"X_mean": np.array(["a"]), "X_std": np.array(["b"])}, "they are no real numbers"),
        ({"X_mean": np.ones(2), "X_std": np.ones(2), "extra": np.ones(1)}, "extra is neither"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, arrays, text):
    np.savez(tmp_path / "n.npz", **arrays)
    with pytest.raises(Refused, match=text):
        load_normalizers(tmp_path / "n.npz")


def test_pickled_arrays_and_damage_are_refused(tmp_path):
    np.savez(tmp_path / "pickled.npz", X_mean=np.array([{}], dtype=object))
    (tmp_path / "text.npz").write_text("no zip")
    with zipfile.ZipFile(tmp_path / "member.npz", "w") as archive:
        archive.writestr("X_mean.npy", b"no array")
    np.savez_compressed(tmp_path / "bomb.npz", X_mean=np.zeros(MOST_BYTES // 8), X_std=np.zeros(1))
    for name in ("pickled", "text", "member", "bomb"):
        with pytest.raises(Refused, match=rf"{name}\.npz is not a readable npz file"):
            load_normalizers(tmp_path / f"{name}.npz")
