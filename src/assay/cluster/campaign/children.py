"""The processes that a pilot starts: its Snakemake and its fork server. Slurm's signals are not for them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from assay.cluster.address import VARIABLE, short_folder
from assay.cluster.child import die_with

READY_SECONDS = 120.0  # for a fork server to import everything
END_SECONDS = 10.0  # for jobs to let go of what they hold
POLL_SECONDS = 0.1
ENDLESS_MINUTES = 1e6

_told = False


def hear() -> None:
    """Ignore the signals by which Slurm announces an end; that SIGTERM came is remembered."""
    signal.signal(signal.SIGTERM, _remember)
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def told_to_end() -> bool:
    """Whether SIGTERM has come."""
    return _told


def started(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A child in a process group of its own, which dies with us; it and its children ignore Slurm's signals."""
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        process_group=0,
        preexec_fn=partial(_heed_only_us, os.getpid()),
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a child with its process group: by SIGINT, on which jobs let go of what they hold, then by SIGKILL."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)


@contextmanager
def served(environment: Mapping[str, str], over: Callable[[], bool]) -> Iterator[dict[str, str]]:
    """The environment of jobs that a fork server of our own runs; of jobs without one where it does not start."""
    with tempfile.TemporaryDirectory(dir=short_folder(), prefix="assay-") as folder:
        where = Path(folder, "pilot.sock")
        command = [sys.executable, "-m", "assay", "serve", "--socket", str(where)]
        server = started([*command, "--idle-minutes", f"{ENDLESS_MINUTES:.0f}"], environment)
        try:
            _await(where, server, over)
            yield {**environment, VARIABLE: str(where)}
        finally:
            end(server)


def _await(where: Path, server: subprocess.Popen[bytes], over: Callable[[], bool]) -> None:
    ends = time.monotonic() + READY_SECONDS
    while not where.exists() and server.poll() is None and not over() and time.monotonic() < ends:
        time.sleep(POLL_SECONDS)
    if not where.exists() and not over():
        print("no fork server: every job imports all by itself", file=sys.stderr, flush=True)


def _remember(number: int, frame: object) -> None:
    global _told
    _told = True


def _heed_only_us(pilot: int) -> None:
    die_with(pilot)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # which a shell's background jobs ignore
