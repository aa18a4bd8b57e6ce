"""Which files around a checkpoint are taken as those of its training."""

import os

import pytest

from assay.training_files import LEVELS, MOST_TRACKED, training_files, training_watched


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Makes empty files below the working folder."""
    monkeypatch.chdir(tmp_path)

    def made(*names: str):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return made


def found(folder, checkpoint: str) -> dict[str, str]:
    return {name: str(path.relative_to(folder)) for name, path in training_files(folder / checkpoint).items()}


def test_a_lightning_run_is_the_folder_above_its_checkpoints(tree):
    folder = tree("a/version_0/checkpoints/x.ckpt", "a/version_0/metrics.csv", "a/version_0/hparams.yaml")
    assert found(folder, "a/version_0/checkpoints/x.ckpt") == {
        "metrics.csv": "a/version_0/metrics.csv",
        "hparams.yaml": "a/version_0/hparams.yaml",
    }


def test_the_nearest_folder_that_has_any_file_is_the_run(tree):
    folder = tree("a/x.ckpt", "a/hparams.yaml", "metrics.csv", "a/b/y.ckpt", "a/b/metrics.csv")
    assert found(folder, "a/x.ckpt") == {"hparams.yaml": "a/hparams.yaml"}
    assert found(folder, "a/b/y.ckpt") == {"metrics.csv": "a/b/metrics.csv"}


def test_hydra_above_a_lightning_run_is_of_it_too(tree):
    folder = tree(
        "r/.hydra/config.yaml", "r/logs/version_0/metrics.csv", "r/logs/version_0/checkpoints/x.ckpt"
    )
    assert found(folder, "r/logs/version_0/checkpoints/x.ckpt") == {
        "metrics.csv": "r/logs/version_0/metrics.csv",
        ".hydra/config.yaml": "r/.hydra/config.yaml",
    }


def test_metrics_of_the_last_version_below_a_run_of_hydra_are_its_metrics(tree):
    names = [f"r/csv/version_{n}/metrics.csv" for n in (2, 10, 9)]
    folder = tree("r/.hydra/config.yaml", "r/checkpoints/x.ckpt", *names)
    assert found(folder, "r/checkpoints/x.ckpt")["metrics.csv"] == "r/csv/version_10/metrics.csv"


def test_files_of_a_record_count_only_where_it_has_info_and_results(tree):
    folder = tree(
        "a/model.pt", "a/info.json", "a/results.json", "a/normalizers.npz", "b/model.pt", "b/results.json"
    )
    assert found(folder, "a/model.pt").keys() == {"info.json", "results.json", "normalizers.npz"}
    assert found(folder, "b/model.pt") == {}


def test_a_model_folder_is_looked_into_itself(tree):
    folder = tree(
        "out/checkpoint-5/config.json", "out/checkpoint-5/trainer_state.json", "out/trainer_state.json"
    )
    assert found(folder, "out/checkpoint-5") == {"trainer_state.json": "out/checkpoint-5/trainer_state.json"}


def test_a_run_of_mlflow_is_its_meta_file_with_params_and_metrics(tree):
    run = "mlruns/1/0a"
    names = ("meta.yaml", "params/lr", "params/model/heads", "metrics/val/loss")
    folder = tree(*(f"{run}/{name}" for name in (*names, "tags/t", "artifacts/model/data/x.pth")))
    expected = {name: f"{run}/{name}" for name in names}
    assert found(folder, f"{run}/artifacts/model/data/x.pth") == expected


def test_a_file_of_lightning_below_a_run_of_mlflow_hides_nothing_of_it(tree):
    folder = tree("r/meta.yaml", "r/params/lr", "r/artifacts/hparams.yaml", "r/artifacts/x.ckpt")
    assert found(folder, "r/artifacts/x.ckpt").keys() == {"hparams.yaml", "meta.yaml", "params/lr"}


def test_params_without_the_meta_file_are_no_run(tree):
    folder = tree("r/params/lr", "r/x.ckpt")
    assert found(folder, "r/x.ckpt") == {}


def test_a_run_of_wandb_is_known_by_its_name(tree):
    run = "wandb/run-20260102_030405-ab12cd34"
    folder = tree(f"{run}/files/config.yaml", f"{run}/files/wandb-summary.json", f"{run}/files/x.ckpt")
    names = ("files/config.yaml", "files/wandb-summary.json")
    assert found(folder, f"{run}/files/x.ckpt") == {name: f"{run}/{name}" for name in names}
    folder = tree("wandb/other/files/config.yaml", "wandb/other/files/x.ckpt")
    assert found(folder, "wandb/other/files/x.ckpt") == {}


def test_links_in_a_circle_end_and_very_many_metrics_are_cut(tree):
    folder = tree("r/meta.yaml", "r/params/lr", "r/x.ckpt", *(f"r/metrics/m{i:04}" for i in range(600)))
    (folder / "r/params/circle").symlink_to(folder / "r")
    (folder / "r/params/itself").symlink_to("itself")
    names = found(folder, "r/x.ckpt")
    assert len(names) == 1 + MOST_TRACKED
    assert {"params/lr", "metrics/m0000"} <= names.keys()


def test_folders_of_params_and_metrics_are_watched(tree):
    folder = tree("r/meta.yaml", "r/params/lr", "r/metrics/val/loss", "r/x.ckpt")
    watched = {str(path.relative_to(folder)) for path in training_watched(folder / "r/x.ckpt")}
    assert {"r", "r/params", "r/metrics/val", "r/metrics/val/loss"} <= watched


def test_the_working_folder_and_what_is_far_above_are_no_runs(tree):
    deep = "/".join("abcdef"[: LEVELS + 1])
    tree("metrics.csv", f"{deep}/x.ckpt", "y.ckpt", "a/hparams.yaml")
    assert training_files_of("y.ckpt") == {"metrics.csv"}
    assert training_files_of(f"{deep}/x.ckpt") == set()


def training_files_of(relative: str) -> set[str]:
    from pathlib import Path

    return set(training_files(Path(relative)))


def test_a_pipe_is_no_file_of_a_training(tree):
    folder = tree("a/x.ckpt")
    os.mkfifo(folder / "a/metrics.csv")
    assert found(folder, "a/x.ckpt") == {}


def test_what_is_watched_are_the_folders_where_a_nearer_file_may_appear_and_the_files(tree):
    folder = tree("a/v/checkpoints/x.ckpt", "a/v/metrics.csv")
    watched = [str(path.relative_to(folder)) for path in training_watched(folder / "a/v/checkpoints/x.ckpt")]
    assert watched == ["a/v/checkpoints", "a/v", "a/v/metrics.csv"]
