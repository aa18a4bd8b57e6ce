"""What becomes of a job that stands so: it is done, it goes on, or it failed for a reason."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from assay.cluster.watch import Look, Standing
from assay.shortage import Kind

PATIENCE_SECONDS = 60  # with what Slurm repairs by itself, and with what may be a slip of its books

FAILED = {
    "BOOT_FAIL",
    "CANCELLED",
    "DEADLINE",
    "FAILED",
    "LAUNCH_FAILED",
    "OUT_OF_MEMORY",
    "REVOKED",
    "TIMEOUT",
}
REQUEUED = {"NODE_FAIL", "PREEMPTED"}  # until Slurm puts the job back into the queue
NEVER = re.compile(  # reasons to wait that no other job's end removes
    r"PerJob(Limit)?$|^Partition(Config|TimeLimit|NodeLimit)$|^BadConstraints$|NotAllowed$|^Invalid(Account|QOS)$"
    r"|^JobHoldMaxRequeue$|^launch.failed|^DependencyNeverSatisfied$"
)
OUT_OF_MEMORY = re.compile(r"oom[-_ ]kill|OverMemoryKill|exceeded (job )?memory limit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell Snakemake of a job."""

    ended: bool = False
    why: str = ""  # it failed; empty where it did not
    lacks: Kind | None = None  # a retry asks for more of it
    may_retry: bool = True
    to_cancel: bool = False
    to_requeue: bool = False  # it failed only where Slurm does not do so


GOES_ON = Verdict()
DONE = Verdict(ended=True)


class Judge:
    """Judges the jobs of one run, look by look; remembers since when a job looks stuck or lost."""

    def __init__(self, clock: Callable[[], float] = monotonic):
        self._clock = clock
        self._odd: dict[str, tuple[str, float]] = {}  # job -> what is odd, since when

    def verdict(
        self, job: str, look: Look, log_tail: Callable[[], str], again: Callable[[], Standing | None]
    ) -> Verdict:
        """What becomes of a job.

        `log_tail` reads the end of its log, which tells a lack of memory; `again` is a second look at it, which
        tells a preemption.
        """
        standing = look.jobs.get(job)
        if standing and standing.state == "COMPLETED":
            return DONE
        if standing and standing.state in FAILED:
            return _failure(standing, log_tail(), again)
        if not standing and not look.squeue_answered:
            return GOES_ON
        return _given_up(standing) if self._lasts(job, _oddity(standing)) else GOES_ON

    def _lasts(self, job: str, oddity: str) -> bool:
        """Whether this has been odd about the job in every look for too long."""
        now = self._clock()
        if self._odd.get(job, ("", now))[0] != oddity:
            self._odd[job] = (oddity, now)
        return bool(oddity) and now - self._odd.setdefault(job, (oddity, now))[1] >= PATIENCE_SECONDS


def _oddity(standing: Standing | None) -> str:
    """What should not last of a job that has not ended; empty where all is well."""
    if standing is None:
        return "lost"
    if standing.state in REQUEUED:
        return standing.state
    return standing.reason if standing.state == "PENDING" and NEVER.search(standing.reason) else ""


def _given_up(standing: Standing | None) -> Verdict:
    if standing is None:
        return Verdict(True, "neither squeue nor sacct knows it any more")
    if standing.state in REQUEUED:
        return Verdict(True, f"{standing.state}, and Slurm does not requeue it")
    return Verdict(True, f"it can never start: {standing.reason}", may_retry=False, to_cancel=True)


def _failure(standing: Standing, log_tail: str, again: Callable[[], Standing | None]) -> Verdict:
    if standing.state == "OUT_OF_MEMORY" or OUT_OF_MEMORY.search(log_tail):
        return Verdict(True, "out of memory; a retry asks for twice as much", lacks="mem_mb")
    if standing.state == "CANCELLED":
        return Verdict(True, "it was cancelled (scancel), so this run leaves it", may_retry=False)
    if (now := again()) and now.state not in FAILED:
        return GOES_ON  # it was requeued, of which sacct has not heard
    if now and now.preempted and standing.state in ("FAILED", "TIMEOUT"):
        return Verdict(True, f"it was preempted, which Slurm calls {standing.state}", to_requeue=True)
    if standing.state == "TIMEOUT":
        return Verdict(True, "out of time; a retry asks for twice as much", lacks="runtime")
    return Verdict(True, f"Slurm says {standing.state}")
