"""The probe job: what it sees, what it compares, and that it never hangs."""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.comparison import compared
from assay.cluster.preflight.node import MARK, package_digest
from assay.cluster.preflight.probe import probed, srun
from assay.store.records import versions

CPU = Ask("cka", minutes=10, mem_mb=4000)
GPU = Ask("landscape", minutes=120, mem_mb=4000, gpus=1, gpu_kind="a100", account="lab", qos="long")
QUEUED = "exec /bin/sleep 60"


def a_node(**keys: object) -> dict[str, object]:
    """What a probe says of a node that is like this machine."""
    torch = {"version": version("torch"), "cuda": "", "gpus": []}
    return {
        "host": "n1",
        "python": sys.executable,
        "package": "/assay",
        "time": time.time(),
        "in_place": True,
        "versions": versions(),
        "code": package_digest(),
        "nonce": "",
        "torch": torch,
    } | keys


def differences(node: dict[str, object], *, gpu: bool = False) -> list[str]:
    span = (time.time() - 1, time.time())
    return [finding.line for finding in compared("cpu", node, gpu=gpu, span=span)]


def test_a_job_that_sees_what_we_see_has_no_finding_and_leaves_nothing(slurm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    (seen,) = probed({"cpu": CPU}, tmp_path)
    assert seen.findings == ()
    assert (seen.partition, seen.node["versions"]["torch"]) == ("cpu", version("torch"))
    assert seen.node["code"] == package_digest()
    assert sorted(tmp_path.iterdir()) == before


def test_the_job_asks_little_and_takes_this_interpreter(tmp_path):
    command = srun("assay-probe-1", "gpu", GPU, tmp_path)
    words = [
        "--job-name=assay-probe-1",
        "--partition=gpu",
        "--account=lab",
        "--qos=long",
        "--gres=gpu:a100:1",
        "--time=5",
        "--mem=2000",
    ]
    assert set(words) <= set(command)
    assert command[command.index(sys.executable) + 1 :] == [
        "-m",
        "assay.cluster.preflight.node",
        str(tmp_path),
        str(Path.cwd()),
        "gpu",
    ]
    assert not any(
        word.startswith(("--gres", "--account", "--qos"))
        for word in srun("assay-probe-1", "cpu", CPU, tmp_path)
    )


def test_the_job_is_none_of_the_allocation_that_we_are_in(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "5")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    slurm.command("srun", 'echo "job ${SLURM_JOB_ID:-none} conf $SLURM_CONF" >&2; exit 1')
    (seen,) = probed({"cpu": CPU}, tmp_path)
    assert "got job none conf /etc/slurm.conf" in seen.findings[0].line


def test_a_job_that_cannot_start_is_a_problem_with_the_last_words_of_slurm(slurm, tmp_path):
    slurm.command(
        "srun", "echo 'first' >&2; echo 'slurmstepd: error: execve(): /opt/python: No such file' >&2; exit 2"
    )
    (seen,) = probed({"cpu": CPU}, tmp_path)
    (problem,) = seen.findings
    assert not problem.is_warning
    assert "the probe job failed: got slurmstepd: error: execve(): /opt/python: No such file" in problem.line
    assert list(tmp_path.glob(".assay-probe-*")) == []


@pytest.mark.parametrize(("state", "is_warning"), [("PENDING Resources", True), ("RUNNING None", False)])
def test_a_job_that_does_not_answer_is_cancelled_and_told_with_what_squeue_says(
    slurm, tmp_path, state, is_warning
):
    slurm.command("srun", f"echo --name=${{1#--job-name=}} > {tmp_path}/name; {QUEUED}")
    slurm.prints("squeue", f"{state}\n")
    slurm.command("scancel", f"echo $1 > {tmp_path}/cancelled")
    began = time.monotonic()
    (seen,) = probed({"cpu": CPU}, tmp_path, wait_seconds=0.5)
    assert time.monotonic() - began < 10
    (finding,) = seen.findings
    assert finding.is_warning == is_warning
    assert f"the probe job gave no answer: got {state} after 0.5 s" in finding.line
    assert (tmp_path / "cancelled").read_text() == (tmp_path / "name").read_text()


def test_a_job_that_ignores_being_ended_is_killed(slurm, tmp_path, monkeypatch):
    from assay.cluster.preflight import probe

    monkeypatch.setattr(probe, "END_SECONDS", 0.5)
    slurm.command("srun", f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do /bin/sleep 0.1; done")
    probed({"cpu": CPU}, tmp_path, wait_seconds=0.5)
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_jobs_of_all_partitions_wait_together(slurm, tmp_path):
    slurm.command("srun", QUEUED)
    began = time.monotonic()
    assert len(probed({f"p{i}": CPU for i in range(4)}, tmp_path, wait_seconds=1.0)) == 4
    assert time.monotonic() - began < 3


def test_without_srun_there_is_no_probe_and_that_is_a_problem(slurm, tmp_path):
    slurm.without("srun")
    (seen,) = probed({"cpu": CPU}, tmp_path)
    assert "no probe: got no srun on PATH" in seen.findings[0].line


def test_a_node_whose_assay_is_older_is_compared_as_far_as_it_answers(slurm, tmp_path):
    says(slurm, {"host": "n1", "code": "0123", "python": "python", "package": "/old", "time": time.time()})
    (seen,) = probed({"cpu": CPU}, tmp_path)
    assert any("code of assay in /old: got 0123" in finding.line for finding in seen.findings)


def test_a_folder_that_the_node_does_not_share_is_a_problem(slurm, tmp_path):
    says(slurm, a_node(nonce_error="FileNotFoundError: no such folder"))
    (seen,) = probed({"cpu": CPU}, tmp_path)
    assert [finding.line for finding in seen.findings] == [
        f"node n1 of partition cpu: the folder {tmp_path}: got FileNotFoundError: no such folder, needed what was "
        "written here. Put results on a folder that all nodes share."
    ]


def test_what_a_node_writes_must_come_to_be_seen_here(slurm, tmp_path, monkeypatch):
    from assay.cluster.preflight import probe

    monkeypatch.setattr(probe, "VISIBLE_SECONDS", 0.3)
    monkeypatch.setattr(probe.secrets, "token_hex", lambda n: "the nonce")
    says(slurm, a_node(nonce="the nonce"))
    (seen,) = probed({"cpu": CPU}, tmp_path)
    assert "what it wrote to" in seen.findings[0].line
    assert "nothing after 0.3 s" in seen.findings[0].line


def test_another_working_folder_on_the_node_is_a_problem(slurm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    slurm.command(
        "srun", 'while [ $# -gt 0 ]; do case "$1" in --*) shift;; *) break;; esac; done\ncd /; exec "$@"'
    )
    (seen,) = probed({"cpu": CPU}, tmp_path)
    assert [finding.what for finding in seen.findings] == [f"the working folder {tmp_path}"]


def test_a_node_like_this_machine_has_no_difference():
    assert differences(a_node()) == []
    gpus = {"version": version("torch"), "cuda": "13.0", "gpus": ["H100"]}
    assert differences(a_node(torch=gpus), gpu=True) == []


def test_other_code_or_another_version_is_a_problem():
    (line,) = differences(a_node(code="0123"))
    assert f"code of assay in /assay: got 0123, needed {package_digest()}" in line
    (line,) = differences(a_node(versions=versions() | {"torch": "2.0"}))
    assert f"version of torch: got 2.0, needed {version('torch')}. Its Python is {sys.executable}." in line


def test_a_torch_that_cannot_be_imported_is_a_problem():
    (line,) = differences(a_node(torch={}, torch_error="ImportError: libcudart"))
    assert "environment: got ImportError: libcudart" in line


def test_a_gpu_that_torch_does_not_see_is_a_problem_only_where_one_was_asked():
    node = a_node(torch={"version": "2.13.0", "cuda": "13.0", "gpus": []})
    (line,) = differences(node, gpu=True)
    assert "torch sees no GPU in a job that has one: got torch 2.13.0 for CUDA 13.0" in line
    assert differences(node) == []


@pytest.mark.parametrize(("seconds", "n"), [(-4, 0), (4, 0), (-60, 1), (60, 1)])
def test_a_clock_that_differs_is_a_warning(seconds, n):
    lines = differences(a_node(time=time.time() + seconds))
    assert len(lines) == n
    assert all("clock: got" in line for line in lines)


def says(slurm, node: dict[str, object]) -> None:
    """An srun whose node says so, after a prolog of the site."""
    slurm.prints("srun", f"Welcome!\n{MARK}{json.dumps(node)}\n")
