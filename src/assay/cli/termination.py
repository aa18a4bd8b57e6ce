"""SIGTERM, by which Slurm ends a job: what a command holds is let go of, finished parts stay."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unwound_when_terminated() -> Iterator[None]:
    """A SIGTERM in the block ends it as an exception does; one that is ignored stays ignored.

    Killed outright, a job leaves its owner file behind, which other hosts cannot tell from that of a live one.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _end(number: int, frame: object) -> None:
    sys.exit(128 + number)
