"""Whether this user may send the jobs under their accounts, where the cluster enforces that."""

import getpass
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from assay.cluster.commands import answer
from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.profile import Profile
from assay.cluster.preflight.site import Site
from assay.cluster.preflight.slurm_text import limit_minutes

FIELDS = ("Account", "QOS", "MaxSubmitJobs", "MaxWall")


@dataclass(frozen=True, slots=True)
class Association:
    """What accounting lets a user do under one account."""

    account: str
    qos: frozenset[str]
    max_submitted: float
    max_minutes: float


def account_findings(asks: Sequence[Ask], site: Site, profile: Profile) -> Iterator[Finding]:
    """Accounts and QOS that this user lacks, and what exceeds their limits."""
    enforced = {word.strip() for word in site.settings.get("AccountingStorageEnforce", "none").split(",")}
    if not enforced & {"associations", "limits", "qos", "safe", "wckeys"}:
        return
    user = getpass.getuser()
    command = [
        "sacctmgr",
        "--noheader",
        "--parsable2",
        "show",
        "assoc",
        f"user={user}",
        f"format={','.join(FIELDS)}",
    ]
    said = answer(command)
    if said.error:
        yield _unknown(said.error)
        return
    mine = associations(said.out)
    for account in dict.fromkeys(ask.account for ask in asks):
        yield from _of_account(
            account, [ask for ask in asks if ask.account == account], mine, profile, enforced
        )


def associations(text: str) -> list[Association]:
    """The associations that `sacctmgr --parsable2 show assoc` lists, in the order of FIELDS."""
    rows = [line.split("|") for line in text.splitlines() if line.count("|") == len(FIELDS) - 1]
    return [
        Association(
            account=account,
            qos=frozenset(qos.split(",")) - {""},
            max_submitted=float(submitted) if submitted.isdigit() else math.inf,
            max_minutes=limit_minutes(wall),
        )
        for account, qos, submitted, wall in rows
    ]


def _of_account(
    account: str, asks: Sequence[Ask], mine: Sequence[Association], profile: Profile, enforced: set[str]
) -> Iterator[Finding]:
    """What is wrong with the asks of one account; without a name, of the user's default one."""
    able = [one for one in mine if not account or one.account == account.lower()]
    if not able:
        yours = ", ".join(sorted({one.account for one in mine})) or "none: ask the administrator for one"
        advice = f"Set slurm_account in default-resources there. Yours: {yours}."
        yield Finding(profile.path, "slurm_account", account or "none", "an account of yours", advice)
        return
    for qos in sorted({ask.qos for ask in asks} - {""}):
        if not any(qos in one.qos for one in able):
            there = ", ".join(sorted({name for one in able for name in one.qos})) or "none"
            yield Finding(
                profile.path,
                "QOS",
                qos,
                f"one of {there}",
                f"Account {account or 'by default'} has no other.",
            )
    if enforced & {"limits", "safe"}:
        yield from _beyond(asks, able, profile)


def _beyond(asks: Sequence[Ask], able: Sequence[Association], profile: Profile) -> Iterator[Finding]:
    most_jobs = max(one.max_submitted for one in able)
    if (jobs := profile.content.get("jobs")) and isinstance(jobs, int) and jobs > most_jobs:
        advice = f"Set `jobs: {most_jobs:g}` there: one refused sbatch ends the whole run."
        yield Finding(profile.path, "jobs at a time", f"MaxSubmitJobs of {most_jobs:g}", str(jobs), advice)
    most_minutes = max(one.max_minutes for one in able)
    for ask in asks:
        if ask.minutes > most_minutes:
            got = f"MaxWall of {most_minutes:g} minutes"
            yield Finding(
                "accounting",
                f"time limit of {ask.job}",
                got,
                f"{ask.minutes} minutes",
                f"Change {ask.settings}.",
            )


def _unknown(why: str) -> Finding:
    advice = "Whether your account may send jobs is not known."
    return Finding(
        "sacctmgr", "AccountingStorageEnforce is set", why, "your associations", advice, is_warning=True
    )
