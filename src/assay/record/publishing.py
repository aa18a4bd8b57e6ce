"""A folder of files that appears under its name whole or not at all."""

import ctypes
import errno
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.files import sync

RENAME_EXCHANGE = 2  # of renameat2(2)
AT_FDCWD = -100
TAKEN = (errno.ENOTEMPTY, errno.EEXIST)
NOT_OFFERED = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP)  # by the kernel or the file system

HOLDS_ONE = "holds a record already. Give another name, or overwrite=True, which replaces all of it."


@contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A new hidden folder beside `target`; whatever is left of it is removed at the end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refuse_taken(target: Path, *, overwrite: bool, own: Collection[str]) -> None:
    """Refuse a `target` that may not be replaced; `own` are the names of files that may.

    Raises:
        FileExistsError: it is taken and not to be overwritten, is no folder, or holds a file that is not `own`.
    """
    if not os.path.lexists(target):
        return
    if target.is_symlink() or not target.is_dir():
        raise FileExistsError(f"{target} is no folder; move it away or give another name.")
    inside = sorted(entry.name for entry in target.iterdir())
    if inside and not overwrite:
        raise FileExistsError(f"{target} {HOLDS_ONE}")
    if foreign := [name for name in inside if name not in own and not _is_litter(name)]:
        raise FileExistsError(
            f"{target} holds {', '.join(foreign)}, which no record has; overwrite=True would delete it. Move it away."
        )


def publish_folder(folder: Path, target: Path, *, overwrite: bool) -> None:
    """Give `folder`, whose files are on disk, the name `target`; what stood there becomes `folder`.

    A kill leaves the old folder or the new one under the name; where the file system cannot exchange two names
    (NFS), one between two renames leaves the old one beside it, as `folder` with the ending `.old`.

    Raises:
        FileExistsError: another process took the name, and `overwrite` is not set.
    """
    sync(folder)
    try:
        folder.rename(target)  # onto nothing, or an empty folder
    except OSError as error:
        if error.errno not in TAKEN:
            raise
        if not overwrite:
            raise FileExistsError(f"{target} {HOLDS_ONE}") from None
        _exchange(folder, target)
    sync(target.parent)


def _exchange(folder: Path, target: Path) -> None:
    if _exchanged_at_once(folder, target):
        return
    old = folder.with_suffix(".old")
    target.rename(old)
    folder.rename(target)
    old.rename(folder)


def _exchanged_at_once(folder: Path, target: Path) -> bool:
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # not Linux, or an old libc
        return False
    names = AT_FDCWD, os.fsencode(folder), AT_FDCWD, os.fsencode(target)
    if renameat2(*names, RENAME_EXCHANGE) == 0:
        return True
    if (code := ctypes.get_errno()) in NOT_OFFERED:
        return False
    raise OSError(code, os.strerror(code), str(target))


def _is_litter(name: str) -> bool:
    """Whether a file is what a killed write of `assay.files.publish` leaves."""
    return name.startswith(".") and name.endswith(".tmp")
