"""The files of a record one by one, as scripts of the published package write them."""

import json

import numpy as np
import pytest
import torch
from record.examples import JSON_FILES, PUBLISHED, REFERENCE_CONFIGS, bytes_of, names_in, strictly

from assay.errors import ResultWarning
from assay.record import (
    Normalizer,
    create_artifact_dir,
    load_normalizers,
    load_record,
    save_configs,
    save_info,
    save_model_checkpoint,
    save_normalizers,
    save_results,
    verify_record,
)
from assay.record.documents import info_document


def test_the_published_files_are_written_again_one_by_one(tmp_path):
    folder = create_artifact_dir("baseline_four_param", tmp_path)
    state = torch.load(PUBLISHED / "model.pt", weights_only=True)
    written = [
        save_configs(folder, **REFERENCE_CONFIGS),
        save_normalizers(folder, load_normalizers(PUBLISHED / "normalizers.npz")),
        save_model_checkpoint(folder, state),
    ]
    assert [path.name for path in written] == ["configs.json", "normalizers.npz", "model.pt"]
    for path in written:
        assert bytes_of(path) == bytes_of(PUBLISHED / path.name)
    assert names_in(folder) == {path.name for path in written}


def test_a_record_of_single_files_is_one_of_version_1(tmp_path):
    folder = create_artifact_dir("a", tmp_path)
    save_configs(folder)
    save_results(folder, metrics={"loss": 0.5}, status="running")
    save_info(folder, run_id="a", artifacts={"configs": "configs.json", "results": "results.json", "x": None})
    record = load_record(folder)
    assert record.info["artifacts"] == {"configs": "configs.json", "results": "results.json"}
    assert record.results["status"] == "running"
    assert record.provenance == {}
    assert verify_record(folder) == ()
    assert names_in(folder) == set(JSON_FILES)


def test_the_name_of_the_experiment_is_the_run_id_unless_said(tmp_path):
    assert strictly(save_info(tmp_path, run_id="r"))["experiment_name"] == "r"
    assert strictly(save_info(tmp_path, run_id="r", experiment_name="e"))["experiment_name"] == "e"


def test_a_folder_that_stands_is_taken_and_a_bad_name_refused(tmp_path):
    assert create_artifact_dir("a", tmp_path) == create_artifact_dir("a", str(tmp_path)) == tmp_path / "a"
    with pytest.raises(ValueError, match="holds a separator"):
        create_artifact_dir("../a", tmp_path)


@pytest.mark.parametrize("save", [save_normalizers, save_model_checkpoint])
def test_file_names_are_plain_too(tmp_path, save):
    with pytest.raises(ValueError, match=r"filename '\.\./x' holds a separator"):
        save(tmp_path, {"X": Normalizer(np.zeros(1), np.ones(1))}, filename="../x")


def test_an_unknown_status_is_refused(tmp_path):
    with pytest.raises(ValueError, match="allowed: queued, running, failed, completed"):
        save_results(tmp_path, status="weird")
    assert names_in(tmp_path) == set()


def test_nulls_for_numbers_that_are_not_finite_are_warned_of(tmp_path):
    with pytest.warns(ResultWarning, match=r"results\.json: null stands for /metrics/loss \(NaN\)"):
        path = save_results(tmp_path, metrics={"loss": float("nan")})
    assert strictly(path)["metrics"] == {"loss": None}


def test_a_description_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match="description is of type int; allowed: text or None"):
        info_document("a", description=5, dataset=None, artifacts={})


def test_a_checkpoint_that_fails_leaves_the_old_one(tmp_path):
    path = save_model_checkpoint(tmp_path, {"w": torch.ones(1)})
    before = path.read_bytes()
    with pytest.raises(Exception, match="pickle"):
        save_model_checkpoint(tmp_path, {"f": lambda: 0})
    assert path.read_bytes() == before
    assert names_in(tmp_path) == {"model.pt"}


def test_configs_are_ascii_with_sorted_keys(tmp_path):
    path = save_configs(tmp_path, model_config={"z": 1, "é": 2, "a": {"d": 1, "c": 2}})
    text = path.read_text(encoding="ascii")
    assert (
        text.index('"a"') < text.index('"c"') < text.index('"d"') < text.index('"z"') < text.index("\\u00e9")
    )
    assert json.loads(text)["model"] == {"z": 1, "é": 2, "a": {"d": 1, "c": 2}}
