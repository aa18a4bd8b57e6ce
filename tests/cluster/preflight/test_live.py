"""Jobs that live on the same targets, and a results folder that cannot be written."""

import json
import os
import socket
from dataclasses import asdict
from pathlib import Path

import pytest

from assay.cluster.preflight.folder import folder_findings, nearest
from assay.cluster.preflight.listing import Listing
from assay.cluster.preflight.live import live_findings
from assay.plan import requests
from assay.store.owner import Owner


def found(bench):
    plan = bench.plan()
    return list(live_findings(plan, requests(plan), Listing()))


def put_owner(target: str, text: str) -> None:
    path = Path(f"{target}.owner")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def owner(**keys: object) -> str:
    """This process, or with other keys."""
    return json.dumps(asdict(Owner.here("x")) | keys)


def test_an_idle_folder_has_no_finding(bench, slurm):
    assert found(bench) == []


@pytest.mark.parametrize(
    "target", ["results/small/cka.json", "results/small/intake.json", "results/data/can/data.json"]
)
def test_a_live_process_on_a_target_is_a_problem(bench, slurm, target):
    put_owner(target, owner())
    (problem,) = found(bench)
    assert (
        f"{target}: is being made: got process {os.getpid()} on {socket.gethostname()}, since" in problem.line
    )
    assert f"remove {target}.owner" in problem.line


def test_a_dead_process_is_no_owner(bench, slurm):
    put_owner("results/small/cka.json", owner(born="1"))
    assert found(bench) == []


def test_an_owner_elsewhere_is_asked_of_slurm(bench, slurm):
    put_owner("results/small/cka.json", owner(host="n1", machine="m", slurm_job="77"))
    slurm.prints("squeue", "77 RUNNING 0\n")
    (problem,) = found(bench)
    assert "got Slurm job 77, process" in problem.line
    slurm.prints("squeue", "", code=1, error="slurm_load_jobs error: Invalid job id specified")
    assert found(bench) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"pid": null}'])
def test_a_torn_owner_file_counts_as_alive(bench, slurm, text):
    put_owner("results/small/cka.json", text)
    (problem,) = found(bench)
    assert "a process that results/small/cka.json.owner does not name" in problem.line


def test_a_lock_of_snakemake_is_a_problem(bench, slurm):
    locks = Path(".snakemake/locks")
    locks.mkdir(parents=True)
    assert found(bench) == []
    (locks / "0.input.lock").write_text("x")
    (problem,) = found(bench)
    assert "snakemake --unlock" in problem.line


def test_jobs_that_an_earlier_run_left_in_this_folder_are_problems(bench, slurm, tmp_path):
    rows = [
        f"25|RUNNING|{bench.folder}|rule_cka_wildcards_small|x",
        f"26|RUNNING|{tmp_path}|rule_cka_wildcards_small",
        f"27|RUNNING|{bench.folder}|(null)",
    ]
    slurm.prints("squeue", "\n".join(rows) + "\n")
    (problem,) = found(bench)
    assert problem.line == (
        "Slurm job 25: works in this folder already: got rule_cka_wildcards_small|x RUNNING, needed no job of an "
        "earlier run. Wait for it, or: scancel 25."
    )


def test_the_nearest_folder_is_the_one_above_that_is_there(tmp_path):
    assert nearest(str(tmp_path / "a" / "b")) == tmp_path
    assert list(folder_findings(str(tmp_path / "a" / "b"))) == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_a_problem():
    (problem,) = folder_findings("/sys/assay")
    assert problem.line.startswith("/sys/assay: results cannot be written: got /sys: ")
