"""Records read back and verified, ours and the published one."""

import json
import pickle
import re
import shutil

import numpy as np
import pytest
import torch
from record.examples import CONDENSED, JSON_FILES, PUBLISHED

from assay.errors import Refused
from assay.record import Normalizer, load_normalizers, load_record, read_json, save_record, verify_record
from assay.record.plain import plain, record_json


@pytest.fixture
def record(tmp_path):
    return save_record(
        "a",
        tmp_path,
        dataset_path=CONDENSED,
        metrics={"loss": 0.5},
        normalizers={"X": Normalizer(np.zeros(2), np.ones(2))},
        checkpoint={"w": torch.arange(300.0)},
    )


@pytest.fixture
def published(tmp_path):
    """A copy of the record of the published package: no provenance.json."""
    return shutil.copytree(PUBLISHED, tmp_path / "published")


def edited(path, **changes):
    document = json.loads(path.read_bytes())
    path.write_bytes(record_json(document | changes))


def test_the_published_record_is_read_and_whole():
    record = load_record(PUBLISHED)
    assert record.info["run_id"] == "baseline_four_param"
    assert record.configs["model"]["class_name"] == "FourParamEmulator"
    assert record.results["history"]["val_loss"][-1] == 0.8992586731910706
    assert record.provenance == {}
    assert {role: file.name for role, file in record.files.items()} == record.info["artifacts"]
    assert verify_record(PUBLISHED) == verify_record(PUBLISHED, dataset=CONDENSED) == ()


@pytest.mark.parametrize("name", JSON_FILES)
def test_the_published_json_is_written_again_byte_for_byte(name):
    value, replaced = plain(read_json(PUBLISHED / name), name)
    assert record_json(value) == (PUBLISHED / name).read_bytes()
    assert replaced == {}


def test_a_record_is_read_as_it_was_written(record):
    found = load_record(record)
    assert found.path == record
    assert found.results["metrics"] == {"loss": 0.5}
    assert found.files.keys() == {"configs", "results", "normalizers", "model_checkpoint"}
    assert found.provenance["status"] == "completed"
    assert verify_record(record) == verify_record(str(record), dataset=CONDENSED) == ()
    assert load_normalizers(found.files["normalizers"]).keys() == {"X"}


