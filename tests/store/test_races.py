"""A late writer never overwrites a newer result, whoever is faster at whichever step."""

import os
import random
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from store.writers import FILES, RECORD, Turns, every_schedule, litter, published, standing

from assay.store.stage import Stage, Superseded, owned

TARGET = FILES[1]
N_RACES = 2000


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def emptied() -> None:
    shutil.rmtree("c", ignore_errors=True)


class Race:
    """Writers of which `late` owns the target already, and is about to publish."""

    def __init__(self):
        emptied()
        self.published: list[str] = []
        self._held = ExitStack()
        self._late = self._held.enter_context(owned(TARGET))

    def late(self) -> None:
        with suppress(Superseded), self._held:
            self._publish(self._late, "late")

    def take_over(self, which: str) -> None:
        with suppress(Superseded), owned(TARGET, by_force=True) as stage:
            self._publish(stage, which)

    def _publish(self, stage: Stage, which: str) -> None:
        published(stage, which)
        self.published.append(which)


@pytest.mark.slow
def test_in_every_order_of_two_writers_the_newer_result_stands_whole():
    def run(choose) -> None:
        race = Race()
        Turns(choose).run(late=race.late, newer=lambda: race.take_over("newer"))
        assert (standing(), litter()) == ("newer", set())

    assert every_schedule(run) > 500


@pytest.mark.slow
def test_of_three_writers_in_random_order_none_overwrites_one_that_owned_the_target_after_it():
    ends = set()
    for seed in range(N_RACES):
        race, turns = Race(), Turns(random.Random(seed).choice)
        turns.run(late=race.late, b=lambda: race.take_over("b"), c=lambda: race.take_over("c"))  # noqa: B023
        newest = [name for name in ("late", *turns.links) if name in race.published][-1]
        assert (standing(), litter()) == (newest, set()), seed
        ends.add((newest, len(race.published)))
    assert ends == {(newest, n) for newest in ("b", "c") for n in (1, 2, 3)}


@pytest.mark.slow
def test_two_thousand_races_of_two_processes_leave_the_newer_result(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    draw = random.Random(1)
    (to_child, from_parent), (to_parent, from_child) = os.pipe()[::-1], os.pipe()[::-1]
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            _late_writers(from_parent, to_parent)
        os._exit(0)
    outcomes = set()
    for _ in range(N_RACES):
        emptied()
        os.write(to_child, b"?")
        assert os.read(from_child, 1) == b"!"  # it owns the target
        os.write(to_child, b"?")
        _loiter(draw.randrange(3000))
        with owned(TARGET, by_force=True) as stage:
            published(stage, "newer")
        outcomes.add(os.read(from_child, 1))
        assert (standing(), litter()) == ("newer", set())
    os.write(to_child, b".")
    os.waitpid(child, 0)
    assert outcomes == {b"w", b"s"}  # some were late, and some were not


def _late_writers(from_parent: int, to_parent: int) -> None:
    while os.read(from_parent, 1) == b"?":
        outcome = b"w"
        with suppress(Superseded), owned(TARGET) as stage:
            os.write(to_parent, b"!")
            os.read(from_parent, 1)
            outcome = b"s"
            published(stage, "late")
            outcome = b"w"
        os.write(to_parent, outcome)


def _loiter(n: int) -> None:
    for _ in range(n):
        Path(RECORD.name)
