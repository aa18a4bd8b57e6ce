"""Jobs that already work on the same targets: owners of targets, a Snakemake, and Slurm jobs of an earlier run."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.cluster.commands import answer, is_installed
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.listing import Listing
from assay.config import Plan
from assay.layout import Layout
from assay.plan import Request
from assay.store.owner import Owner
from assay.store.stage import OWNER

LOCKS = Path(".snakemake", "locks")
QUEUE = ("%A", "%T", "%Z", "%k")  # job id, state, working folder, comment: squeue(1)
COMMENTS = ("rule_", "group_")  # how those of the Slurm plugin begin


def live_findings(plan: Plan, wanted: Sequence[Request], listing: Listing) -> Iterator[Finding]:
    """Everything that lives and would write what this plan writes."""
    layout = Layout(plan.results)
    targets = [layout.intake(name) for name in plan.rows]
    targets += [layout.data(name) for name in plan.data]
    targets += [request.target for request in wanted]
    yield from _owners([target for target in targets if listing.holds(target + OWNER)])
    yield from _lock()
    yield from _queued()


def _owners(targets: Sequence[str]) -> Iterator[Finding]:
    for target in targets:
        owner = Owner.read(Path(target + OWNER))
        if owner and owner.may_run():
            advice = f"Wait for it, or end it. Where you know that it is dead, remove {target}{OWNER}."
            yield Finding(target, "is being made", str(owner), "no live owner", advice)


def _lock() -> Iterator[Finding]:
    if LOCKS.is_dir() and (n := len(list(LOCKS.iterdir()))):
        advice = "Wait for it. Where none runs any more: snakemake --unlock."
        yield Finding(str(LOCKS), "a Snakemake works here, or was killed", f"{n} locks", "none", advice)


def _queued() -> Iterator[Finding]:
    """Jobs of this user that Snakemake sent from this folder: a killed Snakemake leaves them running."""
    if not is_installed("squeue"):
        return
    said = answer(["squeue", "--noheader", "--me", "--format=" + "|".join(QUEUE)])
    rows = [line.split("|", len(QUEUE) - 1) for line in said.out.splitlines()]
    for job, state, folder, comment in (row for row in rows if len(row) == len(QUEUE)):
        if os.path.realpath(folder) == os.path.realpath(".") and comment.startswith(COMMENTS):
            got, advice = f"{comment} {state}", f"Wait for it, or: scancel {job}."
            yield Finding(
                f"Slurm job {job}", "works in this folder already", got, "no job of an earlier run", advice
            )
