"""Folders as people leave them: layouts inside layouts, many epochs, configs beside checkpoints, any name."""

from pathlib import Path

import pytest
from discover import trees

METRICS = "epoch,step,val_loss\n" + "".join(f"{e},{10 * e + 9},{abs(e - 6) + 0.5}\n" for e in range(10))


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The working folder: a project with data sets `can`, `slides` and `screen`; runs go below `runs`."""
    monkeypatch.chdir(tmp_path)
    slides = {"source": "images", "path": str(tmp_path)}
    trees.project(tmp_path, slides=slides, screen={"source": "network", "path": str(trees.GRAPHS)})
    return tmp_path / "runs"


def discovered():
    return trees.discovered("runs", "-o", "sheet.tsv", "--config", "config.yaml")


def names(found):
    return {
        path.removeprefix("runs/"): content["row"]["checkpoint"] for path, content in found["rows"].items()
    }


def hydra(job: Path, config, overrides=()):
    trees.written(job / ".hydra" / "config.yaml", config)
    trees.written(job / ".hydra" / "overrides.yaml", list(overrides))


def test_lightning_inside_hydra_has_the_name_and_the_data_of_the_job_and_its_own_metrics(lab):
    for seed in (1, 2):
        job = lab / "outputs" / "2026-01-02" / f"10-00-0{seed}"
        data = {"_target_": "lab.data.Can", "data_dir": "/scratch/ada/can", "batch_size": 8}
        hydra(job, {"task_name": "train", "seed": seed, "data": data, "lr": 1}, [f"seed={seed}"])
        version = job / "lightning_logs" / "version_0"
        trees.written(version / "hparams.yaml", {"lr": 2})
        trees.written(version / "metrics.csv", METRICS)
        for epoch in (6, 9):
            trees.gat(version / "checkpoints" / f"epoch={epoch}-step={10 * epoch + 10}.ckpt", epoch=epoch)
        (version / "checkpoints" / "last.ckpt").symlink_to("epoch=9-step=100.ckpt")
    found = discovered()
    inside = "lightning_logs/version_0/checkpoints/epoch=6-step=70.ckpt"
    assert names(found) == {
        f"outputs/2026-01-02/10-00-0{seed}/{inside}": f"train_seed-{seed}" for seed in (1, 2)
    }
    for content in found["rows"].values():
        assert "data: its config says /scratch/ada/can" in content["because"]
    assert trees.run("check", "--config", "config.yaml").exit_code == 0


def test_what_the_inner_run_says_wins_over_the_run_around_it(lab):
    hydra(lab / "job", {"data": "elsewhere", "activation": "gelu"})
    trees.written(lab / "job" / "version_0" / "hparams.yaml", {"activation": "silu"})
    trees.mlp(lab / "job" / "version_0" / "checkpoints" / "last.ckpt")
    (content,) = discovered()["rows"].values()
    assert content["row"]["hparams"] == "activation=silu"
    assert any("its config says elsewhere" in line for line in content["because"])


def test_a_file_of_the_run_around_that_cannot_be_read_is_named_once(lab):
    trees.written(lab / "job" / ".hydra" / "config.yaml", "a: [")
    for version in ("version_0", "version_1"):
        trees.written(lab / "job" / version / "hparams.yaml", {})
        trees.mlp(lab / "job" / version / "x.ckpt")
    content = trees.run("discover", "runs", "--config", "config.yaml")
    assert content.stderr.count("job/.hydra/config.yaml: is no valid YAML") == 1


def test_folds_of_one_run_are_trainings_of_their_own_and_folders_of_any_run_are_not(lab):
    hydra(lab / "job", {"task_name": "cv"})
    for fold in ("fold_0", "fold_1"):
        trees.mlp(lab / "job" / fold / "checkpoints" / "best.pt")
        trees.mlp(lab / "job" / fold / "weights" / "last.pt")
    assert names(discovered()) == {
        f"job/{fold}/checkpoints/best.pt": f"cv_{fold}" for fold in ("fold_0", "fold_1")
    }


def test_the_folder_of_a_run_with_folds_means_none_of_them_as_a_teacher(lab):
    hydra(lab / "job", {"task_name": "cv"})
    for fold in ("fold_0", "fold_1"):
        trees.gat(lab / "job" / fold / "best.ckpt")
    hydra(lab / "student", {"task_name": "kd", "teacher": "../job"})
    trees.gat(lab / "student" / "best.ckpt")
    student = discovered()["rows"]["runs/student/best.ckpt"]
    assert student["row"]["teacher"] == ""
    assert "teacher: its config says ../job, which is no checkpoint that was found" in student["open"]


def test_an_artifact_of_wandb_is_a_checkpoint_of_its_run(lab):
    files = lab / "wandb" / "run-20260101_120000-8x2kq9zz" / "files"
    trees.written(
        files / "config.yaml", {"model": {"value": {"name": "vit_small"}}, "num_heads": {"value": 2}}
    )
    trees.state("vit", lab / "artifacts" / "model-8x2kq9zz:v3" / "model.ckpt")
    (lab / "wandb" / "latest-run").symlink_to("run-20260101_120000-8x2kq9zz")
    found = discovered()
    assert names(found) == {"artifacts/model-8x2kq9zz:v3/model.ckpt": "vit_small_8x2kq9zz"}
    assert next(iter(found["rows"].values()))["row"]["hparams"] == "num_heads=2"


@pytest.mark.parametrize("config", ["config.yaml", "config.json", "args.json", "params.yaml"])
def test_a_config_and_metrics_beside_plain_checkpoints_are_read(lab, config):
    for epoch in range(10):
        trees.mlp(lab / "emulator" / "checkpoints" / f"emulator_epoch_{epoch:03d}.pt")
    trees.written(
        lab / "emulator" / config, {"model": {"type": "mlp", "activation": "silu"}, "dataset": "screen"}
    )
    trees.written(lab / "emulator" / "log.csv", METRICS)
    ((path, content),) = discovered()["rows"].items()
    assert path == "runs/emulator/checkpoints/emulator_epoch_006.pt"
    assert content["row"]["hparams"] == "activation=silu"
    assert content["confidence"] == "likely"
    assert "data: its config says screen" in content["because"]


def test_folders_beside_each_other_have_the_config_of_their_own(lab):
    for name, activation in (("models", "silu"), ("weights", "gelu")):
        trees.mlp(lab / "emulators" / name / f"{name}_a.pt")
        trees.written(lab / "emulators" / name / "config.yaml", {"activation": activation})
    rows = discovered()["rows"].values()
    assert {content["row"]["hparams"] for content in rows} == {"activation=silu", "activation=gelu"}


def test_a_model_folder_inside_hydra_has_the_name_and_the_data_of_the_job(lab):
    from safetensors.torch import save_file

    hydra(lab / "0", {"task_name": "finetune", "data": "slides"})
    path = trees.written(lab / "0" / "out" / "config.json", {"num_attention_heads": 2}).with_name(
        "model.safetensors"
    )
    save_file(trees.STATES["vit"](), path)
    (content,) = discovered()["rows"].values()
    assert content["row"]["checkpoint"] == "finetune"
    assert "data: its config says slides" in content["because"]


@pytest.mark.parametrize("checkpoints", ["checkpoints", "weights"])  # before and behind `wandb`
def test_a_run_of_wandb_in_a_folder_of_its_own_id_is_read_once(lab, checkpoints):
    job = lab / "job" / "8x2kq9zz"
    hydra(lab / "job", {"task_name": "train"})
    trees.written(job / "wandb" / "run-20260101_120000-8x2kq9zz" / "files" / "config.yaml", "a: [")
    trees.mlp(job / "wandb" / "run-20260101_120000-8x2kq9zz" / "files" / "last.pt")
    trees.mlp(job / checkpoints / "best.pt")
    said = trees.run("discover", "runs", "--config", "config.yaml", "-o", "sheet.tsv").stderr
    assert said.count("config.yaml: is no valid YAML") == 1
    assert [line.split("\t")[0] for line in Path("sheet.tsv").read_text().splitlines()[1:]] == ["train"]


def test_a_config_beside_plain_checkpoints_that_is_damaged_is_named_and_they_are_proposed(lab):
    trees.mlp(lab / "a" / "best.pt")
    trees.written(lab / "a" / "config.json", '{"lr": NaN}')
    found = discovered()
    assert names(found) == {"a/best.pt": "a"}
    assert "NaN" in found["skipped"]["runs/a/config.json"]


def test_many_files_of_one_folder_that_are_skipped_for_one_reason_are_one_line(lab):
    for epoch in range(200):
        trees.mlp(lab / f"emulator_epoch_{epoch:03d}.pt")
    trees.written(lab / "notes.pt", "text")
    lines = trees.run("discover", "runs", "--config", "config.yaml").stderr.splitlines()
    skipped = [line for line in lines if line.startswith("skipped")]
    assert skipped[0].startswith(
        "skipped 199 in runs, emulator_epoch_000.pt to emulator_epoch_198.pt: another of its run"
    )
    assert skipped[1].startswith("skipped runs/notes.pt: a text file")
    assert len(skipped) == 2


@pytest.mark.parametrize(
    ("files", "kept", "name"),
    [
        (["checkpoint.pth.tar", "model_best.pth.tar"], "model_best.pth.tar", "ResNet_5e-4"),
        (["ckpt_9.pth", "ckpt_10.pth"], "ckpt_10.pth", "ResNet_5e-4"),
        (["best model.pt", "last model.pt"], "best model.pt", "ResNet_5e-4"),
        (["checkpoint-9.pt", "checkpoint-10.pt"], "checkpoint-10.pt", "ResNet_5e-4"),
        (["resnet best.pt", "resnet final.pt"], "resnet best.pt", "resnet"),
    ],
)
def test_usual_names_of_files_are_one_training(lab, files, kept, name):
    for file in files:
        trees.state("resnet", lab / "ResNet @ 5e-4" / file)
    assert names(discovered()) == {f"ResNet @ 5e-4/{kept}": name}


def test_numbered_models_are_trainings_of_their_own_under_the_name_of_their_folder(lab):
    for n in (1, 2):
        trees.mlp(lab / "ensemble" / f"model_{n}.pt")
    assert names(discovered()) == {f"ensemble/model_{n}.pt": f"ensemble_{n}" for n in (1, 2)}


def test_names_in_any_script_are_taken_in(lab):
    paths = (
        "mein Modell äöü/best.pt",
        "实验/模型.pt",
        "实验/模型2.pt",
        "run #3 – new/gat.pt",
        "trailing /x.pt",
    )
    for path in paths:
        trees.mlp(lab / path)
    found = discovered()
    assert names(found).keys() == set(paths)
    assert sorted(names(found).values()) == ["checkpoint", "checkpoint_2", "gat", "mein_Modell_aou", "x"]
    assert trees.run("check", "--config", "config.yaml").exit_code == 0


def test_the_state_dict_of_a_training_loop_after_the_tutorial_is_found(lab):
    import torch

    state = torch.load(trees.mlp(lab / "x.pt"))
    (lab / "x.pt").unlink()
    content = {"epoch": 3, "model_state_dict": state, "optimizer_state_dict": {"state": {}}, "loss": 0.5}
    trees.saved(content, lab / "loop" / "ckpt.pt")
    assert names(discovered()) == {"loop/ckpt.pt": "loop"}
    assert trees.run("intake", "loop", "--config", "config.yaml").exit_code == 0
