"""Damaged files beside checkpoints are skipped with the reason; the checkpoints are proposed all the same."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from discover import trees
from discover.runs import LAYOUTS
from safetensors.torch import save_file

from assay.record import save_record

LAUGHS = "a: &a [x, x]\nb: [*a, *a]\n"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    for run in ("version_0", "hydra", "mlruns/0/ab", "wandb/run-20260102_030405-x1/files"):
        trees.gat(folder / "runs" / run / f"{run.replace('/', '-')}.ckpt")
    trees.written(
        folder / "runs/version_0/hparams.yaml", "a: !!python/object/apply:os.system [touch PWNED]\n"
    )
    trees.written(folder / "runs/version_0/metrics.csv", "epoch\0,\xff\n")
    trees.written(folder / "runs/hydra/.hydra/config.yaml", LAUGHS)
    trees.written(folder / "runs/hydra/.hydra/overrides.yaml", "- a\n- [")
    trees.written(folder / "runs/mlruns/0/ab/meta.yaml", "run_name: a\nrun_name: b\n")
    (folder / "runs/mlruns/0/ab/params").mkdir()
    (folder / "runs/mlruns/0/ab/params/lr").write_bytes(b"\xff")
    trees.written(folder / "runs/wandb/run-20260102_030405-x1/files/config.yaml", "[" * 3000)
    trees.written(folder / "runs/wandb/run-20260102_030405-x1/files/wandb-summary.json", '{"loss": NaN}')
    half = folder / "runs" / "half"
    trees.mlp(half / "model.pt")
    for name in ("configs.json", "results.json"):
        trees.written(half / name, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        content = trees.discovered("runs", "-o", "sheet.tsv")
    return folder, content


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("version_0/hparams.yaml", "which may stand for an object of code"),
        ("hydra/.hydra/config.yaml", "holds a YAML alias"),
        ("hydra/.hydra/overrides.yaml", "is no valid YAML"),
        ("mlruns/0/ab/meta.yaml", "key 'run_name' occurs twice"),
        ("mlruns/0/ab/params/lr", "is no UTF-8 text"),
        ("wandb/run-20260102_030405-x1/files/config.yaml", "more than 50 levels"),
        ("wandb/run-20260102_030405-x1/files/wandb-summary.json", "NaN is no JSON number"),
        ("half", "holds no whole record: it lacks info.json"),
    ],
)
def test_a_damaged_file_is_named_with_its_reason(found, path, reason):
    assert reason in found[1]["skipped"][f"runs/{path}"]


def test_their_checkpoints_are_proposed_and_half_a_record_is_not(found):
    assert {row["layout"] for row in found[1]["rows"].values()} == {"lightning", "hydra", "mlflow", "wandb"}


def test_nothing_was_run_and_nothing_but_the_sheet_was_written(found):
    assert not list(found[0].rglob("PWNED"))
    assert {path.name for path in found[0].iterdir()} == {"runs", "sheet.tsv"}


def test_a_folder_without_checkpoints_is_exit_1_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.written(tmp_path / "runs" / "a.pt", "text")
    result = trees.run("discover", "runs", "-o", "s.tsv")
    assert result.exit_code == 1
    assert "no checkpoint was found below runs" in str(result.exception)
    assert "skipped runs/a.pt: a text file" in result.stderr
    assert os.listdir(tmp_path) == ["runs"]  # noqa: PTH208


@pytest.mark.parametrize(("name", "reason"), [("gone", "there is no such folder"), ("file", "is a file")])
def test_what_is_no_folder_is_refused_before_anything_is_read(tmp_path, monkeypatch, name, reason):
    monkeypatch.chdir(tmp_path)
    trees.written(tmp_path / "file", "")
    result = trees.run("discover", name)
    assert result.exit_code == 2
    assert reason in str(result.exception)


def test_links_to_one_file_give_one_row(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.mlp(tmp_path / "runs" / "real.pt")
    (tmp_path / "runs" / "a_link.pt").symlink_to("real.pt")
    (tmp_path / "runs" / "z_hard.pt").hardlink_to(tmp_path / "runs" / "real.pt")
    found = trees.discovered("runs")
    assert list(found["rows"]) == ["runs/real.pt"]
    assert found["skipped"] == dict.fromkeys(
        ("runs/a_link.pt", "runs/z_hard.pt"), "is the same file as runs/real.pt"
    )


def test_runs_of_every_layout_that_vanish_after_they_were_listed_are_skipped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for layout in LAYOUTS:
        layout(tmp_path / "runs" / "a")
    save_record("record", "runs/a", checkpoint={"w": torch.zeros(2)})
    model = trees.state("vit", tmp_path / "runs" / "a" / "model" / "x.pt").with_name("model.safetensors")
    save_file(trees.STATES["vit"](), model)
    trees.written(model.with_name("config.json"), {})
    trees.mlp(tmp_path / "runs" / "z" / "stays.pt")
    scan = os.scandir

    def scandir(path):
        if Path(path).name == "z":
            monkeypatch.setattr(os, "scandir", scan)
            shutil.rmtree(tmp_path / "runs" / "a")
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = trees.discovered("runs", "-o", "sheet.tsv")
    assert list(found["rows"]) == ["runs/z/stays.pt"]
    gone = {path: reason for path, reason in found["skipped"].items() if path.startswith("runs/a/")}
    assert len(gone) > 15
    assert {gone[f"runs/a/{name}"] for name in ("record", "model")} == {
        "cannot be read (No such file or directory)"
    }


def test_results_of_assay_are_not_read_in_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.mlp(tmp_path / "runs" / "a.pt")
    for folder in (Path("old/a"), Path("results/b")):
        trees.written(folder / "intake.json", {})
        trees.written(folder / "weights.safetensors", "")
    found = trees.discovered(".")
    assert list(found["rows"]) == ["runs/a.pt"]
    assert found["skipped"] == {"old/a": "is a result of Assay", "results": "is the folder of results"}


def test_a_config_that_is_damaged_is_exit_2(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.mlp(tmp_path / "runs" / "a.pt")
    for content in (LAUGHS, "data: 3\n", "data: {x: {path: 1}}\n"):
        trees.written(tmp_path / "config.yaml", content)
        assert trees.run("discover", "runs", "--config", "config.yaml").exit_code == 2
