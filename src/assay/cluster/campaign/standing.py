"""How a campaign stands: from the times of files and from squeue, without reading a record."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from assay.cluster.campaign.folder import Array, CampaignFolder
from assay.cluster.campaign.inapplicable import inapplicable
from assay.cluster.campaign.pilots import Look, Word
from assay.cluster.campaign.progress import Share, listing, written
from assay.cluster.campaign.reasons import reasons
from assay.cluster.campaign.snapshot import changes
from assay.store.stage import OWNER

WINDOW_SECONDS = 600.0  # over which the rate is taken
CUT_SHORT = "143"  # the exit code of a pilot that was told to end


@dataclass(frozen=True, slots=True)
class PilotStanding:
    """One pilot and its share."""

    array: str
    number: int
    word: Word
    why: str  # see `pilots.PilotWord`
    n_targets: int
    n_made: int
    n_running: int
    log: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A target that was not made although its turn came."""

    target: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A whole campaign. Targets are intakes, data sets, artifacts and figures."""

    name: str
    started: float  # seconds since 1970
    seconds: float  # since then
    over: bool  # no pilot waits or runs
    n_targets: int
    n_made: int
    n_running: int
    failures: Sequence[Failure]
    per_minute: float | None  # of late; None where there is nothing to tell it by
    minutes_left: float | None
    pilots: Sequence[PilotStanding]
    notes: Sequence[str]


def standing(folder: CampaignFolder) -> Standing:
    """How a campaign stands now."""
    look, now = Look.at(folder), time.time()
    pilots: list[PilotStanding] = []
    failed: list[list[Failure]] = []  # of each pilot
    times: list[float] = []
    for array in look.campaign.arrays:
        for number in range(array.n_pilots):
            share = Share.read(folder, array.name, number)
            made = share.made()
            pilots.append(_pilot(look, array, number, share, made))
            failed.append(list(_failures(share, pilots[-1])))
            times += made.values()
    failures = [failure for each in failed for failure in each]
    without = inapplicable(folder, [failure.target for failure in failures])
    pilots = [_with_inapplicable(pilot, each, without) for pilot, each in zip(pilots, failed, strict=True)]
    failures = [failure for failure in failures if failure.target not in without]
    over = all(pilot.word in ("ended", "lost") for pilot in pilots)
    n_targets = sum(pilot.n_targets for pilot in pilots)
    rate = per_minute(times, until=max(times, default=now) if over else now)
    n_made = sum(pilot.n_made for pilot in pilots)
    n_left = n_targets - n_made - len(failures)
    return Standing(
        name=look.campaign.name,
        started=look.campaign.started,
        seconds=now - look.campaign.started,
        over=over,
        n_targets=n_targets,
        n_made=n_made,
        n_running=sum(pilot.n_running for pilot in pilots),
        failures=failures,
        per_minute=rate,
        minutes_left=n_left / rate if rate and not over else None,
        pilots=pilots,
        notes=list(_notes(folder, look, over)),
    )


def per_minute(times: Collection[float], *, until: float) -> float | None:
    """How many were made a minute in the ten minutes before, or since the first one; None of less than two."""
    since = max(until - WINDOW_SECONDS, min(times, default=until))
    n = sum(since < at <= until for at in times)
    return 60 * n / (until - since) if n else None


def _pilot(look: Look, array: Array, number: int, share: Share, made: Collection[str]) -> PilotStanding:
    stands = look.word(array, number)
    began = written(look.folder.running(array.name, number))
    return PilotStanding(
        array=array.name,
        number=number,
        word=stands.word,
        why=stands.why,
        n_targets=len(share.targets),
        n_made=len(made),
        n_running=_n_owned(share, made, began) if stands.word == "running" else 0,
        log=str(look.folder.log(array.name, number)),
    )


def _with_inapplicable(
    pilot: PilotStanding, failed: Collection[Failure], without: Collection[str]
) -> PilotStanding:
    """What turned out not to apply counts as made: its job is done."""
    return replace(pilot, n_made=pilot.n_made + sum(failure.target in without for failure in failed))


def _n_owned(share: Share, made: Collection[str], began: float) -> int:
    """The targets that a job makes now: they have an owner, which is not of an earlier run of the pilot."""
    listed = cache(listing)
    left = (target.rpartition("/") for target in share.targets if target not in made)
    return sum(listed(folder).get(f"{name}{OWNER}", -1.0) >= began for folder, _, name in left)


def _failures(share: Share, pilot: PilotStanding) -> Iterator[Failure]:
    is_over = pilot.word == "lost" or (pilot.word == "ended" and pilot.why != CUT_SHORT)
    for target, why in reasons(share, is_over=is_over, log=pilot.log).items():
        yield Failure(target, why)


def _notes(folder: CampaignFolder, look: Look, over: bool) -> Iterator[str]:
    if look.trouble:
        yield look.trouble
    if folder.cancelled.exists():
        yield "It was cancelled. assay campaign resume sends what is left."
    if not over:
        yield from (f"{change}; the campaign ends with what it began with" for change in changes(folder))
