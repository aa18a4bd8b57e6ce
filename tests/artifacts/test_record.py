"""The record of a checkpoint: whose word counts, what stays empty, and numbers that are not finite."""

import json

import numpy as np
import pytest
from artifacts.origins import curve, record

from assay.artifacts.best_point import best_point
from assay.errors import ResultWarning
from assay.record.reading import KEYS

OF_DATA = {"x": {"mean": [1.0, 2.0], "std": [3.0, 4.0]}, "y": {"mean": [0.0], "std": [1.0]}}


def test_every_key_of_the_published_schema_is_there_where_nothing_is_known():
    found = record()
    for role, document in (("info", found.info), ("configs", found.configs), ("results", found.results)):
        for key, kinds in KEYS[role].items():
            assert isinstance(document[key], kinds), (role, key)
    assert found.configs["dataset_prep"] == {"build_xy": None, "cl": None, "condense": None}
    assert found.results["status"] == found.provenance["status"] == "unknown"
    assert found.results["summary"] == {"epoch": None, "global_step": None, "best": None}
    assert found.normalizers == {}


def test_values_that_are_not_finite_are_null_and_their_places_are_kept():
    found = record(curves={"loss": curve([1.0, "NaN", "-Infinity"])})
    assert found.results["history"] == {"loss": [1.0, None, None]}
    assert found.provenance["replaced"] == {
        "results.json": {"/history/loss/1": "NaN", "/history/loss/2": "-Infinity"}
    }
    json.dumps(found.results, allow_nan=False)


def test_the_settings_are_those_of_the_checkpoint_and_of_the_run():
    found = record(hparams={"hyper_parameters": {"width": 8}, "epoch": 4}, config={"lr": 0.1})
    assert found.configs["model"] == {"family": "gat", "class_path": None, "hyper_parameters": {"width": 8}}
    assert found.configs["training"] == {"lr": 0.1}
    assert found.results["summary"]["epoch"] == 4


def test_a_setting_on_which_both_disagree_is_warned_of_and_one_on_which_they_agree_is_not():
    hparams = {"hyper_parameters": {"width": 8, "lr": 0.1, "layers": [1]}}
    with pytest.warns(ResultWarning) as told:
        record(hparams=hparams, config={"width": 9, "lr": 0.1, "layers": 2})
    assert [str(each.message) for each in told] == [
        "width is 8 in the checkpoint and 9 in the run's configuration"
    ]


def test_what_was_left_out_of_the_run_is_warned_of():
    with pytest.warns(ResultWarning, match=r"^metrics\.csv of the run is left out: is no CSV$"):
        record(left_out={"metrics.csv": "is no CSV"})


def test_a_record_of_the_run_keeps_its_word_but_for_its_history():
    written = {
        "info": {"run_id": "kept", "created_at": "then", "description": "d", "dataset": {"path": "p"}},
        "configs": {
            "optimizer": {"lr": 1},
            "training": {"epochs": 2, "fit_seed": 3},
            "model": {"input_dim": 4},
        },
        "results": {"status": "failed", "metrics": {"a": None}, "summary": {"s": 1}, "created_at": "then"},
        "provenance": {
            "status": "failed",
            "error": "E",
            "environment": {"python": "3.9"},
            "replaced": {"results.json": {"/metrics/a": "NaN", "/history/loss/0": "NaN"}},
        },
    }
    found = record(record=written, curves={"loss": curve([2.0])}, config={"epochs": 9, "lr": 5})
    assert found.configs["training"] == {"epochs": 2, "fit_seed": 3, "lr": 5}
    assert found.configs["model"]["input_dim"] == 4
    assert found.results["status"] == "failed"
    assert found.results["history"] == {"loss": [2.0]}
    assert found.info["trained_on"] == {"path": "p"}
    assert found.provenance["error"] == "E"
    assert found.provenance["environment"] == {"python": "3.9"}
    assert found.provenance["seeds"] == {"/training/fit_seed": 3}
    assert found.provenance["replaced"] == {"results.json": {"/metrics/a": "NaN"}}


def test_the_data_set_is_known_by_its_sha256_and_its_names():
    dataset = record(facts={"x_names": ["a"], "y_names": ["ell_500"]}).info["dataset"]
    assert dataset["fingerprint"] == {"sha256": "01", "n_files": 1}
    assert (dataset["param_names"], dataset["target_names"]) == (["a"], ["ell_500"])


def test_normalisers_are_those_of_the_run_and_else_those_of_the_data_that_scale():
    assert record(facts={"scaler": OF_DATA}).normalizers.keys() == {"X"}
    theirs = {"X": {"mean": [1.0, 2.0], "std": [3.0, 4.0000001]}, "Y": {"mean": [5.0], "std": [6.0]}}
    found = record(facts={"scaler": OF_DATA}, normalizers=theirs).normalizers
    assert found["X"].std.tolist() == [3, 4.0000001]
    assert found["Y"].mean.tolist() == [5]
    assert isinstance(found["X"].mean, np.ndarray)


@pytest.mark.parametrize("moments", [{"mean": [1.0, 2.5], "std": [3.0, 4.0]}, {"mean": [1.0], "std": [3.0]}])
def test_a_normaliser_of_the_run_that_is_not_that_of_the_data_is_warned_of(moments):
    with pytest.warns(ResultWarning, match="normaliser X of the run is not that of data can"):
        record(facts={"scaler": OF_DATA}, normalizers={"X": moments})


def test_a_scaler_of_another_source_is_no_normaliser():
    assert record(facts={"scaler": "z_benign"}).normalizers == {}
    assert record(facts={"scaler": {"x": {"centre": 1}}}).normalizers == {}


def test_the_best_point_is_the_lowest_finite_validation_loss():
    curves = {
        "loss": curve([0.1, 0.05]),
        "val_loss_aux": curve([0.0]),
        "val_loss": curve(["NaN", 0.4, "-Infinity", 0.3, 0.5]),
        "val_acc": curve([0.9]),
    }
    assert best_point(curves) == {"metric": "val_loss", "value": 0.3, "epoch": 3, "step": None}
    assert best_point({"loss": curve([2.0, 1.0])})["epoch"] == 1
    assert best_point({"val_loss": curve(["NaN"]), "loss": curve([1.0])})["metric"] == "loss"
    assert best_point({"acc": curve([1.0])}) is None
