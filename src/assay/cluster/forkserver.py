"""A process that has imported everything, and forks a child for every job: a job then costs no imports."""

import gc
import math
import os
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from assay.cluster.address import private_folder
from assay.cluster.child import die_with, run_order
from assay.cluster.preloaded import Preloaded
from assay.cluster.wire import Order, ordered, receive, send
from assay.errors import ConfigError

Run = Callable[[list[str]], int]  # a command line -> its exit code

N_STREAMS = 3  # stdin, stdout, stderr of the client
ORDER_S = 5.0  # for a client to send its order
LAST_S = 10.0  # for jobs to end after the server was told to stop


@dataclass(frozen=True, slots=True)
class _Job:
    pid: int
    client: socket.socket


class ForkServer:
    """One server on one socket; see `serve`."""

    def __init__(self, where: Path, run: Run, *, idle_seconds: float, preloaded: Preloaded) -> None:
        self._where, self._run, self._preloaded = where, run, preloaded
        self._idle_seconds = idle_seconds
        self._ends_at = time.monotonic() + idle_seconds
        self._jobs: dict[int, _Job] = {}
        self._open = True  # to new orders
        self._gives_up_at = math.inf
        self._waiting = selectors.DefaultSelector()

    def serve(self, ready: Callable[[], None]) -> None:
        """Fork a child for every order, until SIGTERM or SIGINT, `idle_seconds` without a job, or changed code.

        A signal that is ignored when it starts stays ignored, as Slurm's are in a pilot.
        A job whose client is gone is killed; all jobs end with the server, even where that is killed. `ready` is
        called once orders are taken.

        Raises:
            ConfigError: a server is there already, or the folder of the socket is not private.
        """
        folder = private_folder(self._where.parent)
        with (folder / f"{self._where.name}.lock").open("w") as lock:
            try:
                flock(lock, LOCK_EX | LOCK_NB)
            except OSError:
                raise ConfigError(f"{self._where}: a server listens there already.") from None
            self._where.unlink(missing_ok=True)
            with self._waiting, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
                listening.bind(str(self._where))
                listening.listen(128)
                ready()
                self._loop(listening)

    def _loop(self, listening: socket.socket) -> None:
        gc.collect()
        gc.freeze()  # what stands now no child's collector touches, so that its memory stays shared
        self._waiting.register(listening, selectors.EVENT_READ, lambda: self._accept(listening))
        self._heed_signals()
        while self._goes_on(time.monotonic()):
            for key, _ in self._waiting.select(timeout=1.0):
                key.data()
            self._reap()
        self._close()

    def _goes_on(self, now: float) -> bool:
        return now < self._gives_up_at if self._jobs else self._open and now < self._ends_at

    def _heed_signals(self) -> None:
        woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waiting.register(woken, selectors.EVENT_READ, lambda: os.read(woken, 4096))
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda *_: self._stop())

    def _accept(self, listening: socket.socket) -> None:
        client, _ = listening.accept()
        try:
            client.settimeout(ORDER_S)
            if self._open and _is_ours(client):
                self._take(client)
                return
        except OSError:
            pass
        client.close()

    def _take(self, client: socket.socket) -> None:
        message, streams = receive(client, N_STREAMS)
        try:
            order = ordered(message)
            if reason := self._reason_against(order):
                send(client, {"refused": reason})
                client.close()
                return
            server, pid = os.getpid(), os.fork()
            if pid == 0:
                self._become_child(server)
                run_order(order, streams, self._run, self._preloaded.n_threads)
        finally:
            for descriptor in streams:
                os.close(descriptor)
        with suppress(OSError):  # in the child, too: whoever is first
            os.setpgid(pid, pid)
        job = _Job(pid, client)
        self._jobs[pid] = job
        self._waiting.register(client, selectors.EVENT_READ, lambda: self._abandon(job))
        with suppress(OSError):
            send(client, {"pid": pid})

    def _reason_against(self, order: Order) -> str:
        if changed := self._preloaded.changed():
            self._close()
            return f"{changed} has changed since the server started"
        differs = [
            name for name, own in self._preloaded.inherited.items() if order.inherited.get(name) != own
        ]
        return f"the server was started with other {', '.join(differs)}" if differs else ""

    def _become_child(self, server: int) -> None:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        die_with(server)
        os.setpgid(0, 0)  # a Ctrl-C that stops the server is not for its jobs

    def _abandon(self, job: _Job) -> None:
        """Kill a job whose client is gone; a client says nothing more once it has ordered."""
        self._waiting.unregister(job.client)
        with suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid, job in list(self._jobs.items()):
            ended, status, _ = os.wait4(pid, os.WNOHANG)
            if not ended:
                continue
            del self._jobs[pid]
            with suppress(KeyError):
                self._waiting.unregister(job.client)
            with suppress(OSError):
                send(job.client, {"code": _exit_code(status)})
            job.client.close()
            self._ends_at = time.monotonic() + self._idle_seconds

    def _stop(self) -> None:
        self._close()
        self._gives_up_at = time.monotonic() + LAST_S
        for pid in self._jobs:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def _close(self) -> None:
        """Take no more orders; the jobs that run go on."""
        if self._open:
            self._open = False
            self._where.unlink(missing_ok=True)


def _is_ours(client: socket.socket) -> bool:
    _, uid, _ = struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid == os.geteuid()


def _exit_code(status: int) -> int:
    """As a shell says it: 128 and the signal where one ended the job."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code
