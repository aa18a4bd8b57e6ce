"""The preflight: everything that would go wrong with a plan on a Slurm cluster, all of it at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.cluster.preflight.accounts import account_findings
from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.destinations import declared_partitions, to_probe
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.folder import folder_findings, nearest
from assay.cluster.preflight.groups import submitted
from assay.cluster.preflight.limits import limit_findings
from assay.cluster.preflight.listing import Listing
from assay.cluster.preflight.live import live_findings
from assay.cluster.preflight.polling import polling_findings
from assay.cluster.preflight.probe import WAIT_SECONDS, Seen, probed
from assay.cluster.preflight.profile import Profile, read_profile
from assay.cluster.preflight.site import read_site
from assay.cluster.preflight.space import Expected, expected, space_findings
from assay.config import Plan
from assay.errors import ConfigError
from assay.plan import requests

DEFAULT_PROFILE = "slurm"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found, and what was measured on the way."""

    findings: tuple[Finding, ...]
    expected: Expected
    nodes: Mapping[str, Mapping[str, Any]]  # partition -> what its probe job saw

    @property
    def problems(self) -> list[Finding]:
        """What must be put right before jobs are sent."""
        return [finding for finding in self.findings if not finding.is_warning]

    @property
    def warnings(self) -> list[Finding]:
        """What to know, that may go right."""
        return [finding for finding in self.findings if finding.is_warning]


def preflight(
    plan: Plan,
    profile_name: str = DEFAULT_PROFILE,
    *,
    asks: Sequence[Ask] | None = None,
    probe: bool = True,
    wait_seconds: float = WAIT_SECONDS,
) -> Preflight:
    """Hold a plan against the cluster that this machine reaches; nothing is raised for what is found.

    `asks` are the jobs to be sent, where they are not those of the plan's rules under the profile. `probe` sends one
    tiny job to every partition that they go to. Pilots poll files, so jobs of one's own skip the plugin's polling.
    """
    wanted, listing, folder = requests(plan), Listing(), nearest(plan.results)
    needs = expected(plan, wanted, listing)
    unwritable = list(folder_findings(plan.results))
    findings = [*unwritable, *live_findings(plan, wanted, listing), *space_findings(folder, needs)]
    profile, wrong = _profile(profile_name)
    declared, wrong_partitions = declared_partitions(profile)
    site, unreachable = read_site()
    findings += [*wrong, *wrong_partitions, *unreachable]
    seen: list[Seen] = []
    if site is not None:
        sent = submitted(plan, wanted, profile) if asks is None else list(asks)
        findings += limit_findings(sent, site, profile, declared)
        findings += account_findings(sent, site, profile)
        findings += polling_findings(site, profile) if asks is None else ()
        if probe and not unwritable:
            seen = probed(to_probe(sent, site, declared), folder, wait_seconds)
    findings += [finding for one in seen for finding in one.findings]
    return Preflight(tuple(findings), needs, {one.partition: one.node for one in seen if one.node})


def _profile(name: str) -> tuple[Profile, list[Finding]]:
    """The profile; where there is none, an empty one and why."""
    try:
        return read_profile(name), []
    except ConfigError as error:
        advice = "--profile names another."
        return Profile(name, {}), [
            Finding(f"profile {name}", "not read", str(error), "a Snakemake profile", advice)
        ]
