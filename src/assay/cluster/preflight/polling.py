"""Whether Slurm remembers an ended job long enough for a run to see how it ended."""

from collections.abc import Iterator

from assay.cluster.commands import is_installed
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.profile import Profile
from assay.cluster.preflight.site import Site
from assay.cluster.preflight.slurm_text import seconds

LOOKS = 3  # that squeue must still know an ended job for: one may fail, and one may come late
USUAL_SECONDS = 300  # Slurm's own default of MinJobAge


def polling_findings(site: Site, profile: Profile) -> Iterator[Finding]:
    """Whether squeue or sacct can tell how jobs ended. A MinJobAge of 0 keeps them for ever (slurm.conf(5))."""
    if profile.status_command == "sacct" and not _has_accounting(site):
        advice = "Set `slurm-status-command: squeue` there."
        yield Finding(profile.path, "slurm-status-command", "sacct", "squeue: accounting is off", advice)
    age, pause = seconds(site.settings.get("MinJobAge", "")), profile.init_seconds
    if not age or age >= LOOKS * pause:
        return
    advice = f"Ask the administrator for MinJobAge={max(USUAL_SECONDS, LOOKS * pause)}"
    if age >= LOOKS:
        advice += f", or set slurm-init-seconds-before-status-checks: {age // LOOKS} in {profile.path}"
    known = "; what squeue has forgotten is asked of sacct" if _has_accounting(site) else ""
    yield Finding(
        "slurm.conf",
        "MinJobAge",
        f"{age} s",
        f"{LOOKS * pause} s, {LOOKS} looks with squeue {pause} s apart",
        f"{advice}{known}.",
        is_warning=_has_accounting(site),
    )


def _has_accounting(site: Site) -> bool:
    kind = site.settings.get("AccountingStorageType", "")
    return is_installed("sacct") and kind not in ("", "(null)", "accounting_storage/none")
