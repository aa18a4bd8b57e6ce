"""A lab with runs in every layout becomes a sheet that the project takes."""

import pytest
from discover import trees


def row(found, path):
    return found["rows"][f"lab/{path}"]["row"]


def test_every_layout_gives_its_rows_under_names_of_their_own(found):
    names = {
        path.removeprefix("lab/"): content["row"]["checkpoint"] for path, content in found["rows"].items()
    }
    assert names == {
        "gat_big/version_3/checkpoints/epoch=0-step=10.ckpt": "gat_big_v3_epoch_0-step_10",
        "gat_big/version_3/checkpoints/epoch=1-step=20.ckpt": "gat_big_v3",
        "multirun/2026-01-02/10-00-00/0/best.ckpt": "distill_seed-1",
        "multirun/2026-01-02/10-00-00/1/best.ckpt": "distill_seed-2",
        "mlruns/0/0123456789abcdef/artifacts/gat.ckpt": "brave-fish",
        "wandb/run-20260102_030405-ab12cd34/files/model.pt": "vit_tiny_ab12cd34",
        "myproject/zz99yy88/checkpoints/epoch=1.ckpt": "residual_zz99yy88",
        "emulators/small_best.pt": "small",
        "emulators/resnet_18.pth": "resnet_18",
    }


def test_the_sheet_passes_the_check_and_every_row_is_taken_in(found, lab, monkeypatch):
    monkeypatch.chdir(lab)
    checked = trees.run("check", "--config", "config.yaml")
    assert checked.exit_code == 0, checked.exception
    assert checked.stdout.startswith("ok: 9 checkpoints")
    for content in found["rows"].values():
        name = content["row"]["checkpoint"]
        assert trees.run("intake", name, "--config", "config.yaml").exit_code == 0, name


@pytest.mark.parametrize(
    ("layout", "name"),
    [
        ("lightning", "gat_big_v3"),
        ("hydra", "distill_seed-1"),
        ("mlflow", "brave-fish"),
        ("wandb", "vit_tiny_ab12cd34"),
        ("wandb", "residual_zz99yy88"),
    ],
)
def test_a_row_of_every_layout_runs(found, lab, monkeypatch, layout, name):
    monkeypatch.chdir(lab)
    assert [row["layout"] for row in found["rows"].values() if row["row"]["checkpoint"] == name] == [layout]
    trees.assert_runs(name)


def test_an_artifact_of_a_proposed_row_and_its_teacher_is_made(found, lab, monkeypatch):
    monkeypatch.chdir(lab)
    made = trees.run("make", "distill_seed-1", "cka", "--config", "config.yaml")
    assert made.exit_code == 0, made.stderr
    assert (lab / "results" / "distill_seed-1" / "cka.json").is_file()


def test_a_family_is_sure_by_its_class_likely_by_two_signs_and_possible_by_tensors_alone(found):
    guesses = {(content["row"]["family"], content["confidence"]) for content in found["rows"].values()}
    assert guesses == {("gat", "sure"), ("vit", "likely"), ("cnn", "possible"), ("mlp", "possible")}


def test_lightnings_best_is_that_of_metrics_csv_at_the_epoch_of_the_file(found):
    best = found["rows"]["lab/gat_big/version_3/checkpoints/epoch=1-step=20.ckpt"]
    assert "the best of 3 by val_loss 0.2, in the run's metrics" in best["because"]
    left = found["skipped"]["lab/gat_big/version_3/checkpoints/epoch=2-step=30.ckpt"]
    assert left.startswith("another of its run is proposed: epoch=1-step=20.ckpt")


def test_data_is_what_hparams_yaml_config_yaml_and_params_say(found):
    assert row(found, "gat_big/version_3/checkpoints/epoch=1-step=20.ckpt")["data"] == "can"
    assert row(found, "wandb/run-20260102_030405-ab12cd34/files/model.pt")["data"] == "slides"
    because = found["rows"]["lab/mlruns/0/0123456789abcdef/artifacts/gat.ckpt"]["because"]
    assert "data: its config says can" in because


def test_a_teacher_named_by_an_old_path_is_exactly_that_checkpoint(found):
    assert row(found, "multirun/2026-01-02/10-00-00/0/best.ckpt")["teacher"] == "gat_big_v3_epoch_0-step_10"


def test_a_teacher_named_by_its_run_is_the_runs_proposed_checkpoint(found):
    assert row(found, "mlruns/0/0123456789abcdef/artifacts/gat.ckpt")["teacher"] == "gat_big_v3"


def test_hyper_parameters_that_a_state_dict_lacks_come_from_the_run(found):
    assert row(found, "wandb/run-20260102_030405-ab12cd34/files/model.pt")["hparams"] == "num_heads=2"


def test_a_run_deleted_in_mlflow_gives_no_row(found):
    path = "lab/mlruns/0/fedcba9876543210/artifacts/gat.ckpt"
    assert found["skipped"][path] == "its run is deleted in MLflow"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("emulators/odd.pt", "no family has tensors named weight"),
        ("emulators/notes.pt", "a text file that begins"),
    ],
)
def test_what_is_no_checkpoint_of_a_family_is_skipped_with_the_reason(found, path, reason):
    assert found["skipped"][f"lab/{path}"].startswith(reason)


def test_it_says_that_only_headers_were_read(found, lab, monkeypatch):
    assert found["headers_only"] is True
    monkeypatch.chdir(lab)
    again = trees.run("discover", "lab", "-o", "sheet.tsv", "--config", "config.yaml")
    assert "headers only" in again.stderr
