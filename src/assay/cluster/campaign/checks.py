"""What would go wrong with a campaign, before anything is sent: the preflight, of pilots instead of rules."""

from collections.abc import Iterator, Sequence

from assay.cluster.campaign import lock
from assay.cluster.campaign.arrays import Pilots
from assay.cluster.campaign.folder import Executor
from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.checks import preflight
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.folder import folder_findings, nearest
from assay.cluster.preflight.listing import Listing
from assay.cluster.preflight.live import live_findings
from assay.cluster.preflight.site import Site, read_site
from assay.cluster.preflight.space import expected, space_findings
from assay.config import Plan
from assay.plan import requests


def findings(
    plan: Plan, pilots: Sequence[Pilots], end: Ask, *, executor: Executor, profile: str, probe: bool
) -> list[Finding]:
    """Everything that stands between these pilots, with the job that closes the campaign, and their results."""
    locked = list(lock_findings(plan.results))
    if executor == "slurm":
        asks = [*(each.ask for each in pilots), end]
        found = preflight(plan, profile, asks=asks, probe=probe).findings
        site, _ = read_site()
        return [*locked, *found, *(array_findings(pilots, site) if site else ())]
    wanted, listing = requests(plan), Listing()
    needs = expected(plan, wanted, listing)
    return [
        *locked,
        *folder_findings(plan.results),
        *live_findings(plan, wanted, listing),
        *space_findings(nearest(plan.results), needs),
    ]


def array_findings(pilots: Sequence[Pilots], site: Site) -> Iterator[Finding]:
    """Arrays of more jobs than the cluster takes."""
    largest = max(each.array.n_pilots for each in pilots)
    all_jobs = sum(each.array.n_pilots for each in pilots) + 1  # and the end
    for name, n in (("MaxArraySize", largest), ("MaxJobCount", all_jobs)):
        limit = site.settings.get(name, "")
        if limit.isdigit() and n > int(limit):
            advice = "Take fewer --pilots; each then makes more."
            yield Finding("scontrol show config", "jobs of a campaign", f"{name} of {limit}", f"{n}", advice)


def lock_findings(results: str) -> Iterator[Finding]:
    """Another campaign that lives."""
    held = lock.holder(results)
    if held and lock.may_live(results, held):
        advice = f"Wait for it, or stop it: assay campaign cancel {held.campaign}."
        yield Finding(results, "another campaign", str(held), "none", advice)
