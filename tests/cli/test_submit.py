"""`assay submit`: what it prints, and its exit codes."""

import json
import time
from pathlib import Path

import pytest
from cli.bench import save_checkpoint

pytestmark = pytest.mark.filterwarnings(
    "ignore:subprocess .* is still running:ResourceWarning"
)  # it is meant to


@pytest.fixture
def no_slurm(monkeypatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def test_without_an_sbatch_a_process_makes_it_that_outlives_the_command(bench, no_slurm):
    run = bench.assay("submit", "small", "embeddings")
    assert (run.code, run.out) == (0, "results/small/embeddings.npz\n")
    assert run.err.startswith("small embeddings: process ")
    log = Path(run.err.strip().partition(", log: ")[2])
    assert log.is_relative_to(bench.folder / "results/.submissions")
    while not (log.parent / "ended.json").exists():
        time.sleep(0.1)
    assert bench.assay("why", "small", "embeddings").out == "results/small/embeddings.npz: done\n"


def test_debug_makes_it_in_this_process_with_its_options(made):
    run = made.assay("submit", "small", "cka", "--set", "max_samples=9", "--executor", "debug")
    assert (run.code, run.out) == (0, "results/small/cka.json\n")
    assert json.loads(Path("results/small/records/cka.json").read_bytes())["options"]["max_samples"] == 9


def test_what_is_done_is_not_sent(made, no_slurm):
    run = made.assay("submit", "small", "cka")
    assert (run.code, run.out) == (0, "results/small/cka.json\n")
    assert run.err == "small cka: done, nothing changed\n"


def test_who_waits_gets_the_exit_code_and_the_reason_of_assay_make(bench):
    Path("runs/small.ckpt").write_text("<html>")
    by_hand = bench.assay("make", "small", "embeddings")
    run = bench.assay("submit", "small", "embeddings", "--executor", "local", "--wait")
    assert (run.code, run.out) == (by_hand.code, "") == (3, "")
    assert by_hand.err.strip() in run.err


def test_debug_ends_with_the_exit_code_of_a_job_that_failed(bench):
    save_checkpoint(Path("runs/small.ckpt"), in_channels=6)
    run = bench.assay("submit", "small", "evaluation", "--executor", "debug")
    assert (run.code, run.out) == (1, "")
    assert run.err.splitlines()[-1].startswith("small evaluation: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--executor slurm", "no sbatch, squeue, scontrol, srun on PATH"),
        ("--executor x", "executor 'x' is unknown"),
    ],
)
def test_what_cannot_be_sent_is_exit_2(bench, no_slurm, words, said):
    run = bench.assay("submit", "small", "embeddings", *words.split())
    assert run.code == 2
    assert said in run.err


def test_the_config_of_assay_itself_reaches_it(bench):
    run = bench.assay("--config", "none.yaml", "submit", "small", "cka", "--executor", "debug")
    assert run.code == 2
    assert "none.yaml" in run.err
