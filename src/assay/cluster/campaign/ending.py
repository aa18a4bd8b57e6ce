"""The end of a campaign: its manifest, and the lock that falls.

python -m assay.cluster.campaign.ending FOLDER, in the folder in which the campaign was started.
"""

import sys
import time
from pathlib import Path

from assay import tokens
from assay.cluster.campaign.clock import clock
from assay.cluster.campaign.folder import END, Campaign, CampaignFolder
from assay.cluster.campaign.leftovers import kill
from assay.cluster.campaign.lock import has_pilots, holder, may_live, release
from assay.cluster.campaign.site import Site, site_of
from assay.config import read_plan
from assay.errors import AssayError
from assay.provenance.manifest import write

LOOK_SECONDS = {"slurm": 30.0, "local": 1.0}  # between two looks whether a pilot is left


def main(path: str) -> int:
    """Wait until no pilot is left, then close; the exit code. What is cancelled `cancel` closes."""
    folder = CampaignFolder(Path(path))
    campaign = folder.read()
    if why := _waited(folder, campaign, site_of(folder, END)):
        print(why, file=sys.stderr)
        return 1
    if folder.cancelled.exists():
        return 0
    try:
        kill(folder, campaign)
        close(folder)
    except AssayError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def close(folder: CampaignFolder) -> None:
    """Write the manifest, and let go of the lock whatever becomes of that.

    Raises:
        AssayError: see `bind`.
    """
    try:
        bind(folder)
    finally:
        release(folder.results, folder.path.name)


def bind(folder: CampaignFolder) -> None:
    """Write the manifest of what the campaign's plan wants, complete or not.

    Raises:
        AssayError: it cannot be written.
    """
    try:
        plan = read_plan(str(folder.config), may_lack_files=True)
        written = write(plan, tokens.manifest_token(plan))
    except (AssayError, OSError) as error:
        raise AssayError(
            f"campaign {folder.path.name} is over, but its manifest could not be written: {error}\n"
            "What it made stands. assay manifest writes one."
        ) from error
    print(", ".join(f"{n} {word}" for word, n in written.counts.items()), file=sys.stderr)


def close_if_dead(folder: CampaignFolder) -> None:
    """Close a campaign of ours that holds the lock although nothing of it runs: its own end was killed."""
    held = holder(folder.results) if folder.is_mine else None
    if held and held.campaign == folder.path.name and not may_live(folder.results, held):
        close(folder)


def _waited(folder: CampaignFolder, campaign: Campaign, site: Site) -> str:
    """Wait for the pilots, in Slurm in as many runs as that takes; why the next run did not come about, or nothing.

    Slurm's dependency lets go of us where a pilot is between two runs; on this host nothing else waits.
    """
    stops = clock(site.seconds_left()).stops
    while not folder.cancelled.exists() and has_pilots(folder, campaign):
        if time.monotonic() > stops:
            return site.requeue()
        time.sleep(max(0.0, min(LOOK_SECONDS[campaign.executor], stops - time.monotonic())))
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
