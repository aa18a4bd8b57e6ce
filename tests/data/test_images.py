"""The source `images` whole: order, workers, what is stored, and what makes it stale."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from data.image_files import DEFAULTS, dicom, noise, pixels, prepared, save, save_many, table

from assay import feeding, tokens
from assay.config import read_plan
from assay.data import image_reading
from assay.data.images import prepare
from assay.errors import AssayError, Refused
from assay.provenance.status import Inspection

N_FILES = 40  # more than a worker is handed at a time


def same(one, other):
    assert one.facts == other.facts
    assert one.splits.keys() == other.splits.keys()
    for split, part in one.splits.items():
        for name, array in part.arrays().items():
            assert array.dtype == other.splits[split].arrays()[name].dtype
            np.testing.assert_array_equal(array, other.splits[split].arrays()[name])


@pytest.fixture
def folders(tmp_path):
    """Two classes of grey images."""
    for name in ("cat", "dog"):
        save_many(tmp_path / "d" / name, N_FILES // 2, shape=(12, 10))
    return tmp_path / "d"


def files(folder):
    return sorted(folder.rglob("*.*"))


def test_worker_processes_change_nothing(folders):
    options = {"height": 7, "width": 9, "channels": 3}
    alone = prepared(*files(folders), **options)
    same(alone, prepared(*files(folders), num_workers=2, **options))
    np.testing.assert_array_equal(alone.splits["val"].y, [0] * 20 + [1] * 20)


def test_worker_processes_say_the_same_of_bad_files(folders):
    for path in files(folders)[::7]:
        path.write_bytes(path.read_bytes()[:40])
    said = []
    for workers in (0, 2):
        with pytest.raises(Refused, match=r"files that cannot be read \(6\)") as caught:
            prepared(*files(folders), num_workers=workers)
        said.append(str(caught.value))
    assert said[0] == said[1]


def test_a_worker_that_is_killed_is_an_error(folders, monkeypatch):
    monkeypatch.setattr(image_reading, "_framed_pictures", _killed)
    with pytest.raises(AssayError, match="a worker process of 2 ended while it read images"):
        prepared(*files(folders), num_workers=2)


def _killed(*_, **__):
    import os

    os._exit(9)


def test_files_of_8_bits_are_stored_as_such_and_beside_others_as_the_same_numbers(tmp_path):
    eight = [save(tmp_path / f"{i}.png", noise(6, 5, seed=i)) for i in range(2)]
    deep = save(tmp_path / "deep.png", noise(6, 5).astype(np.uint16) * 257)
    stored = prepared(*eight).splits["val"]
    mixed = prepared(*eight, deep).splits["val"]
    assert (stored.x.dtype, mixed.x.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(mixed.select(np.arange(2)).batch("cpu").x, stored.batch("cpu").x)
    np.testing.assert_array_equal(mixed.x[2], mixed.x[0])


def test_ids_that_slices_make_equal_are_refused(tmp_path):
    frames = dicom(tmp_path / "a.dcm", noise(2, 6, 5))
    other = dicom(tmp_path / "b.dcm", noise(6, 5))
    listing = table(tmp_path, "file,record_id", "a.dcm,p", "b.dcm,p#1")
    with pytest.raises(Refused, match=r"split val: record_ids of more than one sample \(1\): p#1"):
        prepared(frames, other, listing)


def test_classes_are_numbered_over_all_splits(tmp_path):
    for split, names in {"train": "ac", "test": "bc"}.items():
        for name in names:
            save_many(tmp_path / split / name, 1)
    found = prepare({split: files(tmp_path / split) for split in ("train", "test")}, **DEFAULTS)
    assert found.facts["class_names"] == ["a", "b", "c"]
    assert [found.splits[split].y.tolist() for split in ("train", "test")] == [[0, 2], [1, 2]]
    assert found.splits["test"].class_names.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["height", "resize", "crop_fraction", "interpolation", "channels"])
def test_every_option_of_the_frame_changes_the_pixels(tmp_path, name):
    path = save(tmp_path / "a.png", noise(20, 30, 3))
    base = {"height": 8, "width": 8, "resize": "crop"}
    other = {"height": 9, "resize": "pad", "crop_fraction": 0.8, "interpolation": "bicubic", "channels": 1}
    one, changed = pixels(path, **base), pixels(path, **base | {name: other[name]})
    assert not np.array_equal(one, changed)


@pytest.fixture
def study(folders, monkeypatch):
    """A config whose one data set is a folder with a table; the working folder."""
    monkeypatch.chdir(folders.parent)
    rows = [f"{name}/{i:02}.png,{name},{split}" for name in ("cat", "dog") for i, split in enumerate("vt")]
    table(folders, "file,label,split", *[row.replace(",v", ",val").replace(",t", ",test") for row in rows])
    data = {"source": "images", "path": "d", "splits": {"test": "d"}, "height": 6, "width": 5}
    Path("sheet.tsv").write_text("checkpoint\tfamily\tpath\tdata\n")
    Path("config.yaml").write_text(yaml.safe_dump({"checkpoints": "sheet.tsv", "data": {"pets": data}}))
    return lambda: read_plan("config.yaml")


def test_a_folder_of_the_config_is_prepared_into_splits_that_the_reader_opens(study):
    feeding.prepare(study(), "pets", "new")
    content = json.loads(Path("results/data/pets/data.json").read_text())
    assert content["facts"]["class_names"] == ["cat", "dog"]
    assert content["splits"]["val"]["labels"] == {"0": 1, "1": 1}
    assert "d/cat/00.png" in content["sources"]


def test_a_fingerprint_of_many_files_counts_them_and_stays_small(study, monkeypatch):
    monkeypatch.setattr(feeding, "MOST_NAMED", N_FILES)
    feeding.prepare(study(), "pets", "new")
    content = json.loads(Path("results/data/pets/data.json").read_text())
    assert content["n_sources"] == N_FILES + 1  # and the table
    assert content["sources"] == {}


def test_a_changed_image_or_table_makes_the_data_stale_and_a_touched_one_does_not(study):
    feeding.prepare(study(), "pets", "new")
    assert tokens.data_token(study(), "pets") == "new"
    Path("d/cat/00.png").touch()
    assert tokens.data_token(study(), "pets") == "new"
    for path in (Path("d/cat/00.png"), Path("d/labels.csv")):
        before = path.read_bytes()
        path.write_bytes(before + b"\n")
        assert tokens.data_token(study(), "pets").startswith("after-")
        path.write_bytes(before)
        assert tokens.data_token(study(), "pets") == "new"


def options_of(study, **changes):
    """The same study with other options of its data set."""
    content = yaml.safe_load(Path("config.yaml").read_text())
    content["data"]["pets"] |= changes
    Path("config.yaml").write_text(yaml.safe_dump(content))
    return study()


def test_another_number_of_workers_leaves_the_data_as_they_are_and_another_size_does_not(study):
    feeding.prepare(study(), "pets", "new")
    before = study().data["pets"].deciding
    more = options_of(study, num_workers=3)
    assert more.data["pets"].options["num_workers"] == 3
    assert more.data["pets"].deciding == before  # what the rule of the data compares
    assert Inspection(more).data_changes("pets") == ()
    other = options_of(study, height=8)
    assert Inspection(other).data_changes("pets") == ("option height: 6 -> 8",)


def test_the_fingerprint_is_the_same_whoever_read_the_files(study):
    said = []
    for workers in (0, 2):
        feeding.prepare(options_of(study, num_workers=workers), "pets", "new")
        said.append(Path("results/data/pets/data.json").read_bytes())
    assert said[0] == said[1]


def test_a_folder_without_images_is_refused(study):
    for path in Path("d").rglob("*.*"):
        path.unlink()
    with pytest.raises(Refused, match=r"split val has no files: no \.png, \.jpg, .* below d"):
        feeding.prepare(study(), "pets", "new")
