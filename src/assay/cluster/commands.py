"""Slurm's commands, run with a deadline; what they say comes back as text."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

DEADLINE_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed; `error` says why there is nothing, and is empty where it succeeded."""

    out: str
    error: str = ""


def is_installed(command: str) -> bool:
    """Whether a command is on PATH."""
    return shutil.which(command) is not None


def answer(command: Sequence[str], deadline_seconds: int | float = DEADLINE_SECONDS) -> Answer:
    """What `command` prints; one that fails, hangs or is not there answers with an error of one line."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=deadline_seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return Answer("", f"no answer in {deadline_seconds:g} s")
    except OSError as error:
        return Answer("", f"{command[0]}: {error.strerror}")
    if done.returncode:
        return Answer(done.stdout, last_line(done.stderr) or f"exit code {done.returncode}")
    return Answer(done.stdout)


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
