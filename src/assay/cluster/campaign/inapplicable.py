"""Targets of artifacts that turned out not to apply: nothing is left of them once the manifest was written."""

from collections.abc import Iterable
from contextlib import suppress

from assay import plan as planning
from assay.catalog import artifacts
from assay.cluster.campaign.folder import CampaignFolder
from assay.cluster.campaign.progress import FIGURES, job_of
from assay.config import Plan, read_plan
from assay.errors import AssayError
from assay.layout import Layout


def inapplicable(folder: CampaignFolder, targets: Iterable[str]) -> set[str]:
    """Those of the targets whose checkpoint or data lack what they ask for, and figures of such."""
    wanted = list(targets)
    if not wanted:
        return set()
    try:
        plan = read_plan(str(folder.config), may_lack_files=True)
    except AssayError:  # of another version
        return set()
    return {target for target in wanted if _is_inapplicable(plan, target)}


def _is_inapplicable(plan: Plan, target: str) -> bool:
    checkpoint, job = job_of(Layout(plan.results), target)
    artifact = job.removeprefix(FIGURES)
    if artifact not in artifacts():
        return False
    with suppress(AssayError):
        return bool(planning.found_against(plan, planning.request(plan, checkpoint, artifact)))
    return False
