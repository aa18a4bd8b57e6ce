"""The end of a log."""

import os
from pathlib import Path

USUAL_BYTES = 20_000


def tail(log: Path, n_bytes: int = USUAL_BYTES) -> str:
    """The last bytes of a log as text; empty where it cannot be read, or is not there yet."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - n_bytes))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
