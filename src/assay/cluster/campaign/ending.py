"""The end of a campaign: its manifest, and the lock that falls.

python -m assay.cluster.campaign.ending FOLDER, in the folder in which the campaign was started.
"""

import sys
import time
from pathlib import Path

from assay import tokens
from assay.cluster.campaign.folder import CampaignFolder
from assay.cluster.campaign.lock import has_pilots, holder, may_live, release
from assay.config import read_plan
from assay.provenance.manifest import write

LOOK_SECONDS = 1.0


def main() -> None:
    """Wait until no pilot is left, then close.

    On this host nothing else waits; Slurm's dependency lets go of us where a pilot is between two runs.
    """
    folder = CampaignFolder(Path(sys.argv[1]))
    while has_pilots(folder, folder.read()):
        time.sleep(LOOK_SECONDS)
    close(folder)


def close(folder: CampaignFolder) -> None:
    """Write the manifest of what the campaign's plan wants, complete or not, and let go of the lock."""
    plan = read_plan(str(folder.config))
    try:
        written = write(plan, tokens.manifest_token(plan))
        print(", ".join(f"{n} {word}" for word, n in written.counts.items()), file=sys.stderr)
    finally:
        release(plan.results, folder.path.name)


def close_if_dead(folder: CampaignFolder) -> None:
    """Close a campaign that holds the lock although nothing of it runs: its own end was killed."""
    results = str(folder.path.parents[1])
    held = holder(results)
    if held and held.campaign == folder.path.name and not may_live(results, held):
        close(folder)


if __name__ == "__main__":
    main()
