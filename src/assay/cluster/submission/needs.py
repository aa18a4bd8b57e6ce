"""What a submitted job asks: what its artifacts ask, and the intakes and data that it makes first."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from assay.cluster.preflight.asks import Ask, asks_by_rule
from assay.cluster.preflight.profile import Profile
from assay.config import Plan
from assay.errors import ConfigError
from assay.plan import Request, request
from assay.provenance.status import Inspection

Steps = dict[str, str]  # the file that a step of the job makes -> the rule that makes it elsewhere


def needed(plan: Plan, wanted: Sequence[Request], profile: Profile) -> Ask:
    """One ask for all that is wanted and what it lacks, which are made one after the other.

    Raises:
        ConfigError: the profile gives a time that is no number.
    """
    look, steps = Inspection(plan), Steps()
    for wish in wanted:
        steps.update(_steps(plan, wish, look))
    by_rule = asks_by_rule(plan, list(steps.values()), profile)
    if timeless := [rule for rule, ask in by_rule.items() if not ask.minutes]:
        raise ConfigError(
            f"{profile.path}: the runtime of {', '.join(timeless)} is an expression; a submitted job needs minutes."
        )
    asks = [by_rule[rule] for rule in steps.values()]
    artifacts = [by_rule[wish.artifact] for wish in wanted]
    largest = max(artifacts, key=lambda ask: (ask.gpus, ask.minutes))
    return replace(
        largest,
        job=", ".join(wish.artifact for wish in wanted),
        minutes=sum(ask.minutes for ask in asks),
        mem_mb=max(ask.mem_mb for ask in asks),
        cpus=max(ask.cpus for ask in asks),
        settings=" and ".join(dict.fromkeys(ask.settings for ask in artifacts)),
    )


def _steps(plan: Plan, wish: Request, look: Inspection) -> Iterator[tuple[str, str]]:
    checkpoint, layout = wish.row.checkpoint, wish.layout
    for row in (wish.row, *wish.partners.values()):
        if look.intake_changes(row.checkpoint):
            yield layout.intake(row.checkpoint), "intake"
    if look.data_changes(wish.data.name):
        yield layout.data(wish.data.name), f"data_{wish.data.name}"
    if wish.made_from and look.state(checkpoint, wish.made_from, wanted=True).word != "done":
        yield from _steps(plan, request(plan, checkpoint, wish.made_from), look)
    yield wish.target, wish.artifact
