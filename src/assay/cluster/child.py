"""A child of the fork server that takes the place of the process that ordered it."""

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

from assay.cluster.wire import THREADS, Order

PR_SET_PDEATHSIG = 1  # of linux/prctl.h
STDERR = 2


def run_order(order: Order, streams: list[int], run: Callable[[list[str]], int], n_threads: int) -> NoReturn:
    """Run the command line and end the process with its exit code."""
    code = 1
    try:
        _take_place(order, streams)
        _set_threads(order.environment, n_threads)
        code = run(order.argv)
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = code or 1
        os._exit(code)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _take_place(order: Order, streams: list[int]) -> None:
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    _close_the_rest()
    for number in order.ignored:
        signal.signal(number, signal.SIG_IGN)
    os.umask(order.umask)
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.cwd)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc]  # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False, buffering=1)  # type: ignore[misc]  # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(2, "w", closefd=False, buffering=1, errors="backslashreplace")  # type: ignore[misc]  # noqa: SIM115


def _close_the_rest() -> None:
    """All descriptors but the streams: sockets of the server, whose other ends wait for the last copy to close."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) > STDERR:
            with suppress(OSError):
                os.close(int(name))


def _set_threads(environment: Mapping[str, str], n_threads: int) -> None:
    """As many threads as the libraries would have taken from the environment, had they been loaded in it."""
    asked = next((environment[name] for name in THREADS if name in environment), "")
    count = int(asked) if asked.isdigit() and int(asked) else n_threads
    sys.modules["torch"].set_num_threads(count)
    if asked and count != n_threads:
        from threadpoolctl import threadpool_limits

        threadpool_limits(count)
