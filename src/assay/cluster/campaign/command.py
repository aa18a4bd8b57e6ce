"""What a pilot runs: Snakemake over explicit targets, with the code and the config of its campaign."""

import os
import sys
from collections.abc import Sequence

from assay.cluster.address import VARIABLE
from assay.cluster.campaign.folder import PILOT_MB, Array, CampaignFolder
from assay.config import PILOT


def environment_of(folder: CampaignFolder) -> dict[str, str]:
    """The environment of all that a pilot starts. No fork server of the user's: it may have imported other code."""
    path = [str(folder.code.absolute()), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), PILOT: "1", VARIABLE: ""}


def snakemake(folder: CampaignFolder, array: Array, targets: Sequence[str]) -> list[str]:
    """The command line that makes `targets`, whatever Snakemake remembers of them.

    Snakemake's own lock does not bear a second Snakemake in the folder, and its memory, .snakemake, may be lost: what
    each pilot makes is disjoint, and what is not fresh was worked out by the records. So nothing else is made that is
    there: the one reason to run again that is left concerns no rule of ours, and marks of what was cut short once are
    ignored (rerun-incomplete has Snakemake ask for no job of then). Without a GPU any number of jobs that ask for one
    run side by side.
    """
    return [
        *(sys.executable, "-m", "snakemake", "-s", str(folder.code / "Snakefile")),
        *("--configfile", str(folder.config)),
        *("--executor", "local", "--profile", "none", "--workflow-profile", "none", "--scheduler", "greedy"),
        *("--nolock", "--keep-going", "-c", str(array.cpus)),
        *("--rerun-triggers", "software-env", "--rerun-incomplete", "--ignore-incomplete"),
        *("--resources", f"mem_mb={array.mem_mb - PILOT_MB}", *([f"gpu={array.gpus}"] if array.gpus else [])),
        *("--forcerun", *targets, "--", *targets),
    ]
