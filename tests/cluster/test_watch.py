"""squeue and sacct: what they print, and which one is asked."""

import os

import pytest

from assay.cluster.watch import Standing, look, queued, second_look, standings


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Puts stand-ins for squeue and sacct first on PATH; each counts its calls."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def install(**scripts):
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\necho >> {tmp_path}/{name}.calls\n{script}\n")
            (tmp_path / name).chmod(0o755)

    install.calls = lambda name: (tmp_path / f"{name}.calls").exists()
    return install


def test_who_cancelled_is_no_part_of_the_state():
    assert standings("7|CANCELLED by 0\n8|CANCELLED+|None\n") == {
        "7": Standing("CANCELLED"),
        "8": Standing("CANCELLED", "None"),
    }


def test_lines_that_name_no_job_are_none():
    assert standings("\nslurm_load_jobs error\n|RUNNING|\n") == {}


def test_sacct_is_not_asked_where_squeue_knows_all(tools):
    tools(squeue="echo '7|RUNNING|None'", sacct="echo '7|FAILED'")
    assert look("run", ["7"], "squeue").jobs == {"7": Standing("RUNNING", "None")}
    assert not tools.calls("sacct")


def test_the_other_tool_tells_of_the_jobs_that_the_first_does_not_know(tools):
    tools(squeue="echo '7|RUNNING|None'", sacct="echo '7|PENDING'; echo '8|COMPLETED'")
    assert look("run", ["7", "8"], "squeue").jobs == {
        "7": Standing("RUNNING", "None"),
        "8": Standing("COMPLETED"),
    }


def test_sacct_first_is_overruled_by_nothing(tools):
    tools(squeue="echo '7|RUNNING|None'", sacct="echo '7|COMPLETED'")
    seen = look("run", ["7"], "sacct")
    assert (seen.jobs, seen.squeue_answered) == ({"7": Standing("COMPLETED")}, False)


def test_a_site_without_accounting_is_told_by_squeue_alone(tools):
    tools(squeue="echo '7|COMPLETED|None'", sacct="echo 'Slurm accounting storage is disabled' >&2; exit 1")
    seen = look("run", ["7"], "sacct")
    assert (seen.jobs, seen.squeue_answered) == ({"7": Standing("COMPLETED", "None")}, True)


def test_a_controller_that_is_away_is_no_end_of_any_job(tools):
    away = "echo 'Unable to contact slurm controller (connect failure)' >&2; exit 1"
    tools(squeue=away, sacct=away)
    seen = look("run", ["7"], "squeue")
    assert (seen.jobs, seen.squeue_answered) == ({}, False)
    assert "squeue: Unable to contact slurm controller" in seen.error
    assert queued("run") is None


def test_the_jobs_in_the_queue_are_those_that_squeue_names(tools):
    tools(squeue="echo '7|RUNNING|None'; echo '8|COMPLETED|None'")
    assert queued("run") == {"7", "8"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("TIMEOUT             2026-11-22T04:08:21 ", Standing("TIMEOUT", preempted=True)),
        ("FAILED              N/A                 ", Standing("FAILED")),
        ("", None),
    ],
)
def test_a_second_look_tells_a_preemption_by_its_time(tools, said, expected):
    tools(squeue=f"echo '{said}'")
    assert second_look("7") == expected


def test_a_second_look_that_fails_tells_nothing(tools):
    tools(squeue="echo 'TIMEOUT 2026-11-22T04:08:21'; exit 1")
    assert second_look("7") is None
