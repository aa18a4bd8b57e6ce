"""`assay make` where another process makes the target, and where Slurm ends it."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from assay import job
from assay.plan import request
from assay.store import stage as staging
from assay.store.stage import owned

CKA = Path("results/small/cka.json")
LANDSCAPE = Path("results/big/loss_landscape.parquet")


class Other:
    """Another process, here a thread: it owns the cka until `end`, and may then make one of 9 samples."""

    def __init__(self, made, *, makes: bool):
        self._held, self._go = threading.Event(), threading.Event()
        self._wish = request(made.plan(), "small", "cka", {"max_samples": 9}) if makes else None
        self._thread = threading.Thread(target=self._hold)
        self._thread.start()
        self._held.wait()

    def _hold(self) -> None:
        with owned(CKA):
            self._held.set()
            self._go.wait()
        if self._wish:
            job.make(self._wish, device="cpu")

    def end(self, *_) -> None:
        self._go.set()
        self._thread.join()


@pytest.fixture
def other(made, monkeypatch):
    """Starts another process, which ends when somebody waits for it, or the test."""
    started: list[Other] = []

    def start(*, makes: bool = False) -> None:
        started.append(Other(made, makes=makes))
        monkeypatch.setattr(staging.time, "sleep", started[0].end)

    yield start
    for process in started:
        process.end()


def test_a_target_that_another_process_makes_is_refused_and_its_record_stays(made, other):
    before = made.files()
    other()
    run = made.assay("make", "small", "cka", "--force")
    assert (run.code, run.out) == (1, "")
    assert f"{CKA} is being made by process {os.getpid()} on " in run.err
    assert "--take-over" in run.err
    assert made.files() - {"small/cka.json.owner"} - _staged(made) == before


def test_who_knows_better_takes_it_over(made, other):
    other()
    run = made.assay("make", "small", "cka", "--force", "--take-over")
    assert (run.code, run.out) == (0, f"{CKA}\n")
    assert not Path("results/small/cka.json.owner").exists()
    assert made.assay("list", "--check").code == 0


def test_who_waits_makes_it_where_the_owner_made_another(made, other, monkeypatch):
    monkeypatch.setenv("ASSAY_WAIT", "1")
    other(makes=True)
    run = made.assay("make", "small", "cka", "--only")
    assert run.code == 0, run.text
    assert "waiting for its owner" in run.err
    assert made.assay("why", "small", "cka").out == f"{CKA}: done\n"


def test_who_waits_takes_what_the_owner_made_alike(made, other):
    made.configure(options__cka__max_samples=9)
    other(makes=True)
    run = made.assay("make", "small", "cka", "--only", "--wait")
    assert (run.code, run.out) == (0, f"{CKA}\n")
    assert made.assay("why", "small", "cka").out == f"{CKA}: done\n"


def test_a_job_that_slurm_ends_keeps_its_parts_and_lets_go_of_its_target(bench):
    bench.configure(options__landscape__resolution=31)
    assert bench.assay("make", "big", "evaluation", "landscape").code == 0
    whole = LANDSCAPE.read_bytes()
    LANDSCAPE.unlink()
    child = os.fork()
    if child == 0:
        run = bench.assay("make", "big", "landscape", "--force")
        os._exit(run.code % 256)
    parts = LANDSCAPE.with_name(f"{LANDSCAPE.name}.parts")
    while len(list(parts.glob("*/*.npz"))) < 5:
        time.sleep(0.001)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGTERM
    assert 5 <= len(list(parts.glob("*/*.npz"))) < 31
    assert not list(LANDSCAPE.parent.glob("*.owner"))
    assert not list(LANDSCAPE.parent.glob("*.stage"))
    assert bench.assay("make", "big", "landscape").code == 0
    assert LANDSCAPE.read_bytes() == whole


def _staged(made) -> set[str]:
    return {name for name in made.files() if ".stage/" in name}
