"""The end of a campaign before its time: no process and no lock is left."""

import time

from assay.cluster.campaign import leftovers
from assay.cluster.campaign.ending import bind
from assay.cluster.campaign.folder import Campaign, CampaignFolder
from assay.cluster.campaign.lock import lives, release
from assay.cluster.campaign.progress import results_of
from assay.cluster.commands import answer
from assay.errors import AssayError
from assay.files import publish_bytes

PATIENCE_SECONDS = 20.0  # with pilots that end by themselves
KILLED_SECONDS = 60.0  # for Slurm to be rid of a job: its KillWait is 30 s
POLL_SECONDS = 0.5


def cancel(folder: CampaignFolder) -> None:
    """End all pilots, let go of the lock, and then write the manifest of what was made.

    Raises:
        AssayError: scancel does not answer, a pilot does not end, or the manifest cannot be written.
    """
    campaign = folder.read()
    publish_bytes(folder.cancelled, b"")
    if campaign.executor == "slurm":
        said = answer(["scancel", f"--name={','.join(campaign.job_names)}"])
        if said.error:
            raise AssayError(f"scancel: {said.error}. The pilots end by themselves as soon as they look.")
    if _waited(folder, campaign, PATIENCE_SECONDS) or campaign.executor == "local":
        _kill(folder, campaign)  # here also what outlived a pilot that was killed
    if _waited(folder, campaign, KILLED_SECONDS):
        raise AssayError(f"campaign {campaign.name} has not ended in {KILLED_SECONDS:.0f} s: {folder.path}")
    if release(results_of(folder), campaign.name):  # else the campaign's own end did both
        bind(folder)


def _waited(folder: CampaignFolder, campaign: Campaign, seconds: float) -> bool:
    """Whether the campaign still lives after so long."""
    ends = time.monotonic() + seconds
    while (alive := lives(folder, campaign)) and time.monotonic() < ends:
        time.sleep(POLL_SECONDS)
    return alive


def _kill(folder: CampaignFolder, campaign: Campaign) -> None:
    """Kill what does not end."""
    if campaign.executor == "slurm":
        answer(["scancel", "--signal=KILL", "--full", f"--name={','.join(campaign.job_names)}"])
        return
    leftovers.kill(folder, campaign)
