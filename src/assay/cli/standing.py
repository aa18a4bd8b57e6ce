"""What `assay campaign status` and `logs` print."""

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from assay.cluster.campaign.standing import PilotStanding, Standing

MOST_FAILURES = 20  # lines of the same listing
BAR_WIDTH = 40


def status_lines(standing: Standing) -> Iterator[str]:
    """How a campaign stands: a line for all, one for each array, what is wrong; a bar on a terminal."""
    began = time.strftime("%Y-%m-%d %H:%M", time.localtime(standing.started))
    word = "over" if standing.over else f"for {_clock(standing.seconds / 60)}"
    yield f"campaign {standing.name}, since {began}, {word}"
    if sys.stdout.isatty():
        yield _bar(standing.n_made, len(standing.failures), standing.n_targets)
    yield ", ".join(_counts(standing))
    for name, pilots in groupby(standing.pilots, key=lambda pilot: pilot.array):
        yield _array_line(name, list(pilots))
    for pilot in standing.pilots:
        if pilot.word == "lost" or (pilot.word == "ended" and pilot.why != "0"):
            said = f"ended with exit code {pilot.why}" if pilot.word == "ended" else f"lost: {pilot.why}"
            yield f"{pilot.array}-{pilot.number} {said}: {pilot.log}"
    for failure in standing.failures[:MOST_FAILURES]:
        yield f"failed: {failure.target}: {failure.why}"
    if (n_others := len(standing.failures) - MOST_FAILURES) > 0:
        yield f"and {n_others} more failed (--json)"
    yield from standing.notes


def _counts(standing: Standing) -> Iterator[str]:
    yield f"{standing.n_made} of {standing.n_targets} made"
    yield f"{standing.n_running} running"
    yield f"{len(standing.failures)} failed"
    if standing.per_minute is not None:
        yield f"{standing.per_minute:.1f} a minute"
    if standing.minutes_left is not None:
        yield f"about {_clock(standing.minutes_left)} left"


def _array_line(name: str, pilots: list[PilotStanding]) -> str:
    words = Counter(_word(pilot) for pilot in pilots)
    made = f"{sum(pilot.n_made for pilot in pilots)} of {sum(pilot.n_targets for pilot in pilots)} made"
    return f"  {name}: {made}; pilots: {', '.join(f'{n} {word}' for word, n in words.items())}"


def _word(pilot: PilotStanding) -> str:
    return f"waiting ({pilot.why})" if pilot.word == "waiting" else pilot.word


def _bar(n_made: int, n_failed: int, n: int) -> str:
    width = min(BAR_WIDTH, shutil.get_terminal_size().columns - 2)
    made, failed = (width * count // n for count in (n_made, n_failed))
    return f"[{'#' * made}{'!' * failed}{'.' * (width - made - failed)}]"


def _clock(minutes: float) -> str:
    """As 3 h 05 min."""
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest:02} min" if hours else f"{rest} min"
