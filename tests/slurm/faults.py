"""The faults: each is done to a study on a real Slurm, and says what came of it.

A fault, here and in `preemptions`, `preflights` and `campaigns`, returns what it saw, in a few words, and raises
AssertionError where an artifact is missing, wrong or made by two jobs at once, where an error is unclear, or where
anything hangs.
"""

import os
import signal
import time
from dataclasses import replace

from lab import ROOT, new_lab
from slurm.clusters import wait_for
from slurm.outcomes import failed, made
from slurm.study import NAMES, Study, products


def nothing(study: Study) -> str:
    study.snakemake(names=("c0", "c1"))
    made(study, "c0", "c1")
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
    ours, theirs = (
        {path.relative_to(lab.folder): path.read_bytes() for path in products(lab)} for lab in (here, there)
    )
    assert ours == theirs
    return f"{len(ours)} files, their bytes as made without Slurm"


def out_of_memory(study: Study) -> str:
    study.hold()  # until Slurm, which looks once a second, has seen it
    study.lab.configure(options__probe__mib=1300, resources__probe__mem_mb=1200)
    study.snakemake()
    made(study)
    asked = [job.mem for job in study.jobs()]
    assert asked == ["1200M", "2400M"], asked
    return "asked for 1200, then 2400 MB"


def time_limit(study: Study) -> str:
    study.hold()
    study.lab.configure(resources__probe__minutes=1)
    study.snakemake()
    wait_for("a second job", lambda: len(study.jobs()) == 2)
    study.release()
    made(study)
    asked = [job.minutes for job in study.jobs()]
    assert asked == ["1:00", "2:00"], asked
    return "asked for 1, then 2 minutes"


def node_crash(study: Study) -> str:
    study.hold()
    partition = "frail_sacct" if study.arguments else "frail"  # both rows are done at once
    study.snakemake("--default-resources", f"slurm_partition={partition}")
    study.holding()
    node = study.jobs()[0].node
    study.cluster.kill(node)
    made(study)
    study.cluster.start(node)
    assert len(study.jobs()) == 1, study.jobs()
    return "requeued on the other node"


def scancel(study: Study) -> str:
    study.hold()
    study.snakemake()
    study.cluster.ask("scancel", study.holding())
    failed(study, "was cancelled")
    assert len(study.starts()) == 1, "it was tried again"
    return "exit 1, the reason said"


def interrupted(study: Study) -> str:
    study.hold()
    study.snakemake("--config", "seed=42")
    study.holding()
    _signal(study, signal.SIGINT)
    assert study.ended() == 1
    study.check_queue_is_empty()
    study.check_absent("c0")
    study.snakemake()
    made(study)
    return "jobs cancelled; the next run made it"


def killed(study: Study) -> str:
    study.hold()
    study.snakemake()
    study.holding()
    _signal(study, signal.SIGKILL)
    study.ended()
    study.snakemake()
    assert study.ended() == 1
    assert "LockException" in study.text()
    study.snakemake("--unlock")
    assert study.ended() == 0
    study.snakemake()
    log = study.lab.folder / "logs/c0/probe.log"
    wait_for("a second job that waits", lambda: "waiting for its owner" in log.read_text())
    assert [job.state for job in study.jobs()] == ["RUNNING", "RUNNING"]
    study.release()
    made(study)
    assert len(study.starts()) == 1, study.journal()
    return "locked; unlocked, the new job waited for the old one"


def controller_down(study: Study) -> str:
    study.hold()
    study.snakemake("--jobs", "1", names=("c0", "c1"))
    wait_for("a start", lambda: study.starts("c0") or study.starts("c1"))
    study.cluster.kill("slurmctld")
    for name in ("c0", "c1"):
        study.release(name)
    wait_for("an end", lambda: _ended(study, "c0") or _ended(study, "c1"))
    time.sleep(20)  # some looks, which Slurm does not answer
    study.cluster.start("slurmctld")
    made(study, "c0", "c1")
    return "waited; one job sent after it came back"


def gpu(study: Study) -> str:
    study.lab.configure(resources__probe__gpu=1, device="auto")
    study.snakemake("--groups", "probe=light", "--default-resources", "slurm_partition=gpu", names=NAMES[:3])
    made(study, *NAMES[:3])
    assert len(study.jobs()) == 1, study.jobs()
    seen = {start.partition("gpus=")[2] for name in NAMES[:3] for start in study.starts(name)}
    assert len(seen) == 1, seen
    assert seen <= {"0", "1"}, seen
    return "a group of three on one GPU"


def group(study: Study) -> str:
    study.snakemake("--groups", "probe=light", names=tuple(NAMES))
    made(study, *NAMES)
    assert len(study.jobs()) == 1, study.jobs()
    return f"8 artifacts, one sbatch, {study.cpu_seconds() / 8:.1f} CPU-s each"


def one_job_each(study: Study) -> str:
    names = tuple(NAMES[:4])
    study.snakemake(names=names)
    made(study, *names)
    assert len(study.jobs()) == 4, study.jobs()
    return f"4 artifacts, 4 sbatch, {study.cpu_seconds() / 4:.1f} CPU-s each"


def queue_limit(study: Study) -> str:
    held = [study.cluster.ask("sbatch", "--parsable", "--hold", "--wrap", "true").strip() for _ in range(18)]
    study.hold()
    study.snakemake("--jobs", "3", names=NAMES[:3])
    study.told_of("Slurm takes no job now")  # after the two minutes for which sbatch tries by itself
    assert len(study.jobs()) < 3, "the queue was never full"
    study.cluster.ask("scancel", *held)
    for name in NAMES[:3]:
        study.release(name)
    made(study, *NAMES[:3])
    return "waited for room, then sent the rest"


def never_fits(study: Study) -> str:
    study.lab.configure(resources__probe__minutes=100_000)
    study.snakemake()
    failed(study, r"Requested time limit is invalid|it can never start: PartitionTimeLimit")
    return "exit 1, the reason said"


def _ended(study: Study, name: str) -> bool:
    return any(line.startswith("end") for line in study.journal(name))


def _signal(study: Study, number: signal.Signals) -> None:
    assert study.process
    os.kill(study.process.pid, number)
