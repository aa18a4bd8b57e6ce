"""Jobs of Slurm, by a stand-in for its commands: what is asked, and how a job stands."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
import yaml
from cluster.preflight.fakes import changed, put_profile

import assay
from assay.artifacts.embeddings import Embeddings
from assay.catalog import ARTIFACTS
from assay.cluster.preflight.asks import DATA, INTAKE
from assay.cluster.verdict import PATIENCE_SECONDS, Judge
from assay.errors import AssayError, ConfigError, Refused


def held(slurm, *artifacts: str, **keys):
    """A submission whose job never starts."""
    slurm.hold()
    return assay.submit("small", *(artifacts or ("embeddings",)), **keys)


def left(sent, exit_code: int, error: str = "") -> None:
    """What a job leaves at its end."""
    (sent.folder / "ended.json").write_text(json.dumps({"exit_code": exit_code, "error": error}))


def log(sent, text: str) -> None:
    sent.job.log.write_text(text)


def test_where_there_is_an_sbatch_a_job_is_slurms_with_the_bytes_of_assay_make(bench, slurm, finished_bench):
    sent = assay.submit("small", "embeddings")
    assert str(sent) == "small embeddings, Slurm job 7: running"
    assert isinstance(sent.load(), Embeddings)
    right = finished_bench.folder / "results/small/embeddings.npz"
    assert sent.files["embeddings"].read_bytes() == right.read_bytes()
    assert json.loads(Path("results/small/records/embeddings.json").read_bytes())["slurm_job"] == "7"


def test_a_job_asks_for_the_time_of_all_that_it_makes_and_the_memory_of_the_largest(bench, slurm):
    held(slurm, "embeddings", "cka")
    minutes = ARTIFACTS["embeddings"].minutes + ARTIFACTS["cka"].minutes
    assert slurm.asked["time"] == str(minutes + 2 * INTAKE["runtime"] + DATA["runtime"])
    assert slurm.asked["mem"] == f"{DATA['mem_mb']}M"


def test_a_job_asks_for_no_input_that_is_made(made, slurm):
    put_profile(made)
    made.configure(resources={"cka": {"minutes": 7, "mem_mb": 3000}})
    held(slurm, "cka", force=True)
    assert (slurm.asked["time"], slurm.asked["mem"]) == ("7", "3000M")


def test_partition_account_and_qos_are_those_of_the_profile(bench, slurm):
    put_profile(
        bench, default_resources={"slurm_partition": "preempt", "slurm_account": "bio"}, slurm_qos="long"
    )
    held(slurm)
    assert [slurm.asked[key] for key in ("partition", "account", "qos")] == ["preempt", "bio", "long"]


def test_without_them_slurms_own_are_taken_and_no_gpu(bench, slurm):
    held(slurm)
    assert not {"partition", "account", "qos", "gres"} & slurm.asked.keys()


def test_a_gpu_of_a_kind_is_asked_for_in_a_declared_partition_that_has_it(bench, slurm):
    bench.configure(device="auto")
    slurm.shows("node", changed("node", {"g1": {"Gres": "gpu:a100:2"}}))
    put_profile(bench, slurm_partition_config="partitions.yaml", default_resources={"gpu_model": "a100"})
    declared = {"gpu": {"max_runtime": 1440, "max_gpu": 2}, "cpu": {"max_runtime": 1440}}
    Path("slurm/partitions.yaml").write_text(yaml.safe_dump({"partitions": declared}, sort_keys=False))
    held(slurm, "landscape")
    assert (slurm.asked["gres"], slurm.asked["partition"]) == ("gpu:a100:1", "gpu")
    held(slurm, "embeddings")
    assert slurm.asked["partition"] == "cpu"


def test_a_job_is_requeued_by_slurm_and_takes_the_cpus_it_asks_for(bench, slurm):
    held(slurm)
    assert "requeue" in slurm.asked
    assert "\ntrap '' TERM USR1 USR2\n" in slurm.sent
    assert "\nexport OMP_NUM_THREADS=1\n" in slurm.sent
    assert "srun" not in slurm.sent


def test_a_job_outlives_the_signals_that_announce_a_preemption(bench, slurm):
    bench.configure(options__landscape__resolution=31)
    sent = assay.submit("small", "landscape")
    owner = Path("results/small/loss_landscape.parquet.owner")
    while not owner.exists():
        time.sleep(0.005)
    for number in (signal.SIGUSR2, signal.SIGUSR1, signal.SIGTERM):
        os.kill(json.loads(owner.read_bytes())["pid"], number)
    assert sent.wait().status == "done"


@pytest.mark.parametrize(
    ("state", "reason", "status"),
    [
        ("PENDING", "Resources", "waiting"),
        ("RUNNING", "None", "running"),
        ("COMPLETING", "None", "running"),
        ("PREEMPTED", "None", "waiting"),
        ("NODE_FAIL", "None", "waiting"),
        ("COMPLETED", "None", "running"),  # its last file is on the way
        ("FAILED", "NonZeroExitCode", "failed"),
        ("CANCELLED", "None", "failed"),
        ("", "", "unknown"),
    ],
)
def test_of_a_job_that_left_nothing_yet_slurm_tells_the_status(bench, slurm, state, reason, status):
    sent = held(slurm)
    slurm.says(state, reason)
    assert sent.status == status


@pytest.mark.parametrize("state", ["PENDING", "FAILED", "CANCELLED", ""])
def test_what_a_job_left_counts_whatever_slurm_says(bench, slurm, state):
    sent = held(slurm)
    slurm.says(state)
    left(sent, 0)
    assert sent.wait().status == "done"
    left(sent, 3, "the file is damaged")
    with pytest.raises(Refused, match=r"^small embeddings: the file is damaged\nSlurm job 7, log: /"):
        sent.wait()


def test_a_slurm_that_does_not_answer_is_no_failure(bench, slurm):
    sent = held(slurm)
    for command in ("squeue", "sacct"):
        slurm.prints(command, "", code=1, error="Unable to contact slurm controller")
    assert sent.status == "unknown"
    with pytest.raises(TimeoutError, match="unknown, after 0 s"):
        sent.wait(0)


@pytest.mark.parametrize(
    ("state", "said", "reason"),
    [
        ("TIMEOUT", "", "out of time, of which it asked 7 minutes. Change resources.cka in the config."),
        (
            "OUT_OF_MEMORY",
            "",
            "out of memory, of which it asked 3000 MB. Change resources.cka in the config.",
        ),
        ("FAILED", "Exceeded job memory limit", "out of memory, of which it asked 3000 MB."),
        ("FAILED", "", "Slurm says FAILED"),
    ],
)
def test_a_job_that_slurm_ended_says_of_what_and_where_to_ask_for_more(made, slurm, state, said, reason):
    put_profile(made)
    made.configure(resources={"cka": {"minutes": 7, "mem_mb": 3000}})
    sent = held(slurm, "cka", force=True)
    log(sent, said)
    slurm.says(state)
    with pytest.raises(AssayError, match=re.escape(f"small cka: {reason}")):
        sent.wait()


def test_a_job_that_can_never_start_is_cancelled_and_failed(bench, slurm):
    sent, times = held(slurm), [0.0]
    object.__setattr__(sent.job, "_judge", Judge(lambda: times[0]))
    slurm.says("PENDING", "PartitionTimeLimit")
    slurm.command("scancel", f"echo $* > {slurm.folder}/cancelled")
    assert sent.status == "waiting"
    times[0] = PATIENCE_SECONDS
    with pytest.raises(AssayError, match="it can never start: PartitionTimeLimit"):
        sent.wait()
    assert (slurm.folder / "cancelled").read_text() == "7\n"


def test_a_preemption_that_slurm_took_for_an_end_is_requeued(bench, slurm):
    sent = held(slurm)
    asked = f"echo $* >> {slurm.folder}/asked"
    slurm.command("scontrol", asked)
    slurm.command(
        "squeue", 'case "$*" in *--Format*) echo FAILED 2026-11-22T04:00:00;; *) echo "7|FAILED|";; esac'
    )
    assert sent.status == "waiting"
    assert (slurm.folder / "asked").read_text() == "requeue 7\n"


@pytest.mark.parametrize(
    ("break_it", "error", "said"),
    [
        (lambda slurm: slurm.without("srun"), ConfigError, "no srun on PATH"),
        (
            lambda slurm: slurm.prints("scontrol", "", code=1, error="no controller"),
            ConfigError,
            "no controller",
        ),
        (
            lambda slurm: slurm.shows("partition", changed("partition", {"cpu": {"MaxTime": "00:05:00"}})),
            ConfigError,
            "minutes of embeddings: got MaxTime of 5, needed 80. Change resources.embeddings in the config",
        ),
        (
            lambda slurm: slurm.prints("sbatch", "", code=1, error="sbatch: error: Invalid account"),
            AssayError,
            "small embeddings: sbatch refuses the job: sbatch: error: Invalid account",
        ),
        (lambda slurm: Path("runs/small.ckpt").unlink(), ConfigError, "there is no file runs/small.ckpt"),
        (lambda slurm: Path("slurm/config.yaml").unlink(), ConfigError, "profile slurm: there is none"),
        (
            lambda slurm: Path("slurm/config.yaml").write_text(
                "set-resources: {embeddings: {runtime: 2 * attempt}}"
            ),
            ConfigError,
            "the runtime of embeddings is an expression",
        ),
    ],
)
def test_what_slurm_cannot_serve_is_refused_and_leaves_nothing(bench, slurm, break_it, error, said):
    break_it(slurm)
    with pytest.raises(error) as raised:
        assay.submit("small", "embeddings", executor="slurm")
    assert said in str(raised.value)
    assert slurm.sent == ""
    assert not list(Path().glob("results/.submissions/*"))
