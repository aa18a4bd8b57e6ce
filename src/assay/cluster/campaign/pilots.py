"""Whether the pilots of a campaign wait, run or have ended: what they leave, squeue, and processes of this host."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from assay.cluster.campaign.folder import INPUTS, Array, Campaign, CampaignFolder
from assay.cluster.campaign.lock import runs_here
from assay.cluster.commands import answer
from assay.cluster.watch import Standing as JobStanding
from assay.cluster.watch import standings

Word = Literal["waiting", "running", "ended", "lost", "unknown"]  # lost: killed, or never begun
RUNNING = frozenset({"RUNNING", "COMPLETING", "CONFIGURING", "STAGE_OUT", "SIGNALING"})
GONE = frozenset(  # no process of such a job runs, and none will
    {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "OUT_OF_MEMORY", "REVOKED", "TIMEOUT"}
)


@dataclass(frozen=True, slots=True)
class PilotWord:
    """How one pilot stands."""

    word: Word
    why: str = ""  # the exit code of one that ended, what one waits for, what is known of one that is lost


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the pilots of a campaign."""

    folder: CampaignFolder
    campaign: Campaign
    jobs: Mapping[str, JobStanding]  # of Slurm
    trouble: str  # why it is not known which jobs there are; else empty

    @classmethod
    def at(cls, folder: CampaignFolder) -> "Look":
        """Read campaign.json, and ask squeue where the pilots are jobs."""
        campaign = folder.read()
        if campaign.executor == "local":
            return cls(folder, campaign, {}, "")
        names = f"--name={','.join(campaign.job_names)}"
        said = answer(["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r", names])
        trouble = f"squeue: {said.error}. So it is not known which pilots run." if said.error else ""
        return cls(folder, campaign, standings(said.out), trouble)

    def word(self, array: Array, number: int) -> PilotWord:
        """How a pilot stands; what it left itself counts most: Slurm calls a job ended that it will start again."""
        ended = self.folder.ended(array.name, number)
        if ended.exists():
            return PilotWord("ended", ended.read_text().strip())
        if not array.job:
            return PilotWord("waiting", "it is being sent")
        if self.campaign.executor == "local":
            return self._process(array, number)
        return PilotWord("unknown") if self.trouble else self._job(array, number)

    def _process(self, array: Array, number: int) -> PilotWord:
        if not runs_here(self.folder, int(array.job.split(",")[number])):
            return PilotWord("lost", "its process is gone")
        waits = array.name != INPUTS and any(
            one.name == INPUTS and not self.folder.ended(INPUTS, before).exists()
            for one in self.campaign.arrays
            for before in range(one.n_pilots)
        )
        return PilotWord("waiting", INPUTS) if waits else PilotWord("running")

    def _job(self, array: Array, number: int) -> PilotWord:
        job = self.jobs.get(f"{array.job}_{number}") or self.jobs.get(array.job)
        if job is None:
            return (
                PilotWord("lost", "Slurm does not know it") if self.folder.is_mine else PilotWord("unknown")
            )
        if job.state in GONE:
            return PilotWord("lost", f"Slurm says {job.state}")
        return PilotWord("running") if job.state in RUNNING else PilotWord("waiting", job.reason or job.state)
