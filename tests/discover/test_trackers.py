"""What MLflow and W&B left in their own files: settings, metrics, and files that cannot be read."""

from pathlib import Path

import pytest

from assay.discover import documents, trackers
from assay.discover.training import read_training
from assay.files import json_bytes
from assay.training_files import MOST_TRACKED, training_files

RUN = "wandb/run-20260102_030405-ab12cd34/files"


@pytest.fixture
def read(tmp_path, monkeypatch):
    """What the files of these names and texts, in the run of the checkpoint beside them, say."""
    monkeypatch.chdir(tmp_path)

    def of(texts: dict[str, str | bytes], checkpoint: str) -> dict:
        for name, text in texts.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        found = read_training(training_files(Path(checkpoint)))
        json_bytes(found)  # strict JSON
        return found

    return of


@pytest.fixture
def mlflow(read):
    def of(meta: str = "lifecycle_stage: active\n", **files: str | bytes) -> dict:
        texts = {f"r/{name.replace('__', '/')}": text for name, text in files.items()}
        return read({"r/meta.yaml": meta, **texts}, "r/artifacts/x.ckpt")

    return of


def test_params_are_settings_and_metrics_are_curves(mlflow):
    found = mlflow(
        params__lr="0.001", params__model__heads="4\n", metrics__val__loss="17 0.5 0\n18 0.25 10\n"
    )
    assert found["config"] == {"lr": "0.001", "model.heads": "4"}
    assert found["curves"] == {
        "val/loss": {"value": [0.5, 0.25], "epoch": [None] * 2, "step": [0, 10], "n": 2}
    }
    assert found["left_out"] == {}


def test_metrics_without_steps_and_those_that_are_not_finite_are_read(mlflow):
    found = mlflow(params__a="1", metrics__loss="17 0.5\n18 nan\n19 -inf\n")
    assert found["curves"]["loss"] == {
        "value": [0.5, "NaN", "-Infinity"],
        "epoch": [None] * 3,
        "step": [None] * 3,
        "n": 3,
    }


def test_lines_that_are_cut_are_counted_and_the_others_stay(mlflow):
    found = mlflow(metrics__loss="17 0.5 0\n18\n19 1 2 3\n20 0.25 1\n")
    assert found["curves"]["loss"]["value"] == [0.5, 0.25]
    assert found["left_out"] == {"metrics/loss": "2 lines are no time, value and step"}


def test_a_param_that_cannot_be_read_is_left_out_alone(mlflow):
    found = mlflow(params__lr="0.1", params__bad=b"\xff\xfe")
    assert found["config"] == {"lr": "0.1"}
    assert found["left_out"] == {"params/bad": "is no UTF-8 text"}


def test_a_huge_metric_is_left_out(mlflow, monkeypatch):
    monkeypatch.setattr(trackers, "MAX_TABLE_BYTES", 20)
    found = mlflow(params__lr="0.1", metrics__loss="17 0.5 0\n" * 3)
    assert (found["curves"], found["left_out"]) == ({}, {"metrics/loss": "has more than 20 bytes"})


def test_a_run_that_was_deleted_says_nothing(mlflow):
    found = mlflow("lifecycle_stage: deleted\n", params__lr="0.1", metrics__loss="17 0.5 0\n")
    assert (found["config"], found["curves"]) == ({}, {})
    assert found["left_out"] == {"meta.yaml": "says that the run is deleted in MLflow"}


def test_of_very_many_params_the_first_are_read_and_it_is_said(mlflow):
    found = mlflow(**{f"params__p{i:04}": "1" for i in range(MOST_TRACKED + 1)})
    assert len(found["config"]) == MOST_TRACKED
    assert found["left_out"] == {
        "meta.yaml": f"of its params and metrics the first {MOST_TRACKED} files are read"
    }


def test_settings_of_lightning_win_over_those_of_mlflow(read):
    found = read(
        {
            "r/meta.yaml": "a: 1\n",
            "r/params/lr": "0.1",
            "r/params/b": "2",
            "r/artifacts/hparams.yaml": "lr: 0.5\n",
        },
        "r/artifacts/x.ckpt",
    )
    assert found["config"] == {"lr": 0.5, "b": "2"}


def test_the_config_of_wandb_and_the_last_value_of_each_metric_are_read(read):
    config = "wandb_version: 1\n_wandb: {value: {cli: x}}\nlr: {desc: null, value: 0.1}\nmodel: {value: {heads: 4}}\n"
    summary = '{"loss": 0.5, "bad": "NaN", "note": "", "ok": true, "epoch": 3, "trainer/global_step": 40, "_step": 9}'
    texts = {f"{RUN}/config.yaml": config, f"{RUN}/wandb-summary.json": summary}
    found = read(texts, f"{RUN}/x.ckpt")
    assert found["config"] == {"lr": 0.1, "model.heads": 4}
    assert found["curves"]["loss"] == {"value": [0.5], "epoch": [3], "step": [40], "n": 1}
    assert found["curves"]["bad"]["value"] == ["NaN"]
    assert not {"note", "ok", "_step"} & found["curves"].keys()
    assert "binary" in found["left_out"]["history"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("config.yaml", "a: &x [1]\nb: *x\n", "alias"),
        ("config.yaml", "[1, 2]\n", "expected a map"),
        ("wandb-summary.json", '{"loss": 0.', "JSON"),
        ("wandb-summary.json", '{"loss": NaN}', "NaN"),
        ("wandb-summary.json", " " * (documents.MAX_BYTES + 1), "more than"),
    ],
)
def test_a_damaged_file_of_wandb_is_left_out_with_its_reason(read, name, text, reason):
    good = {"config.yaml": "lr: {value: 1}\n", "wandb-summary.json": '{"loss": 1.0}'}
    texts = {f"{RUN}/{one}": given for one, given in {**good, name: text}.items()}
    found = read(texts, f"{RUN}/x.ckpt")
    assert reason in found["left_out"][f"files/{name}"]
    assert bool(found["config"]) != (name == "config.yaml")
    assert bool(found["curves"]) != (name == "wandb-summary.json")
