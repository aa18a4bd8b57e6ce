"""Which files around a checkpoint are taken as those of its training."""

import os

import pytest

from assay.training_files import LEVELS, training_files, training_watched


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
