"""What a record says of the data set."""

import os
from datetime import UTC, datetime

import h5py
import numpy as np
import pytest
from record.examples import CONDENSED, PUBLISHED, strictly

from assay.errors import Refused
from assay.record import dataset_summary, file_fingerprint


@pytest.fixture
def condensed(tmp_path):
    """A file to be filled: name -> data, below /training."""

    def written(**datasets):
        with h5py.File(tmp_path / "x.h5", "w") as file:
            group = file.create_group("training")
            for name, data in datasets.items():
                group[name] = data
        return tmp_path / "x.h5"

    return written


def described(path):
    summary = dataset_summary(path)
    del summary["path"], summary["fingerprint"]
    return summary


def test_the_summary_of_the_reference_is_the_published_one():
    theirs = strictly(PUBLISHED / "info.json")["dataset"]
    ours = dataset_summary(CONDENSED)
    assert ours["path"] == ours["fingerprint"]["path"] == str(CONDENSED.resolve())
    assert ours["fingerprint"]["file_size_bytes"] == theirs["fingerprint"]["file_size_bytes"]
    for document in (ours, theirs):
        del document["path"], document["fingerprint"]
    assert ours == theirs


def test_a_fingerprint_is_path_size_and_time_of_change_in_utc(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    os.utime(tmp_path / "x", ns=(0, 1_700_000_000_250_000_000))
    (tmp_path / "link").symlink_to(tmp_path / "x")
    assert file_fingerprint(tmp_path / "link") == {
        "path": str((tmp_path / "x").resolve()),
        "file_size_bytes": 3,
        "modified_at": "2023-11-14T22:13:20.250000+00:00",
    }
    assert datetime.fromisoformat(file_fingerprint(tmp_path / "x")["modified_at"]).tzinfo == UTC


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x").write_bytes(b"abc")
    assert file_fingerprint("~/x")["path"] == str((tmp_path / "x").resolve())


def test_a_file_without_training_has_path_and_fingerprint_only(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["other"] = 1
    (tmp_path / "x.csv").write_text("a,b\n")
    for name in ("x.h5", "x.csv"):
        assert dataset_summary(tmp_path / name).keys() == {"path", "fingerprint"}


def test_hdf5_is_known_by_its_first_bytes_too(condensed):
    path = condensed(X=np.ones((3, 2)))
    assert described(path.rename(path.with_name("data.bin"))) == {"n_samples": 3, "n_parameters": 2}


def test_vectors_are_one_column(condensed):
    assert described(condensed(X=np.ones(3), Y=np.ones(3))) == {
        "n_samples": 3,
        "n_parameters": 1,
        "n_targets": 1,
    }


@pytest.mark.parametrize("names", [np.array([b"a", b"bc"]), ["a", "é"]])
def test_names_are_decoded_whether_of_fixed_or_of_any_length(condensed, names):
    expected = [n.decode() if isinstance(n, bytes) else n for n in names]
    assert described(condensed(param_names=names)) == {"param_names": expected}


def test_attributes_are_text_and_numbers(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_group("training").attrs.update(eps=1e-30, y_source=np.bytes_(b"dl"), other=1)
    assert described(tmp_path / "x.h5") == {"eps": 1e-30, "y_source": "dl"}


def test_a_file_that_only_claims_to_be_hdf5_is_refused(tmp_path):
    (tmp_path / "x.h5").write_text("text")
    with pytest.raises(Refused, match=r"x\.h5 is not a readable HDF5 file"):
        dataset_summary(tmp_path / "x.h5")
