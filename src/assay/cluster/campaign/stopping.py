"""The end of a campaign before its time: no process and no lock is left."""

import time

from assay.cluster.campaign import leftovers, queue
from assay.cluster.campaign.ending import bind
from assay.cluster.campaign.folder import Campaign, CampaignFolder
from assay.cluster.campaign.lock import holder, lives, release
from assay.errors import AssayError
from assay.files import publish_bytes

PATIENCE_SECONDS = 20.0  # with pilots that end by themselves
KILLED_SECONDS = 60.0  # for Slurm to be rid of a job: its KillWait is 30 s
POLL_SECONDS = 0.5


def cancel(folder: CampaignFolder) -> bool:
    """End all pilots, let go of the lock, and then write the manifest of what was made; False where it was over.

    Raises:
        AssayError: it is another user's, scancel does not answer, a pilot does not end, or the lock or the manifest
            cannot be written.
    """
    campaign = folder.read()
    if not folder.is_mine:
        raise AssayError(f"{folder.path}: another user's campaign, whose jobs are theirs to cancel.")
    if not _is_held(folder) and not lives(folder, campaign):
        return False
    is_told = _told(folder)
    if campaign.executor == "slurm" and (said := queue.cancel(campaign.job_names)):
        _heed(said, campaign, is_told=is_told)
    if _waited(folder, campaign, PATIENCE_SECONDS if is_told else 0.0) or campaign.executor == "local":
        _kill(folder, campaign)  # here also what outlived a pilot that was killed
    if _waited(folder, campaign, KILLED_SECONDS):
        raise AssayError(f"campaign {campaign.name} has not ended in {KILLED_SECONDS:.0f} s: {folder.path}")
    if release(folder.results, campaign.name):  # else the campaign's own end did both
        bind(folder)
    return True


def _is_held(folder: CampaignFolder) -> bool:
    held = holder(folder.results)
    return held is not None and held.campaign == folder.path.name


def _told(folder: CampaignFolder) -> bool:
    """Tell the pilots to end; whether that could be written."""
    try:
        publish_bytes(folder.cancelled, b"")
    except OSError:
        return False
    return True


def _heed(said: str, campaign: Campaign, *, is_told: bool) -> None:
    """What scancel says of jobs that have ended meanwhile is nothing to us."""
    if queue.is_queued(campaign.job_names):
        advice = "The pilots end by themselves as soon as they look." if is_told else "Cancel it again."
        raise AssayError(f"scancel: {said}. {advice}")


def _waited(folder: CampaignFolder, campaign: Campaign, seconds: float) -> bool:
    """Whether the campaign still lives after so long."""
    ends = time.monotonic() + seconds
    while (alive := lives(folder, campaign)) and time.monotonic() < ends:
        time.sleep(POLL_SECONDS)
    return alive


def _kill(folder: CampaignFolder, campaign: Campaign) -> None:
    """Kill what does not end."""
    if campaign.executor == "slurm":
        queue.cancel(campaign.job_names, "--signal=KILL", "--full")
    else:
        leftovers.kill(folder, campaign)
