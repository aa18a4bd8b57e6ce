"""How the Slurm jobs of a run stand: squeue and sacct, the one where the other knows nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from assay.cluster.commands import answer

Tool = Literal["squeue", "sacct"]


@dataclass(frozen=True, slots=True)
class Standing:
    """One job as Slurm tells it."""

    state: str  # PENDING, RUNNING, CANCELLED, ...
    reason: str = ""  # why it waits
    preempted: bool = False  # its grace time began; told by `second_look` alone


@dataclass(frozen=True, slots=True)
class Look:
    """What Slurm said of the jobs of a run."""

    jobs: Mapping[str, Standing]
    squeue_answered: bool  # so a job that it does not name is neither waiting nor running
    error: str = ""  # of a tool that did not answer


def look(run: str, wanted: Collection[str], first: Tool) -> Look:
    """The jobs of the run `run`: from `first`, and those that it does not know from the other tool."""
    jobs: dict[str, Standing] = {}
    answered, errors = False, []
    for tool in ("squeue", "sacct") if first == "squeue" else ("sacct", "squeue"):
        if set(wanted) <= jobs.keys():
            break
        said = answer([*_COMMANDS[tool], run])
        if said.error:
            errors.append(f"{tool}: {said.error}")
            continue
        answered = answered or tool == "squeue"
        jobs = standings(said.out) | jobs
    return Look(jobs, answered, "; ".join(errors))


def second_look(job: str) -> Standing | None:
    """A job as squeue knows it now, and whether it was being preempted; None where squeue does not know it."""
    said = answer(["squeue", "--noheader", "--states=all", f"--jobs={job}", "--Format=State,PreemptTime"])
    state, *since = said.out.split() or [""]
    return Standing(state, preempted=since != ["N/A"]) if since and not said.error else None


def queued(run: str) -> set[str] | None:
    """The jobs of a run that wait, run or have just ended; None where squeue does not answer."""
    said = answer([*_COMMANDS["squeue"], run])
    return None if said.error else set(standings(said.out))


def standings(text: str) -> dict[str, Standing]:
    """Job -> standing, of lines `job|state|reason`; "CANCELLED by 0" is CANCELLED."""
    found = {}
    for line in text.splitlines():
        job, _, rest = line.partition("|")
        state, _, reason = rest.partition("|")
        if job.strip() and state.strip():
            found[job.strip()] = Standing(state.split()[0].rstrip("+"), reason.strip())
    return found


_COMMANDS = {  # the name of the run follows
    "squeue": ("squeue", "--noheader", "--states=all", "--format=%i|%T|%r", "--name"),
    "sacct": ("sacct", "-X", "-n", "-P", "--format=JobIDRaw,State", "--starttime=now-30days", "--name"),
}