@pytest.mark.parametrize("name", [*JSON_FILES, "normalizers.npz", "model.pt"])
def test_a_flipped_bit_in_any_file_is_found(record, name):
    content = bytearray((record / name).read_bytes())
    content[len(content) // 2] ^= 1
    (record / name).write_bytes(content)
    assert any(name in problem for problem in verify_record(record))


@pytest.mark.parametrize("name", ["normalizers.npz", "model.pt"])
def test_a_flipped_bit_in_an_array_of_a_published_record_is_found_by_its_own_checksum(published, name):
    content = bytearray((published / name).read_bytes())
    at = (
        content.rindex(np.float32(load_normalizers(PUBLISHED / "normalizers.npz")["X"].mean[0]).tobytes())
        if (name == "normalizers.npz")
        else content.rindex(torch.load(PUBLISHED / "model.pt")["network.2.weight"].numpy().tobytes())
    )
    content[at] ^= 1
    (published / name).write_bytes(content)
    assert [
        re.search(r"is damaged: the checksum of (\S+)", p) is not None for p in verify_record(published)
    ] == [True]


@pytest.mark.parametrize("name", [*JSON_FILES, "provenance.json", "normalizers.npz", "model.pt"])
def test_a_truncated_file_is_refused_or_found(record, name):
    content = (record / name).read_bytes()
    (record / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(Refused, match=re.escape(name)):
        load_record(record)
    assert any(name in problem for problem in verify_record(record))


@pytest.mark.parametrize("name", ["configs.json", "results.json", "normalizers.npz", "model.pt"])
def test_a_listed_file_that_is_missing_is_refused(record, name):
    (record / name).unlink()
    with pytest.raises(Refused, match=rf"lacks {re.escape(name)}, which info\.json lists"):
        load_record(record)


def test_half_a_record_is_refused(record):
    (record / "info.json").unlink()
    with pytest.raises(Refused, match=r"holds no whole record: it lacks info\.json"):
        load_record(record)
    assert len(verify_record(record)) == 1


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(Refused, match="holds no whole record"):
        load_record(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "changes", "text"),
    [
        ("info.json", {"schema_version": 2}, "schema_version is 2; this reader knows 1"),
        ("info.json", {"schema_version": True}, "schema_version is True"),
        ("configs.json", {"schema_version": None}, "schema_version is None"),
        ("info.json", {"artifacts": []}, "artifacts is of type list; expected dict"),
        ("info.json", {"dataset": "x.h5"}, "dataset is of type str; expected dict or NoneType"),
        ("results.json", {"metrics": None}, "metrics is of type NoneType; expected dict"),
        ("results.json", {"status": 1}, "status is of type int; expected str"),
        ("info.json", {"artifacts": {"configs": "../../secret.json"}}, "holds a separator"),
        ("info.json", {"artifacts": {"configs": "/etc/passwd"}}, "holds a separator"),
        ("info.json", {"artifacts": {"configs": 5}}, "the file is 5; allowed: text"),
    ],
)
def test_a_document_of_another_schema_is_refused(published, name, changes, text):
    edited(published / name, **changes)
    with pytest.raises(Refused, match=re.escape(text)):
        load_record(published)


@pytest.mark.parametrize(
    ("name", "key"), [("info.json", "run_id"), ("configs.json", "tuning"), ("results.json", "summary")]
)
def test_a_missing_key_is_refused_by_name(published, name, key):
    document = json.loads((published / name).read_bytes())
    del document[key]
    (published / name).write_bytes(record_json(document))
    with pytest.raises(Refused, match=rf"{re.escape(name)} lacks {key}"):
        load_record(published)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused(published, number):
    text = (published / "results.json").read_text().replace("0.9316777", "0.9")
    (published / "results.json").write_text(text.replace("0.30000001192092896", number))
    with pytest.raises(Refused, match=rf"results\.json.*{re.escape(number)} is no JSON number"):
        load_record(published)


def test_the_advice_is_not_to_delete_what_cannot_be_made_again(published):
    (published / "results.json").write_text("{")
    with pytest.raises(Refused, match="Take a copy of the record that is whole") as refused:
        load_record(published)
    assert "Delete" not in str(refused.value)


def test_a_model_that_is_a_bare_pickle_is_told(published):
    (published / "model.pt").write_bytes(pickle.dumps({"w": 1}))
    assert [problem.split(":")[0] for problem in verify_record(published)] == [
        f"{published / 'model.pt'} is no whole zip archive, as numpy and torch write"
    ]


def test_a_stale_file_of_an_older_record_is_told(published):
    info = json.loads((published / "info.json").read_bytes())
    del info["artifacts"]["normalizers"]
    (published / "info.json").write_bytes(record_json(info))
    assert verify_record(published) == (
        f"{published / 'normalizers.npz'} is no part of the record: info.json does not list it",
    )


def test_a_file_that_was_exchanged_for_one_of_the_same_size_is_found(record):
    edited(record / "results.json", metrics={"loss": 0.4})
    load_record(record)
    (problem,) = verify_record(record)
    assert "results.json is not the file that was written: its sha256 is" in problem


@pytest.mark.parametrize("changed", ["listed", "unlisted"])
def test_files_that_info_and_provenance_do_not_both_know_are_refused(record, changed):
    info = json.loads((record / "info.json").read_bytes())
    provenance = json.loads((record / "provenance.json").read_bytes())
    provenance["files"].pop("model.pt") if changed == "listed" else provenance["files"].update(x={"bytes": 1})
    (record / "provenance.json").write_bytes(record_json(provenance))
    assert info["artifacts"]["model_checkpoint"] == "model.pt"
    with pytest.raises(Refused, match=r"(model\.pt|x) is not what provenance\.json says"):
        load_record(record)


def test_another_data_set_is_told_by_content_and_of_a_published_record_by_size(record, published, tmp_path):
    same_size = bytearray(CONDENSED.read_bytes())
    same_size[-1] ^= 1
    (tmp_path / "same_size.h5").write_bytes(same_size)
    (tmp_path / "longer.h5").write_bytes(same_size + b"x")
    assert "its sha256 is" in verify_record(record, dataset=tmp_path / "same_size.h5")[0]
    for path in (record, published):
        assert "it has 16025 bytes, not 16024" in verify_record(path, dataset=tmp_path / "longer.h5")[0]
    assert "No such file" in verify_record(record, dataset=tmp_path / "nowhere.h5")[0]
