"""When a pilot has to stop. It ignores Slurm's signals, so that a preemption requeues it, and looks at a clock."""

import math
import re
import time
from dataclasses import dataclass

from assay.cluster.commands import answer

MOST_SECONDS, LEAST_SECONDS, SHARE = 300.0, 20.0, 0.1  # of the time limit, for jobs that run to end
_LEFT = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)")  # [[days-]hours:]minutes:seconds


@dataclass(frozen=True, slots=True)
class Clock:
    """Two moments before a time limit, in seconds of `time.monotonic`; infinite where there is no limit."""

    stops: float  # no new job from here on
    leaves: float  # jobs that still run are given up, so that the pilot can requeue itself


def clock(seconds_left: float) -> Clock:
    """The clock of a process that will be killed in `seconds_left`."""
    ends = time.monotonic() + seconds_left
    short = min(MOST_SECONDS, max(LEAST_SECONDS, SHARE * seconds_left)) if seconds_left < math.inf else 0.0
    return Clock(ends - short, ends - short / 2)


def slurm_seconds_left(job: str, minutes: int) -> float:
    """What is left of a job's time limit by Slurm; where it does not tell, `minutes` from now."""
    said = answer(["squeue", "--noheader", "--format=%L", "--jobs", job]).out.strip()
    left = parsed(said)
    return 60.0 * minutes if left is None else left


def parsed(said: str) -> float | None:
    """Seconds of squeue's time left, as in 1-02:03:04 or 9:58; None where it says none."""
    if said == "UNLIMITED":
        return math.inf
    if not (found := _LEFT.fullmatch(said)):
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
