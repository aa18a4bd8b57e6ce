"""A job makes room for an urgent one, with or without a grace time: Slurm requeues it, or the run has it do so."""

import re
import time

from slurm.clusters import wait_for
from slurm.outcomes import made
from slurm.study import Study


def preemption(study: Study) -> str:
    return _preempted(study, "preempt", "p1")


def preemption_with_grace_time(study: Study) -> str:
    return _preempted(study, "preempt_grace", "q1")


def preemption_as_it_starts(study: Study) -> str:
    study.snakemake("--default-resources", "slurm_partition=preempt_grace")
    wait_for("a job that runs", lambda: [job for job in study.jobs() if job.state == "RUNNING"])
    study.urgent("q1")
    _requeued(study)
    return f"{_who_requeued(study)}, no retry spent"


def done_after_its_grace_time(study: Study) -> str:
    study.hold()
    study.snakemake("--default-resources", "slurm_partition=preempt_grace")
    job = study.holding()
    study.urgent("q1")
    wait_for("the end of its grace time", lambda: time.strftime("%FT%T") > study.asked(job, "EndTime")[0])
    study.release()
    _requeued(study)
    return f"{_who_requeued(study)}, no retry spent"


def _preempted(study: Study, partition: str, node: str) -> str:
    study.hold()
    study.snakemake("--default-resources", f"slurm_partition={partition}")
    study.holding()
    study.urgent(node)
    _requeued(study)
    assert len(study.starts()) > 1, study.journal()
    return f"{_who_requeued(study)}, no retry spent"


def _requeued(study: Study) -> None:
    """The one job of the run is done, after it was requeued, with the minutes it had."""
    made(study)
    jobs = study.jobs()
    assert [job.minutes for job in jobs] == ["10:00"], jobs
    assert study.asked(jobs[0].id, "RestartCnt") != ["0"], "it was never requeued"


def _who_requeued(study: Study) -> str:
    ended = re.search(r"which Slurm calls (\w+); requeued", study.text())
    return f"Slurm called it {ended[1]}; requeued by the run" if ended else "requeued by Slurm"
