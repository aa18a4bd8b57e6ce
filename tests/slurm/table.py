"""Every fault on a real Slurm, and the table of what came of it: python tests/slurm/table.py [FAULT ...]."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab import Lab
from slurm import faults, preemptions, preflights
from slurm.campaigns import campaign, cancelled_campaign
from slurm.clusters import Cluster, missing_packages, new_cluster
from slurm.study import Study, new_template, study_of

AT_ONCE = 4
SACCT = ("--slurm-status-command", "sacct")
SQUEUE: tuple[str, ...] = ()  # the profile as it is shipped


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, the cluster that it happens on, and what is asked for the state of jobs."""

    fault: Callable[[Study], str]
    cluster: str
    status: tuple[str, ...] = SQUEUE

    @property
    def name(self) -> str:
        return self.fault.__name__.replace("_", " ") + (", sacct" if self.status else "")


CLUSTERS = {
    "accounting": {"ACCT": "dbd"},
    "bare": {"ACCT": "none", "ENFORCE": "NO"},
    "small": {"ACCT": "none", "MAX_JOBS": "20", "MIN_JOB_AGE": "5"},
    "outage": {"ACCT": "dbd"},
}
ON_BOTH = (
    faults.time_limit,
    faults.node_crash,
    preemptions.preemption,
    preemptions.preemption_with_grace_time,
    faults.out_of_memory,
    faults.scancel,
)
ROWS = [  # the longest first
    Row(campaign, "accounting"),
    Row(faults.whole_workflow, "accounting"),
    Row(faults.group, "accounting"),
    *(Row(fault, "accounting", status) for fault in ON_BOTH for status in (SQUEUE, SACCT)),
    Row(preemptions.preemption_as_it_starts, "accounting"),
    Row(preemptions.done_after_its_grace_time, "accounting"),
    Row(preemptions.done_after_its_grace_time, "accounting", SACCT),
    Row(faults.queue_limit, "small"),
    Row(cancelled_campaign, "bare"),
    Row(faults.killed, "accounting"),
    Row(faults.interrupted, "accounting"),
    Row(faults.gpu, "accounting"),
    Row(faults.one_job_each, "accounting"),
    Row(faults.never_fits, "accounting"),
    Row(faults.never_fits, "bare"),
    Row(faults.scancel, "bare", SACCT),
    Row(faults.nothing, "bare", SACCT),
    Row(faults.controller_down, "outage"),
    Row(preflights.preflight_of_a_good_cluster, "accounting"),
    Row(preflights.preflight_of_a_bad_one, "small"),
]


def main(wanted: list[str]) -> int:
    """Print the table; 0 where every row is right, 2 where Slurm cannot be started here."""
    if refusal := reason_against():
        print(f"make test-slurm: {refusal}", file=sys.stderr)
        return 2
    rows = [row for row in ROWS if not wanted or row.fault.__name__ in wanted]
    clusters: dict[str, Cluster] = {}
    started = time.monotonic()
    print("| fault | cluster | outcome | seconds | artifacts right |\n|---|---|---|---|---|")
    try:
        for name in sorted({row.cluster for row in rows}):
            clusters[name] = new_cluster(**CLUSTERS[name])
        right = judged(rows, clusters)
    finally:
        for cluster in clusters.values():
            cluster.down()
    up = max(cluster.up_seconds for cluster in clusters.values())
    print(
        f"{sum(right)} of {len(rows)} rows right in {time.monotonic() - started:.0f} s; a cluster up in {up:.1f} s"
    )
    return 0 if all(right) else 1


def reason_against() -> str:
    """Why no Slurm can be started here; empty where one can."""
    if missing := missing_packages():
        return f"Slurm is not installed: apt-get install {' '.join(missing)}"
    return "" if os.getuid() == 0 else "Slurm's daemons are started as root: run it in a container."


def judged(rows: list[Row], clusters: dict[str, Cluster]) -> list[bool]:
    """Whether each row is right; some are done at once."""
    with (
        tempfile.TemporaryDirectory(prefix="assay-slurm-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        template = new_template(Path(folder) / "template")
        return list(pool.map(partial(is_right, clusters, template), rows))


def is_right(clusters: dict[str, Cluster], template: Lab, row: Row) -> bool:
    """Do one fault to a copy of the study; prints its row, and all logs where it is wrong."""
    folder = template.folder.with_name(f"{row.cluster}-{row.name}".replace(" ", "-").replace(",", ""))
    study = study_of(template, folder, clusters[row.cluster], row.status)
    started = time.monotonic()
    try:
        outcome, right = row.fault(study), True
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        outcome, right = f"WRONG: {error}", False
        print(study.told(), file=sys.stderr, flush=True)
    finally:
        study.stop()
    seconds = time.monotonic() - started
    cells = (row.name, row.cluster, outcome, f"{seconds:.0f}", "yes" if right else "NO")
    print(f"| {' | '.join(cells)} |", flush=True)
    return right


if __name__ == "__main__":
    os.environ.pop("SNAKEMAKE_PROFILE", None)
    sys.exit(main(sys.argv[1:]))
