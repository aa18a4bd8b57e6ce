"""Who may still run: only what is known to be dead is not."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from assay.store.owner import RESTARTS, Owner

ELSEWHERE = {"host": "elsewhere", "machine": "another", "boot": "its own", "pid": 1}


@pytest.fixture(autouse=True)
def no_job(monkeypatch):
    for name in ("SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SLURM_JOB_NUM_NODES", RESTARTS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """Puts a squeue first on PATH that says and returns what it is told; returns the log of its calls."""

    def put(said: str = "", code: int = 0, error: str = "") -> Path:
        log, script = tmp_path / "log", tmp_path / "squeue"
        (tmp_path / "said").write_text(said)
        script.write_text(
            f'#!/bin/sh\necho "$@" >> {log}\ncat {tmp_path}/said\necho "{error}" >&2\nexit {code}\n'
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return log

    return put


def of_slurm(job: str = "17", restart: str = "") -> Owner:
    return replace(Owner.here("a"), **ELSEWHERE, slurm_job=job, slurm_restart=restart)


def ended_process() -> Owner:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return replace(Owner.here("a"), pid=child)


def test_an_owner_comes_back_from_its_file(tmp_path):
    owner = Owner.here("a1b2")
    owner.write(tmp_path / "owner")
    assert Owner.read(tmp_path / "owner") == owner
    assert Owner.read(tmp_path / "none") is None


def test_this_process_runs():
    assert Owner.here("a").may_run()


def test_a_process_that_ended_does_not_run():
    assert not ended_process().may_run()


def test_a_process_that_nobody_waits_for_has_ended_all_the_same():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    born = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[19]
    assert not replace(Owner.here("a"), pid=child, born=born).may_run()
    os.waitpid(child, 0)


def test_a_process_whose_id_was_used_again_does_not_run():
    assert not replace(Owner.here("a"), born="1").may_run()


def test_a_process_from_before_the_boot_does_not_run():
    assert not replace(Owner.here("a"), boot="earlier").may_run()


@pytest.mark.parametrize("unknown", [{"host": "elsewhere"}, {"machine": "another"}, {"namespace": "pid:[1]"}])
def test_a_process_that_cannot_be_seen_from_here_may_run(unknown):
    assert replace(ended_process(), **unknown).may_run()


def test_another_users_process_runs(monkeypatch):
    def refused(pid, number):
        raise PermissionError

    monkeypatch.setattr(os, "kill", refused)
    assert Owner.here("a").may_run()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("17  RUNNING  0\n", True),
        ("17  COMPLETING  0\n", True),
        ("17  SUSPENDED  0\n", True),
        ("17  SOMETHING_NEW  0\n", True),
        ("17  PENDING  1\n", False),
        ("17  COMPLETED  0\n", False),
        ("17  TIMEOUT  0\n", False),
        ("", False),
        ("18  RUNNING  0\n", False),
        ("18  RUNNING  0\n17  RUNNING  0\n", True),
    ],
)
def test_a_job_of_slurm_runs_where_squeue_says_so(squeue, said, expected):
    log = squeue(said)
    assert of_slurm().may_run() is expected
    assert "--jobs=17" in log.read_text()


def test_an_earlier_run_of_a_requeued_job_does_not_run(squeue):
    squeue("17  RUNNING  2\n")
    assert not of_slurm(restart="1").may_run()
    assert of_slurm(restart="2").may_run()
    assert of_slurm(restart="").may_run()


def test_a_job_that_slurm_has_forgotten_does_not_run(squeue):
    squeue(code=1, error="slurm_load_jobs error: Invalid job id specified")
    assert not of_slurm().may_run()


def test_a_slurm_that_does_not_answer_is_not_death(squeue):
    squeue(code=1, error="slurm_load_jobs error: Unable to contact slurm controller")
    assert of_slurm().may_run()


def test_a_slurm_that_hangs_is_not_death(monkeypatch):
    def hang(command, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(subprocess, "run", hang)
    assert of_slurm().may_run()


def test_without_a_squeue_a_job_of_slurm_may_run(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert of_slurm().may_run()


def test_slurm_is_asked_of_jobs_of_slurm_alone(squeue, monkeypatch):
    log = squeue()
    monkeypatch.setenv("SLURM_JOB_ID", "18")
    ended_process().may_run()
    replace(Owner.here("a"), **ELSEWHERE, slurm_job="").may_run()
    replace(Owner.here("a"), slurm_job="17").may_run()
    assert not log.exists()


def test_an_earlier_run_of_this_very_job_on_another_node_does_not_run(monkeypatch, squeue):
    squeue("17  RUNNING  0\n")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert not of_slurm().may_run()
    monkeypatch.setenv("SLURM_JOB_NUM_NODES", "2")
    assert of_slurm().may_run()


@pytest.mark.parametrize("name", ["SLURM_RESTART_COUNT", RESTARTS])
def test_an_earlier_run_of_this_very_job_in_a_container_of_the_same_name_does_not_run(
    monkeypatch, squeue, name
):
    squeue("17  RUNNING  1\n")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv(name, "0")
    earlier = replace(Owner.here("a"), namespace="pid:[1]")
    assert earlier.may_run()
    monkeypatch.setenv(name, "1")
    assert not earlier.may_run()


def test_a_job_under_snakemake_knows_its_restarts_though_slurms_variable_is_gone(monkeypatch):
    monkeypatch.setenv(RESTARTS, "2")
    assert Owner.here("a").slurm_restart == "2"
