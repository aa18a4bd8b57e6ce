"""Headers read in one limited child process for all files; one that dies loses a single file."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.errors import AssayError, Refused

MAX_ANSWER_BYTES = 64 * 2**20
START_SECONDS = 300.0  # in which a child must have imported what it needs


@dataclass(frozen=True, slots=True)
class Limits:
    """What one header may take."""

    cpu_seconds: int = 20
    wall_seconds: int | float = 60
    memory_bytes: int = 2**30  # beyond what the reader itself takes


@dataclass(slots=True)
class HeaderReader:
    """Reads headers one after the other; see `headers.Header` for what an answer holds."""

    limits: Limits = field(default_factory=Limits)
    n_children: int = 0
    _child: subprocess.Popen[bytes] | None = None

    def read(self, path: Path) -> dict[str, Any]:
        """The header of a checkpoint.

        Raises:
            Refused: the reason, without the path.
            AssayError: no child can be started.
        """
        child = self._started()
        try:
            _write(child, os.fsencode(path).hex().encode() + b"\n")
            answer = _answer(child, self.limits.wall_seconds)
        except TimeoutError:
            self.close()
            raise Refused(f"its header took longer than {self.limits.wall_seconds:g} s") from None
        except (EOFError, OSError):
            raise Refused(
                f"reading its header ended the process that reads headers ({self._end()})"
            ) from None
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer

    def close(self) -> None:
        """End the child, where there is one."""
        if (child := self._child) is not None:
            self._child = None
            child.kill()
            child.communicate()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            numbers = [str(self.limits.cpu_seconds), str(self.limits.memory_bytes)]
            command = [sys.executable, "-P", "-m", "assay.discover.child", *numbers]
            threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
            pipe = subprocess.PIPE
            self._child = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env={**os.environ, **threads}
            )
            self.n_children += 1
            try:
                _answer(self._child, START_SECONDS)
            except (EOFError, OSError, Refused):
                raise AssayError(f"no process that reads headers can be started ({self._end()}).") from None
        return self._child

    def _end(self) -> str:
        """How the child ended."""
        child, self._child = self._child, None
        if child is None:
            return "unknown"
        child.communicate()
        code = child.returncode
        if code == -signal.SIGXCPU:
            return f"more than {self.limits.cpu_seconds} s of CPU"
        return signal.Signals(-code).name if code < 0 else f"exit {code}"


@contextmanager
def header_reader(limits: Limits | None = None) -> Iterator[HeaderReader]:
    """A reader whose child ends with the block."""
    reader = HeaderReader(limits or Limits())
    try:
        yield reader
    finally:
        reader.close()


def _write(child: subprocess.Popen[bytes], line: bytes) -> None:
    assert child.stdin is not None
    child.stdin.write(line)
    child.stdin.flush()


def _answer(child: subprocess.Popen[bytes], seconds: int | float) -> dict[str, Any]:
    """The next line of the child.

    Raises:
        TimeoutError: there is none in time.
        EOFError: the child has ended.
        Refused: it is too long.
    """
    assert child.stdout is not None
    end, parts, n_bytes = time.monotonic() + seconds, [b""], 0
    while not parts[-1].endswith(b"\n"):
        if not select.select([child.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimeoutError
        parts.append(os.read(child.stdout.fileno(), 2**20))
        n_bytes += len(parts[-1])
        if not parts[-1]:
            raise EOFError
        if n_bytes > MAX_ANSWER_BYTES:
            child.kill()
            raise EOFError
    return json.loads(b"".join(parts))
