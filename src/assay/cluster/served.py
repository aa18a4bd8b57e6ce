"""A command run by a fork server, as if by this process. Standard library only: importing it must cost nothing."""

import os
import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from assay.cluster.address import address, is_private
from assay.cluster.wire import FORWARDED, order, receive, send

SERVED = ("make", "draw", "intake", "prepare")  # the commands whose imports take longer than they do
PATIENCE_S = 30  # for a server to take an order


def served(argv: list[str]) -> int | None:
    """The exit code of a command line that a fork server ran; None where this process has to run it.

    The job has our standard streams, folder, umask and environment. It ends with us; the signals that we get it
    gets. Where there is no server, or it refuses, or it dies, whose jobs die with it, nobody has run the command.
    """
    if not argv or argv[0] not in SERVED or sys.platform != "linux":
        return None
    where = address()
    connection = _connected(where) if where else None
    if connection is None:
        return None
    with connection:
        try:
            return _answer(connection, argv)
        except OSError:
            return None


def _connected(where: Path) -> socket.socket | None:
    if not where.exists() or not is_private(where.parent):
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(PATIENCE_S)
        connection.connect(str(where))
    except OSError:
        connection.close()
        return None
    return connection


def _answer(connection: socket.socket, argv: list[str]) -> int | None:
    send(connection, asdict(order(argv)), (0, 1, 2))
    taken, _ = receive(connection)
    if "pid" not in taken:
        return None
    job = _handle(taken["pid"])
    connection.settimeout(None)
    with _forwarded(job):
        try:
            ended, _ = receive(connection)
            return int(ended["code"])
        except ConnectionError:
            if job is not None:
                select.select([job], [], [])  # until it is dead, so that it and we never run at once
            return None
        finally:
            if job is not None:
                os.close(job)


def _handle(pid: int) -> int | None:
    """A descriptor of the job's process, which no other process can take; None where it has ended already."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        return None


@contextmanager
def _forwarded(job: int | None) -> Iterator[None]:
    def forward(number: int, _frame: object) -> None:
        with suppress(ProcessLookupError):
            if job is not None:
                signal.pidfd_send_signal(job, number)

    before = {number: signal.getsignal(number) for number in FORWARDED}
    heeded = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in heeded:
        signal.signal(number, forward)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])
