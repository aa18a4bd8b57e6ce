"""The record of a checkpoint by `assay make`: read back by assay.record, stale with its run folder, and it alone."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from cli.bench import save_checkpoint

from assay import tokens
from assay.errors import Refused
from assay.record import Normalizer, load_normalizers, load_record, save_record, verify_record
from assay.store.artifacts import load_artifact
from assay.workflow import Tokens

RUN = Path("runs/v0")
RECORD = Path("results/small/record")
METRICS = "epoch,step,train_loss,val_loss\n0,9,0.5,0.6\n1,19,0.25,nan\n2,29,0.125,0.4\n"


@pytest.fixture
def trained(bench):
    """The checkpoint `small` lies in a run folder of Lightning."""
    (RUN / "checkpoints").mkdir(parents=True)
    Path("runs/small.ckpt").rename(RUN / "checkpoints/small.ckpt")
    (RUN / "metrics.csv").write_text(METRICS)
    (RUN / "hparams.yaml").write_text("lr: 0.01\n")
    sheet = Path("sheet.tsv")
    sheet.write_text(sheet.read_text().replace("runs/small.ckpt", f"{RUN}/checkpoints/small.ckpt"))
    bench.configure(artifacts={"landscape": False, "attention_weights": False})
    return bench


@pytest.fixture
def recorded(trained):
    """The record and the evaluation are made."""
    run = trained.assay("make", "small", "record", "evaluation")
    assert run.code == 0, run.text
    return trained


def state(bench, artifact: str = "record") -> tuple[str, list[str]]:
    pairs = json.loads(bench.assay("list", "--json").out)
    (found,) = (p for p in pairs if (p["checkpoint"], p["artifact"]) == ("small", artifact))
    return found["state"], found["reasons"]


def moved_on(path: Path) -> None:
    """Another time of change, as a copy has it."""
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_the_record_is_one_of_assay_record_which_verifies_it(recorded):
    assert verify_record(RECORD) == ()
    record = load_record(RECORD)
    assert record.results["history"] == {"train_loss": [0.5, 0.25, 0.125], "val_loss": [0.6, None, 0.4]}
    assert record.provenance["replaced"] == {"results.json": {"/history/val_loss/1": "NaN"}}
    assert record.configs["training"] == {"lr": 0.01}
    assert load_normalizers(record.files["normalizers"]) == {}


def test_bytes_do_not_depend_on_when_it_was_made_nor_where(recorded):
    before = {path.name: path.read_bytes() for path in RECORD.iterdir()}
    shutil.rmtree("results")
    os.environ["SLURM_JOB_ID"] = "77"
    try:
        assert recorded.assay("make", "small", "record").code == 0
    finally:
        del os.environ["SLURM_JOB_ID"]
    assert {path.name: path.read_bytes() for path in RECORD.iterdir()} == before


def test_a_changed_metric_makes_the_record_stale_and_nothing_else(recorded):
    (RUN / "metrics.csv").write_text(METRICS + "3,39,0.1,0.3\n")
    word, reasons = state(recorded)
    assert (word, len(reasons)) == ("stale", 1)
    assert f"files around {RUN}/checkpoints/small.ckpt changed" in reasons[0]
    assert state(recorded, "evaluation")[0] == "done"
    assert recorded.assay("make", "small", "record").code == 0
    assert state(recorded) == ("done", [])
    assert len(load_artifact(RECORD / "info.json").results["history"]["val_loss"]) == 4


def test_a_replaced_checkpoint_makes_the_record_stale_too(recorded):
    save_checkpoint(RUN / "checkpoints/small.ckpt", seed=5)
    assert state(recorded)[0] == state(recorded, "evaluation")[0] == "stale"


def test_a_new_file_in_the_run_folder_is_seen(recorded):
    (RUN / "trainer_state.json").write_text('{"log_history": [{"epoch": 1, "eval_acc": 0.5}]}')
    assert state(recorded)[0] == "stale"


def test_touched_files_and_another_checkpoint_in_the_folder_change_nothing(recorded):
    for name in ("metrics.csv", "hparams.yaml"):
        moved_on(RUN / name)
    (RUN / "checkpoints/other.ckpt").touch()
    plan = recorded.plan()
    assert tokens.training_token(plan, "small") == "new"
    assert state(recorded) == ("done", [])


def test_a_run_folder_that_is_gone_leaves_the_record(recorded):
    shutil.rmtree(RUN)
    assert tokens.training_token(recorded.plan(), "small") == "new"
    assert state(recorded) == ("done", [])


def test_a_lost_memory_costs_a_look_and_changes_nothing(recorded):
    Path("results/small/.training.json.seen").unlink()
    assert tokens.training_token(recorded.plan(), "small") == "new"
    assert Path("results/small/.training.json.seen").exists()
    (RUN / "metrics.csv").write_text("epoch,loss\n0,1\n")
    assert tokens.training_token(recorded.plan(), "small").startswith("after-")


def test_a_lost_run_json_is_made_again(recorded):
    Path("results/small/run.json").unlink()
    assert tokens.training_token(recorded.plan(), "small").startswith("without-run.json")
    assert "run.json is missing" in state(recorded)[1][0]
    assert recorded.assay("make", "small", "record").code == 0
    assert state(recorded) == ("done", [])


def test_a_checkpoint_that_moved_to_another_run_is_looked_at_there(recorded):
    (RUN.parent / "v1/checkpoints").mkdir(parents=True)
    shutil.copy(RUN / "checkpoints/small.ckpt", RUN.parent / "v1/checkpoints/small.ckpt")
    sheet = Path("sheet.tsv")
    sheet.write_text(sheet.read_text().replace(str(RUN), "runs/v1"))
    assert state(recorded)[0] == "stale"
    assert state(recorded, "evaluation")[0] == "done"


def test_a_hostile_file_is_left_out_and_the_record_says_so(trained):
    (RUN / "hparams.yaml").write_text("lr: !!python/object:os.system {}\n")
    run = trained.assay("make", "small", "record")
    assert run.code == 0, run.text
    (warning,) = json.loads(Path("results/small/records/record.json").read_bytes())["warnings"]
    assert warning.startswith("hparams.yaml of the run is left out: holds the YAML tag")
    assert load_record(RECORD).provenance["run"]["left_out"].keys() == {"hparams.yaml"}


def test_a_checkpoint_alone_has_a_record_without_a_history(bench):
    assert bench.assay("make", "big", "record").code == 0
    record = load_record("results/big/record")
    assert record.results["history"] == {}
    assert record.results["status"] == "unknown"
    assert record.configs["model"]["family"] == "gat"


def test_a_record_beside_the_checkpoint_is_taken_over(trained):
    content = torch.load(RUN / "checkpoints/small.ckpt", weights_only=True)
    normalizers = {"X": Normalizer(torch.ones(3).numpy(), torch.ones(3).numpy() * 2)}
    path = save_record("kept", "runs", checkpoint=content, history={"val_loss": [3.0, 2.0]},
                       normalizers=normalizers, optimizer_config={"lr": 0.1}, seeds={"init": 7})  # fmt: skip
    sheet = Path("sheet.tsv")
    sheet.write_text(sheet.read_text().replace(f"{RUN}/checkpoints/small.ckpt", "runs/kept/model.pt"))
    assert trained.assay("make", "small", "record").code == 0
    record, written = load_record(RECORD), load_record(path)
    assert record.configs["optimizer"] == {"lr": 0.1}
    assert record.info["run_id"] == "kept"
    assert record.info["created_at"] == written.info["created_at"]
    assert record.results["summary"]["best"] == {"metric": "val_loss", "value": 2.0, "epoch": 1, "step": None}
    assert record.provenance["environment"] == written.provenance["environment"]
    assert record.provenance["seeds"] == {"init": 7}
    assert load_normalizers(record.files["normalizers"])["X"].std.tolist() == [2, 2, 2]


@pytest.mark.parametrize("name", ["configs.json", "results.json", "normalizers.npz", "provenance.json"])
def test_a_file_of_the_record_that_was_changed_is_refused(recorded, name):
    file = RECORD / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(Refused):
        load_artifact(RECORD / "info.json")


def test_the_manifest_binds_every_file_of_the_record_and_of_the_run(recorded):
    recorded.assay("manifest", "--partial")
    manifest = json.loads(Path("results/manifest.json").read_bytes())
    files = {f"small/record/{path.name}" for path in RECORD.iterdir()} | {
        "small/training.json",
        "small/run.json",
    }
    assert files <= manifest["files"].keys()
    assert str(RUN / "metrics.csv") in manifest["sources"]
    own = json.loads(Path("results/small/analysis_manifest.json").read_bytes())
    assert "record/info.json" in own["existing_outputs"]
    assert recorded.assay("verify").code == 0
    (RECORD / "results.json").write_text("{}")
    assert recorded.assay("verify").code == 3


def test_the_record_is_drawn(recorded):
    assert recorded.assay("draw", "small", "record").code == 0
    assert Path("results/small/figures/record.svg").stat().st_size > 1000


def test_reading_a_run_imports_no_torch(recorded):
    probe = "import sys, assay.training; print({'torch', 'numpy', 'pandas'} & set(sys.modules))"
    assert recorded._run(sys.executable, "-c", probe).out.strip() == "set()"


def test_a_look_at_all_sources_opens_five_files_a_checkpoint_at_most(recorded):
    assert recorded.assay("make", "big", "record").code == 0
    plan, opened = recorded.plan(), []
    look_at_all_sources(plan)  # warm: code digests are read from their cache

    def heard(event, arguments):
        if event == "open" and "results/" in str(arguments[0]) and "results/data" not in str(arguments[0]):
            opened.append(str(arguments[0]))

    LISTENERS.append(heard)
    try:
        look_at_all_sources(plan)
    finally:
        LISTENERS.clear()
    assert 0 < len(opened) <= 5 * len(plan.rows), opened


def look_at_all_sources(plan):
    """As Snakemake does where all is planned; nothing changed, so that nothing is said."""
    tokens = Tokens(plan, say=pytest.fail)
    for name in plan.rows:
        tokens.intake(name), tokens.training(name)
    for name in plan.data:
        tokens.data(name)


def test_the_code_of_a_family_is_no_code_of_a_record(recorded):
    modules = json.loads(Path("results/small/records/record.json").read_bytes())["modules"]
    assert "assay.artifacts.record" in modules
    assert not [name for name in modules if name.startswith(("assay.families", "assay.data"))]


def test_siblings_are_compared_by_the_settings_that_differ(recorded):
    assert recorded.assay("make", "big", "record").code == 0
    table = recorded.assay("compare").out.splitlines()
    assert table[0].split() == ["gat", "on", "can", "big", "small"]
    assert [line.split() for line in table[1:]] == [["training.lr", "-", "0.01"]]
    (found,) = json.loads(recorded.assay("compare", "--json").out)
    assert found["values"] == {"big": None, "small": 0.01}


def test_a_checkpoint_without_a_record_is_named_and_left_out(recorded):
    run = recorded.assay("compare")
    assert (run.code, run.out) == (0, "")
    assert "no record yet: big" in run.err


LISTENERS: list = []
sys.addaudithook(lambda event, arguments: [hear(event, arguments) for hear in LISTENERS] and None)
