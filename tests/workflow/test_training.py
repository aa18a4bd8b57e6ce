"""A real Snakemake reads run folders again when, and only when, their content changed; only the record follows."""

import os

import pytest
from lab import Lab, new_lab

METRICS = "epoch,step,train_loss,val_loss\n0,9,0.5,0.6\n1,19,0.25,0.4\n"
RECORD = "results/small/record/info.json"


@pytest.fixture
def recorded(tmp_path) -> Lab:
    """The record and the embeddings of a checkpoint are made."""
    lab = new_lab(tmp_path / "lab")
    (lab.folder / "runs/metrics.csv").write_text(METRICS)
    lab.configure(artifacts={"record": True, "embeddings": True, **dict.fromkeys(OTHERS, False)})
    run = lab.snakemake(*TARGETS)
    assert run.code == 0, run.text
    assert lab.planned(*TARGETS) == {}
    return lab


OTHERS = ("attention_weights", "cka", "landscape", "evaluation")
TARGETS = (RECORD, "results/small/embeddings.npz")


def test_only_the_record_follows_the_metrics_and_a_touch_changes_nothing(recorded):
    metrics = recorded.folder / "runs/metrics.csv"
    os.utime(metrics, (1, 1))
    assert recorded.planned(*TARGETS) == {}
    metrics.write_text(METRICS + "2,29,0.2,0.3\n")
    assert recorded.planned(*TARGETS) == {"training": 1, "record": 1}
    run = recorded.snakemake(*TARGETS)
    assert run.code == 0, run.text
    assert '"n": 3' in (recorded.folder / "results/small/record/results.json").read_text()
    assert recorded.planned(*TARGETS) == {}


def test_a_deleted_file_of_the_record_makes_the_record_alone(recorded):
    (recorded.folder / "results/small/record/configs.json").unlink()
    (recorded.folder / RECORD).unlink()
    assert recorded.planned(*TARGETS) == {"record": 1}


def test_a_changed_source_is_named_where_snakemake_may_not_see_it(recorded):
    (recorded.folder / "runs/metrics.csv").write_text("epoch,loss\n0,1\n")
    said = recorded.snakemake("-n", *TARGETS).err
    assert "results/small/training.json: its source changed." in said
