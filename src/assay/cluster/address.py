"""Where a fork server listens: a socket in a folder of this user alone, for this installation of Assay."""

import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from assay.errors import ConfigError

VARIABLE = "ASSAY_SERVER"  # of the environment: a socket, or empty for no server
LONGEST = 100  # of a socket's path in bytes; the system takes 107


def address() -> Path | None:
    """The socket that jobs of this process ask: what ASSAY_SERVER names, or else that of `assay serve`."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    return usual_address()


def usual_address() -> Path:
    """The socket of `assay serve`; one per user and installation."""
    installation = hashlib.sha256(f"{sys.prefix}\0{Path(__file__).parent}".encode()).hexdigest()[:12]
    return short_folder() / f"assay-{os.geteuid()}" / f"{installation}.sock"


def private_folder(folder: Path) -> Path:
    """The folder, made where it is missing, which only this user can enter.

    Raises:
        ConfigError: it is not ours, or others can enter it.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_private(folder):
        raise ConfigError(
            f"{folder}: others can enter it or own it, expected a folder of mode 0700 that is yours."
        )
    return folder


def is_private(folder: Path) -> bool:
    """Whether a folder is this user's, and closed to all others."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def short_folder() -> Path:
    """TMPDIR, or /tmp where sockets in it would have too long a path."""
    folder = tempfile.gettempdir()
    return Path(folder if len(os.fsencode(folder)) < LONGEST - 50 else "/tmp")
