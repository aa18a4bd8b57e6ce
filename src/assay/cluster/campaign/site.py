"""Where a pilot runs: in a Slurm job, which Slurm starts again where it is asked to, or as a process of this host."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from assay.cluster.campaign.clock import slurm_seconds_left
from assay.cluster.campaign.folder import INPUTS, Array, CampaignFolder
from assay.cluster.commands import answer
from assay.store.owner import Owner

POLL_SECONDS = 1.0
REQUEUE_SECONDS = 300.0  # for Slurm to take the order to requeue a job, and then again to end it
START_SECONDS = 120.0  # for a pilot on this host to start


@runtime_checkable
class Site(Protocol):
    """What a pilot asks of the place where it runs."""

    def seconds_left(self) -> float:
        """What is left of the time limit; infinite where there is none."""
        ...

    def why_not(self, over: Callable[[], bool]) -> str:
        """Wait until all that comes first is made, or it is `over`; why it will never be made, or nothing."""
        ...

    def await_the_end(self, over: Callable[[], bool]) -> None:
        """Wait to be ended by who said so, or until it is `over`."""
        ...

    def requeue(self) -> str:
        """Be started again, which does not return; why that did not come about."""
        ...


@dataclass(frozen=True, slots=True)
class SlurmSite:
    """A Slurm job; one that has to come first is a dependency of it."""

    job: str
    requeued: (
        str  # as `scontrol requeue` is to name it: the number of the last task is that of its whole array
    )
    minutes: int

    def seconds_left(self) -> float:
        """By Slurm; by what was asked for where it does not tell."""
        return slurm_seconds_left(self.job, self.minutes)

    def why_not(self, over: Callable[[], bool]) -> str:
        """Nothing."""
        return ""

    def await_the_end(self, over: Callable[[], bool]) -> None:
        """Slurm starts a job again that it has preempted, where that did not end by itself."""
        while not over():
            time.sleep(POLL_SECONDS)

    def requeue(self) -> str:
        """Ask Slurm, again while it does not answer, and wait to be killed."""
        ends = time.monotonic() + REQUEUE_SECONDS
        while (said := answer(["scontrol", "requeue", self.requeued])).error and time.monotonic() < ends:
            time.sleep(POLL_SECONDS)
        if said.error:
            return f"scontrol requeue {self.requeued}: {said.error}"
        time.sleep(REQUEUE_SECONDS)
        return f"Slurm took the order to requeue {self.requeued}, and did not end it"


@dataclass(frozen=True, slots=True)
class LocalSite:
    """A process of this host, which has no time limit, and which nobody starts again."""

    folder: CampaignFolder
    inputs: Array | None

    def seconds_left(self) -> float:
        """Endless."""
        return math.inf

    def why_not(self, over: Callable[[], bool]) -> str:
        """As Slurm's `afterok`: every pilot of the inputs has to end well."""
        since = time.monotonic()
        for pilot in range(self.inputs.n_pilots if self.inputs else 0):
            ended = self.folder.ended(INPUTS, pilot)
            while not ended.exists() and not over():
                if not self._may_run(pilot, time.monotonic() - since) and not ended.exists():
                    return f"{INPUTS}-{pilot} died: {self.folder.log(INPUTS, pilot)}"
                time.sleep(POLL_SECONDS)
            if ended.exists() and (code := ended.read_text().strip()) != "0":
                return f"{INPUTS}-{pilot} ended with exit code {code}: {self.folder.log(INPUTS, pilot)}"
        return ""

    def await_the_end(self, over: Callable[[], bool]) -> None:
        """Nobody does."""

    def requeue(self) -> str:
        """It does not come about."""
        return "it was told to end"

    def _may_run(self, pilot: int, waited: float) -> bool:
        owner = Owner.read(self.folder.running(INPUTS, pilot))
        return owner.may_run() if owner else waited < START_SECONDS


def site_of(folder: CampaignFolder, array: str) -> Site:
    """The place where this process, a pilot of `array` or END, runs."""
    campaign = folder.read()
    by_name = {one.name: one for one in (*campaign.arrays, campaign.end)}
    if campaign.executor == "local":
        return LocalSite(folder, by_name.get(INPUTS) if array != INPUTS else None)
    job, task = os.environ["SLURM_JOB_ID"], os.environ.get("SLURM_ARRAY_TASK_ID")
    requeued = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{task}" if task else job
    return SlurmSite(job, requeued, by_name[array].minutes)
