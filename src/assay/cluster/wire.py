"""What a client and a fork server say to each other: lines of JSON, the first with file descriptors."""

import json
import os
import resource
import signal
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 16 << 20  # of a message; an environment is at most some megabytes
_LENGTH = struct.Struct("!I")

# Libraries read these when they are loaded, which a server did before: server and client must agree on them.
_READ_ON_LOADING = (
    "PYTHON", "LD_", "TORCH", "PYTORCH", "OMP_", "MKL_", "OPENBLAS_", "KMP_", "GOMP_", "NUMPY_", "NPY_", "ATEN_",
    "MALLOC_", "GLIBC_", "MPL",
)  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "GOTO_NUM_THREADS",
           "VECLIB_MAXIMUM_THREADS")  # fmt: skip
_JOB = ("SLURM_JOB_ID", "SLURM_STEP_ID")  # whose limits on memory and CPUs a process is born under
FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)
_LIMITS = {name: value for name, value in vars(resource).items() if name.startswith("RLIMIT_")}


@dataclass(frozen=True, slots=True)
class Order:
    """A command line to run, and all that it would have of the process that orders it."""

    argv: list[str]
    cwd: str
    umask: int
    environment: dict[str, str]
    ignored: list[int]  # signals
    inherited: dict[str, Any]


def order(argv: list[str]) -> Order:
    """The order for a command line of this process."""
    umask = os.umask(0o077)
    os.umask(umask)
    ignored = [int(number) for number in FORWARDED if signal.getsignal(number) is signal.SIG_IGN]
    return Order(argv, os.getcwd(), umask, dict(os.environ), ignored, inherited())  # noqa: PTH109


def ordered(message: dict[str, Any]) -> Order:
    """The order that a message holds.

    Raises:
        ConnectionError: it holds none, as from another version of Assay.
    """
    try:
        return Order(**message)
    except TypeError:
        raise ConnectionError("what came is no order") from None


def inherited() -> dict[str, Any]:
    """What a process has from its start and a child of another cannot be given later."""
    read = {
        name: value
        for name, value in os.environ.items()
        if (name.startswith(_READ_ON_LOADING) and name not in THREADS) or name in _JOB
    }
    return {
        "interpreter": [sys.prefix, sys.version],
        "environment": read,
        "limits": {name: list(resource.getrlimit(of)) for name, of in sorted(_LIMITS.items())},
        "cpus": sorted(os.sched_getaffinity(0)),
    }


def send(connection: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    """Send one message; the receiver gets copies of the descriptors."""
    body = json.dumps(message).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(body))], descriptors)
    connection.sendall(body)


def receive(connection: socket.socket, n_descriptors: int = 0) -> tuple[dict[str, Any], list[int]]:
    """One message and the descriptors that came with it.

    Raises:
        ConnectionError: the other end is gone, or what it sends is no message.
    """
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, n_descriptors)
    try:
        (length,) = _LENGTH.unpack(head + _exactly(connection, _LENGTH.size - len(head)))
        if length > MOST_BYTES:
            raise ConnectionError(f"a message of {length} bytes, expected at most {MOST_BYTES}")
        return json.loads(_exactly(connection, length)), descriptors
    except (OSError, ValueError) as error:
        for descriptor in descriptors:
            os.close(descriptor)
        raise error if isinstance(error, ConnectionError) else ConnectionError(str(error)) from None


def _exactly(connection: socket.socket, n_bytes: int) -> bytes:
    parts = []
    while n_bytes:
        part = connection.recv(min(n_bytes, 1 << 16))
        if not part:
            raise ConnectionResetError("the other end is gone")
        parts.append(part)
        n_bytes -= len(part)
    return b"".join(parts)
