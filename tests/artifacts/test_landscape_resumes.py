"""A landscape job that is killed goes on where it was, and gives the bytes of one run."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from assay import job
from assay.plan import request

TARGET = Path("results/big/loss_landscape.parquet")
PARTS = TARGET.with_name("loss_landscape.parquet.parts")


@pytest.fixture
def wish(bench):
    """A landscape of 31 rows that take about a hundredth of a second each."""
    bench.configure(options__landscape__resolution=31)
    assert bench.assay("make", "big", "evaluation").code == 0
    return request(bench.plan(), "big", "landscape")


def finished_rows() -> int:
    return len(list(PARTS.glob("*/*.npz")))


def killed_at(wish, rows: int) -> None:
    """Start the job in a process of its own, which is killed once so many rows are finished."""
    child = os.fork()
    if child == 0:
        job.make(wish, device="cpu")
        os._exit(0)
    while finished_rows() < rows:
        time.sleep(0.001)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_ten_kills_at_random_rows_and_one_run_give_the_same_bytes(wish):
    job.make(wish, device="cpu")
    whole = TARGET.read_bytes()
    TARGET.unlink()
    for rows in sorted(random.Random(5).sample(range(1, 30), 10)):
        killed_at(wish, rows)
        assert not TARGET.exists()
        assert rows <= finished_rows() < 31
    job.make(wish, device="cpu")
    assert TARGET.read_bytes() == whole
    assert not PARTS.exists()


def test_rows_of_other_options_are_not_taken(wish, bench):
    killed_at(wish, 5)
    bench.configure(options__landscape__resolution=31, options__landscape__seed=7)
    job.make(request(bench.plan(), "big", "landscape"), device="cpu")
    other = TARGET.read_bytes()
    TARGET.unlink()
    job.make(request(bench.plan(), "big", "landscape"), device="cpu")
    assert TARGET.read_bytes() == other
