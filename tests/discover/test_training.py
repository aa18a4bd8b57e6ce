"""What training left around a checkpoint, read: every layout, numbers that are not finite, and hostile files."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from assay.discover import curves
from assay.discover.training import MOST_NUMBERS, MOST_RECORD_BYTES, read_training
from assay.files import json_bytes
from assay.record import Normalizer, save_record


def read(**texts: str) -> dict:
    """What the files of these names and texts say."""
    names = {"metrics": "metrics.csv", "hparams": "hparams.yaml", "trainer": "trainer_state.json"}
    names |= {"hydra": ".hydra/config.yaml"}
    files = {}
    for key, text in texts.items():
        path = Path(names[key])
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        files[names[key]] = path
    found = read_training(files)
    json_bytes(found)  # strict JSON
    return found


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(folder: Path, **given) -> dict:
    path = save_record("r", folder, **given)
    return read_training({file.name: file for file in path.iterdir()})


def test_rows_of_metrics_become_curves_at_their_epochs_and_steps():
    found = read(metrics="epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.7\n1,19,0.25,\n")
    assert found["curves"] == {
        "train_loss": {"value": [0.5, 0.25], "epoch": [0, 1], "step": [9, 19], "n": 2},
        "val_loss": {"value": [0.7], "epoch": [0], "step": [9], "n": 1},
    }
    assert found["left_out"] == {}


def test_values_that_are_not_finite_are_kept_as_words_and_text_is_none():
    found = read(metrics="epoch,loss,note\n0,nan,a\n1,-inf,b\n2,inf,\n3,1e3,\n")
    assert found["curves"]["loss"]["value"] == ["NaN", "-Infinity", "Infinity", 1000.0]
    assert found["curves"].keys() == {"loss"}


def test_the_log_of_a_trainer_has_the_same_form():
    log = {
        "log_history": [{"epoch": 0.5, "step": 10, "loss": 2.0}, {"epoch": 1.0, "step": 20, "eval_loss": 1.5}]
    }
    found = read(trainer=json.dumps(log))
    assert found["curves"]["loss"] == {"value": [2.0], "epoch": [0.5], "step": [10], "n": 1}
    assert found["curves"]["eval_loss"]["epoch"] == [1]


def test_hyper_parameters_win_over_hydra_whose_references_are_left_out():
    found = read(hparams="lr: 0.1\nlayers: [3, 4]\n", hydra="lr: 1\nmodel: {width: 8}\nseed: ${other}\n")
    assert found["config"] == {"lr": 0.1, "layers.0": 3, "layers.1": 4, "model.width": 8}


def test_a_record_is_read_with_its_history_and_normalisers(here):
    history = {"val_loss": [0.5, math.nan, 0.25]}
    normalizers = {"X": Normalizer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))}
    found = recorded(here, history=history, normalizers=normalizers, fit_config={"epochs": 3})
    assert found["curves"]["val_loss"] == {
        "value": [0.5, "NaN", 0.25],
        "epoch": [0, 1, 2],
        "step": [None] * 3,
        "n": 3,
    }
    assert found["normalizers"] == {"X": {"mean": [1.0, 2.0], "std": [3.0, 4.0]}}
    assert found["record"]["configs"]["training"] == {"epochs": 3}
    assert "history" not in found["record"]["results"]
    assert found["left_out"] == {}


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("hparams", "a: !!python/object:os.system {}\n", "holds the YAML tag"),
        ("hparams", "a: &x [1]\nb: *x\n", "alias"),
        ("hparams", "- a\n", "holds a list"),
        ("trainer", '{"log_history": [{"loss": NaN}]}', "is not the JSON"),
        ("hydra", "a: {", "is no valid YAML"),
    ],
)
def test_a_hostile_or_damaged_file_is_left_out_with_its_reason_and_the_others_are_read(name, text, reason):
    found = read(metrics="epoch,loss\n0,1.0\n", **{name: text})
    assert found["curves"].keys() == {"loss"}
    (said,) = found["left_out"].values()
    assert reason in said


def test_a_record_whose_file_was_changed_or_is_too_large_is_left_out(here):
    path = save_record("r", here, history={"loss": [1.0]})
    (path / "configs.json").write_text("{}")
    files = {file.name: file for file in path.iterdir()}
    assert "schema_version" in read_training(files)["left_out"]["info.json"]
    (path / "configs.json").write_bytes(b" " * (MOST_RECORD_BYTES + 1))
    assert read_training(files)["left_out"] == {
        "info.json": f"its configs.json has more than {MOST_RECORD_BYTES:,} bytes"
    }


def test_normalisers_of_very_many_numbers_are_left_out(here):
    wide = np.ones(MOST_NUMBERS)
    found = recorded(here, normalizers={"X": Normalizer(wide, wide)})
    assert found["normalizers"] == {}
    assert "numbers" in found["left_out"]["info.json"]


def test_text_that_is_no_unicode_and_odd_numbers_give_strict_json():
    found = read(hparams="a: .nan\nb: -.inf\n", trainer='{"log_history": [{"lo\\ud800ss": 1}]}')
    assert found["config"] == {"a": "NaN", "b": "-Infinity"}
    assert list(found["curves"]) == ["lo?ss"]


def test_a_long_history_is_thinned_and_keeps_first_last_lowest_and_highest():
    rows = [f"{i},{1 + i / 1e6}" for i in range(20_000)]
    rows[777], rows[778] = "777,0.001", "778,99"
    found = read(metrics="\n".join(["step,loss", *rows]))["curves"]["loss"]
    assert found["n"] == 20_000
    assert curves.MOST_POINTS - 2 <= len(found["value"]) <= curves.MOST_POINTS
    assert (found["step"][0], found["step"][-1]) == (0, 19_999)
    assert {0.001, 99.0} <= set(found["value"])
    assert found["step"] == sorted(found["step"])


def test_of_very_many_metrics_losses_stay_and_the_rest_is_counted():
    names = [f"m{i}" for i in range(curves.MOST_CURVES + 20)]
    found = read(metrics=",".join([*names, "z_loss"]) + "\n" + ",".join(["1"] * (len(names) + 1)))
    assert "z_loss" in found["curves"]
    assert len(found["curves"]) == curves.MOST_CURVES
    assert found["left_out"]["curves"] == f"21 of {len(names) + 1} metrics; {curves.MOST_CURVES} are kept"


def test_a_config_without_end_is_cut_and_says_so():
    found = read(hparams="\n".join(f"key{i}: {'x' * 900}" for i in range(200)))
    assert 50 < len(found["config"]) < 150
    assert "would make it larger" in found["left_out"]["config"]
