"""How a job that was sent stands: what Slurm, or this machine, says of it."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from assay.cluster.commands import answer
from assay.cluster.logs import tail
from assay.cluster.preflight.asks import Ask
from assay.cluster.verdict import Judge, Verdict
from assay.cluster.watch import look, second_look

WAITS = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "PREEMPTED", "NODE_FAIL"}

Word = Literal["waiting", "running", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A job where it was sent; `reason` of one that is gone is empty where it ended well."""

    word: Word
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LocalJob:
    """A process of its own on this machine."""

    job: Any  # of submitit
    log: Path
    pause_seconds: float = 0.2  # between two looks

    def standing(self) -> Standing:
        """Whether it runs."""
        if not self.job.done():
            return Standing("running")
        return Standing("gone", "its process was killed, or crashed")

    def __str__(self) -> str:
        return f"process {self.job.job_id}"


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """A job of Slurm. submitit is never asked for its result, which is wrong where the job was requeued."""

    id: str
    name: str  # no other job has it
    ask: Ask
    log: Path
    pause_seconds: float = 5.0
    _judge: Judge = field(default_factory=Judge, repr=False)

    def standing(self) -> Standing:
        """What squeue, or sacct, says of it.

        As a run of Snakemake does, this cancels a job that can never start, and requeues one whose preemption Slurm
        took for its end.
        """
        seen = look(self.name, {self.id}, "squeue")
        verdict = self._judge.verdict(self.id, seen, partial(tail, self.log), partial(second_look, self.id))
        if verdict.to_requeue and not answer(["scontrol", "requeue", self.id]).error:
            return Standing("waiting", verdict.why)
        if verdict.to_cancel:
            answer(["scancel", self.id])
        if verdict.ended:
            return Standing("gone", self._reason(verdict))
        if (now := seen.jobs.get(self.id)) is None:
            return Standing("unknown", seen.error)
        return Standing("waiting", now.reason) if now.state in WAITS else Standing("running")

    def _reason(self, verdict: Verdict) -> str:
        if verdict.lacks == "mem_mb":
            return f"out of memory, of which it asked {self.ask.mem_mb} MB. Change {self.ask.settings}."
        if verdict.lacks == "runtime":
            return f"out of time, of which it asked {self.ask.minutes} minutes. Change {self.ask.settings}."
        return verdict.why

    def __str__(self) -> str:
        return f"Slurm job {self.id}"
