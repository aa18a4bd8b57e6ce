"""The faults: each is done to a study on a real Slurm, and says what came of it.

A fault returns what it saw, in a few words, and raises AssertionError where an artifact is missing, wrong or made by
two jobs at once, where an error is unclear, or where anything hangs.
"""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace

from lab import ROOT, new_lab
from slurm.clusters import wait_for
from slurm.study import NAMES, Study, products

Fault = Callable[[Study], str]


def nothing(study: Study) -> str:
    study.snakemake(names=("c0", "c1"))
    _made(study, "c0", "c1")
    return f"{len(study.jobs())} jobs"


def whole_workflow(study: Study) -> str:
    here, there = (new_lab(study.lab.folder / name) for name in ("here", "there"))
    (there.folder / "slurm").symlink_to(ROOT / "profiles/slurm")
    remote = replace(study, lab=there)
    remote.snakemake(names=())
    run = here.snakemake()
    assert run.code == 0, run.text
    code = remote.ended()
    assert code == 0, f"exit {code}: {remote.text()[-2000:]}"
    made = {path.relative_to(here.folder): path.read_bytes() for path in products(here)}
    assert made == {path.relative_to(there.folder): path.read_bytes() for path in products(there)}
    return f"{len(made)} files, their bytes as made without Slurm"


def out_of_memory(study: Study) -> str:
    study.lab.configure(options__probe__mib=900, resources__probe__mem_mb=1200)
    study.snakemake()
    _made(study)
    asked = [job.mem for job in study.jobs()]
    assert asked == ["1200M", "2400M"], asked
    return "asked for 1200, then 2400 MB"


def time_limit(study: Study) -> str:
    study.hold(300)
    study.lab.configure(resources__probe__minutes=1)
    study.snakemake()
    _made(study)
    asked = [job.minutes for job in study.jobs()]
    assert asked == ["1:00", "2:00"], asked
    return "asked for 1, then 2 minutes"


def preemption(study: Study) -> str:
    return _preempted(study, "preempt", "p1")


def preemption_with_grace_time(study: Study) -> str:
    return _preempted(study, "preempt_grace", "q1")


def node_crash(study: Study) -> str:
    study.hold(300)
    partition = "frail_sacct" if study.arguments else "frail"  # both rows are done at once
    study.snakemake("--default-resources", f"slurm_partition={partition}")
    study.holding()
    node = study.jobs()[0].node
    study.cluster.kill(node)
    _made(study)
    study.cluster.start(node)
    assert len(study.jobs()) == 1, study.jobs()
    return "requeued on the other node"


def scancel(study: Study) -> str:
    study.hold(300)
    study.snakemake()
    study.cluster.ask("scancel", study.holding())
    _failed(study, "was cancelled", seconds=60)
    assert len(study.starts()) == 1, "it was tried again"
    return "exit 1, the reason said"


def interrupted(study: Study) -> str:
    study.hold(300)
    study.snakemake("--config", "seed=42")
    study.holding()
    _signal(study, signal.SIGINT)
    assert study.ended(60) == 1
    study.check_queue_is_empty()
    study.check_absent("c0")
    study.snakemake()
    _made(study)
    return "jobs cancelled; the next run made it"


def killed(study: Study) -> str:
    study.hold(75)
    study.snakemake()
    study.holding()
    _signal(study, signal.SIGKILL)
    study.ended(10)
    study.snakemake()
    assert study.ended(60) == 1
    assert "LockException" in study.text()
    study.snakemake("--unlock")
    assert study.ended(60) == 0
    study.snakemake()
    wait_for("a second job", lambda: len([job for job in study.jobs() if job.state == "RUNNING"]) == 2)
    _made(study)
    assert len(study.starts()) == 1, study.journal()
    return "locked; unlocked, the new job waited for the old one"


def controller_down(study: Study) -> str:
    study.hold(8)
    study.snakemake("--jobs", "1", names=("c0", "c1"))
    wait_for("a start", lambda: study.starts("c0") or study.starts("c1"), 120)
    study.cluster.kill("slurmctld")
    time.sleep(20)
    study.cluster.start("slurmctld")
    _made(study, "c0", "c1")
    return "waited; one job sent after it came back"


def gpu(study: Study) -> str:
    study.lab.configure(resources__probe__gpu=1, device="auto")
    study.snakemake("--groups", "probe=light", "--default-resources", "slurm_partition=gpu", names=NAMES[:3])
    _made(study, *NAMES[:3])
    assert len(study.jobs()) == 1, study.jobs()
    seen = {start.partition("gpus=")[2] for name in NAMES[:3] for start in study.starts(name)}
    assert len(seen) == 1, seen
    assert seen <= {"0", "1"}, seen
    return "a group of three on one GPU"


def group(study: Study) -> str:
    study.snakemake("--groups", "probe=light", names=tuple(NAMES))
    _made(study, *NAMES)
    assert len(study.jobs()) == 1, study.jobs()
    return f"8 artifacts, one sbatch, {study.cpu_seconds() / 8:.1f} CPU-s each"


def one_job_each(study: Study) -> str:
    names = tuple(NAMES[:4])
    study.snakemake(names=names)
    _made(study, *names)
    assert len(study.jobs()) == 4, study.jobs()
    return f"4 artifacts, 4 sbatch, {study.cpu_seconds() / 4:.1f} CPU-s each"


def queue_limit(study: Study) -> str:
    held = [study.cluster.ask("sbatch", "--parsable", "--hold", "--wrap", "true").strip() for _ in range(18)]
    study.snakemake("--jobs", "3", names=NAMES[:3])
    time.sleep(20)
    assert len(study.jobs()) < 3, "the queue was never full"
    study.cluster.ask("scancel", *held)
    _made(study, *NAMES[:3])
    return "waited for room, then sent the rest"


def never_fits(study: Study) -> str:
    study.lab.configure(resources__probe__minutes=100_000)
    study.snakemake()
    _failed(study, r"Requested time limit is invalid|it can never start: PartitionTimeLimit", seconds=150)
    return "exit 1, the reason said"


def _made(study: Study, *names: str) -> None:
    """The run ends well, with every probe right, made by one job at a time."""
    code = study.ended()
    assert code == 0, f"exit {code}"
    study.check_right(*(names or ("c0",)))
    study.check_one_writer()


def _failed(study: Study, reason: str, *, seconds: float) -> None:
    """The run ends with exit code 1, the reason said, no job and no file left."""
    code = study.ended(seconds)
    assert code == 1, f"exit {code}"
    assert re.search(reason, study.text()), f"{reason!r} not said"
    study.check_queue_is_empty()
    study.check_absent("c0")


def _preempted(study: Study, partition: str, node: str) -> str:
    study.hold(300)
    study.snakemake("--default-resources", f"slurm_partition={partition}")
    study.holding()
    study.cluster.ask(
        "sbatch", "-p", "urgent", "-w", node, "--exclusive", "-o", "/dev/null", "--wrap", "sleep 2"
    )
    _made(study)
    jobs = study.jobs()
    assert len(jobs) == 1, jobs
    assert len(study.starts()) > 1, study.journal()
    return "requeued by Slurm, no retry spent"


def _signal(study: Study, number: signal.Signals) -> None:
    assert study.process
    os.kill(study.process.pid, number)
