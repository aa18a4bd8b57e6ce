"""Who makes a target: the process that says so in its owner file, and whether it may still run."""

import os
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from assay.errors import Refused
from assay.files import compact_json, parse_json

SQUEUE_SECONDS = 30
RESTARTS = (
    "ASSAY_SLURM_RESTARTS"  # of this job; cluster/grace.py sets it where Snakemake's plugin drops Slurm's own
)
DEAD = (
    "Z",
    "X",
)  # of /proc/<pid>/stat: ended, and not yet waited for, as in containers whose first process never does
# States in which no process of a job runs. A job that is pending has ended before, since it wrote an owner file.
ENDED = frozenset(
    {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PENDING"}
    | {"PREEMPTED", "REVOKED", "TIMEOUT"}
)


@dataclass(frozen=True, slots=True)
class Owner:
    """One attempt to make a target, and the process that makes it."""

    attempt: str
    host: str
    machine: str  # its installation, as hosts may share a name
    boot: str
    namespace: str  # of process ids: containers of one host each have their own
    pid: int
    born: str  # in clock ticks since the boot, since ids are used again
    slurm_job: str
    slurm_restart: str
    since: str

    @classmethod
    def here(cls, attempt: str) -> "Owner":
        """This process."""
        return cls(
            attempt,
            *_host(),
            pid=os.getpid(),
            born=_born(os.getpid()),
            slurm_job=os.environ.get("SLURM_JOB_ID", ""),
            slurm_restart=os.environ.get(RESTARTS) or os.environ.get("SLURM_RESTART_COUNT", ""),
            since=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )

    @classmethod
    def read(cls, path: Path) -> "Owner | None":
        """The owner that a file names; None where there is no file.

        A file that cannot be read (it is torn only by a power cut) names an owner of whom nothing is known.
        """
        try:
            return cls(**parse_json(path.read_bytes(), path))
        except FileNotFoundError:
            return None
        except (Refused, TypeError):
            return cls("", f"a process that {path} does not name", "", "", "", 0, "", "", "", "")

    def write(self, path: Path) -> None:
        """Make the file `path`, which must not be there."""
        with path.open("x") as file:
            file.write(compact_json(asdict(self)))

    def may_run(self) -> bool:
        """Whether the process may still run: what is not known counts as running."""
        here = Owner.here("")
        if (self.host, self.machine) == (here.host, here.machine):
            if self.boot != here.boot:
                return False
            if self.namespace == here.namespace:
                return _runs(self.pid, self.born)
        if not self.slurm_job:
            return True
        if self.slurm_job == here.slurm_job and os.environ.get("SLURM_JOB_NUM_NODES", "1") == "1":
            # a job of one node that is elsewhere now was requeued, as was one that counts another restart
            return (self.host, self.slurm_restart) == (here.host, here.slurm_restart)
        return _slurm_job_may_run(self.slurm_job, self.slurm_restart)

    def __str__(self) -> str:
        job = f"Slurm job {self.slurm_job}, " if self.slurm_job else ""
        return f"{job}process {self.pid} on {self.host}, since {self.since}" if self.pid else self.host


class _Host(NamedTuple):
    host: str
    machine: str
    boot: str
    namespace: str


@cache
def _host() -> _Host:
    return _Host(
        socket.gethostname(),
        _text("/etc/machine-id"),
        _text("/proc/sys/kernel/random/boot_id"),
        _link("/proc/self/ns/pid"),
    )


def _runs(pid: int, born: str) -> bool:
    """Whether the process that was born then runs on this host."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return _born(pid) in (born, "") and _state(pid) not in DEAD


def _born(pid: int) -> str:
    """When a process began, in clock ticks since the boot; empty where the system does not tell."""
    return _stat(pid)[19]


def _state(pid: int) -> str:
    return _stat(pid)[0]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on; empty ones where the system does not tell."""
    return _text(f"/proc/{pid}/stat").rpartition(")")[2].split() or [""] * 20


def _slurm_job_may_run(job: str, restart: str) -> bool:
    """What Slurm says of that run of a job; a Slurm that does not answer says nothing."""
    command = ["squeue", "--noheader", "--states=all", f"--jobs={job}", "--Format=JobID,State,RestartCnt"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SQUEUE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return True
    if done.returncode != 0:
        return "Invalid job id" not in done.stderr
    runs = [fields for line in done.stdout.splitlines() if (fields := line.split())[:1] == [job]]
    return any(
        state not in ENDED and not (restart.isdecimal() and n.isdecimal() and int(n) > int(restart))
        for _, state, n in runs
    )


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
