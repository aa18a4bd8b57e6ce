import math
import time
from pathlib import Path

import pytest

from assay.cluster.campaign.clock import clock, parsed, slurm_seconds_left


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("0:45", 45), ("9:58", 598), ("1:00:01", 3601), ("2-03:04:05", 183845), ("UNLIMITED", math.inf)],
)
def test_the_time_left_is_read_as_squeue_prints_it(said: str, seconds: float) -> None:
    assert parsed(said) == seconds


@pytest.mark.parametrize("said", ["", "INVALID", "NOT_SET", "5", "1:2:3:4"])
def test_what_is_no_time_is_none(said: str) -> None:
    assert parsed(said) is None


@pytest.mark.parametrize(
    ("left", "stops", "leaves"), [(60, 40, 50), (1200, 1080, 1140), (86400, 86100, 86250), (10, -10, 0)]
)
def test_a_pilot_stops_a_tenth_before_its_end_but_at_least_20_s_and_at_most_5_minutes(
    left: float, stops: float, leaves: float
) -> None:
    now = time.monotonic()
    found = clock(float(left))
    assert found.stops - now == pytest.approx(stops, abs=0.5)
    assert found.leaves - now == pytest.approx(leaves, abs=0.5)


def test_without_a_limit_a_pilot_never_stops() -> None:
    assert clock(math.inf).stops == clock(math.inf).leaves == math.inf


@pytest.mark.parametrize(("answer", "seconds"), [("echo 1:30", 90), ("exit 1", 420)])
def test_slurm_tells_what_is_left_and_what_was_asked_for_stands_in_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, seconds: float
) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text(f'#!/bin/sh\n[ "$*" = "--noheader --format=%L --jobs 7" ] || exit 2\n{answer}\n')
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert slurm_seconds_left("7", 7) == seconds
