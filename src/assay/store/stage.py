"""One owner a target: a job that outlived its Snakemake cannot overwrite a newer result.

An attempt writes into a folder of its own, `<target>.<attempt>.stage`, and links its owner file to `<target>.owner`,
which only one can. Where the name is taken by an attempt that ended, its owner file is moved away, its folder
removed, and the link tried again.

Everything that an attempt does to a result is a move out of its folder or into it. A folder that is gone cannot be
moved from nor into, so the next owner ends all of that at once by removing it: between a check and a rename
there would be time for a newer result.
"""

import errno
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import AssayError
from assay.files import sync
from assay.store.owner import Owner

OWNER, STAGE = ".owner", ".stage"
GONE = (errno.ENOENT, errno.ESTALE)
POLL_SECONDS = 1.0
JUDGE_SECONDS = 60.0  # an owner elsewhere costs a question to Slurm


class Taken(AssayError):
    """Another process makes the target."""

    superseded = False


class Superseded(Taken):
    """Another process makes, or has made, the target, having taken this one for dead."""

    superseded = True


class Stage:
    """The folder of an owner; what it holds becomes a result by `publish`."""

    def __init__(self, target: Path):
        self.target = target
        self._attempt = secrets.token_hex(6)
        self.folder = _stage(target, self._attempt)
        self._owner_file = _owner_file(target)
        self._rooms = {target.parent: self.folder}
        target.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir()

    def path(self, file: Path) -> Path:
        """Where to write what is to become `file`; files of different folders may have one name.

        Make no folders on the way: one that is gone tells that this attempt is over. FileNotFoundError then.
        """
        if file.parent not in self._rooms:
            room = self.folder / str(len(self._rooms))
            room.mkdir()
            self._rooms[file.parent] = room
        return self._rooms[file.parent] / file.name

    def publish(self, *files: Path) -> None:
        """Move files or folders to where they belong, in this order; the last one when the others are on disk.

        Raises:
            Superseded: the folder is gone; nothing more is moved.
        """
        *first, last = files
        for file in first:
            self._publish(file)
        for folder in {file.parent for file in first}:
            sync(folder)
        self._publish(last)
        sync(last.parent)

    def remove(self, file: Path) -> None:
        """Take a file or folder out of the results; nothing where it, or the right to do so, is gone."""
        _moved(file, self._somewhere())

    def take(self, *, by_force: bool) -> bool:
        """Own the target from now on; False where a new owner took this folder for litter.

        Raises:
            Taken: its owner may still run.
        """
        try:
            Owner.here(self._attempt).write(self.folder / OWNER)
            while not _linked(self.folder / OWNER, self._owner_file):
                self._evict(by_force=by_force)
        except FileNotFoundError:
            return False
        for beside in list(self.target.parent.iterdir()):
            if beside != self.folder and _is_stage(beside, self.target):
                self._drop(beside)
        return True

    def release(self) -> None:
        """Own the target no more."""
        _moved(self._owner_file, self._somewhere())
        self.discard()

    def discard(self) -> None:
        """Throw the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def superseded(self) -> Superseded:
        """The error of an attempt that another took for dead."""
        return Superseded(
            f"{self.target} was taken over by another process meanwhile; what this one made is lost."
        )

    def _evict(self, *, by_force: bool) -> None:
        """Move away the owner file of an attempt that ended; of several that do so one wins."""
        owner = Owner.read(self._owner_file)
        if owner is None:
            return
        if not by_force and _in_charge(self.target, owner) and owner.may_run():
            raise Taken(_in_the_way(self._owner_file, self.target, owner))
        moved = self._somewhere()
        if not _moved(self._owner_file, moved):
            return
        if (Owner.read(moved) or owner).attempt == owner.attempt:
            self._drop(_stage(self.target, owner.attempt))
        else:  # another came in between
            _linked(moved, self._owner_file)
            moved.unlink()

    def _drop(self, stage: Path) -> None:
        moved = self._somewhere()
        if _moved(stage, moved):
            shutil.rmtree(moved, ignore_errors=True)

    def _publish(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            self.remove(file)
        try:
            staged = self.path(file)
            held = os.open(staged, os.O_RDONLY)  # while it is open, no other file has its inode
        except OSError as error:
            if error.errno in GONE:
                raise self.superseded() from error
            raise
        try:
            # A file server that repeats a move whose answer was lost says that there is nothing to move.
            if not _moved(staged, file) and _inode(file) != os.fstat(held).st_ino:
                raise self.superseded()
        finally:
            os.close(held)

    def _somewhere(self) -> Path:
        return self.folder / secrets.token_hex(6)


@contextmanager
def owned(target: Path, *, by_force: bool = False) -> Iterator[Stage]:
    """Own a target for the block; `by_force` also where its owner may still run, whose writes then fail.

    Raises:
        Taken: its owner may still run.
        Superseded: another took the target over before all was published.
    """
    stage = _taken(target, by_force=by_force)
    try:
        yield stage
    except OSError as error:
        if error.errno not in GONE or stage.folder.exists():
            raise
        raise stage.superseded() from error
    finally:
        stage.release()


def made_once(
    target: Path,
    make: Callable[[Stage], object],
    *,
    last: Path,
    made: Callable[[], bool],
    wait: bool = True,
    by_force: bool = False,
) -> None:
    """Call `make` as the owner of `target`.

    With `wait`, another owner is waited for; what it has `made` is not made again, nor what took this process over,
    once `last`, its last file, is there.

    Raises:
        Taken: without `wait`, another process makes the target.
    """
    while True:
        try:
            with owned(target, by_force=by_force) as stage:
                make(stage)
            return
        except Taken as taken:
            if not wait:
                raise
            by_force = False
            _wait_for_the_end(target, taken)
            if last.exists() if taken.superseded else made():
                return


def _taken(target: Path, *, by_force: bool) -> Stage:
    while True:
        stage = Stage(target)
        try:
            if stage.take(by_force=by_force):
                return stage
        except BaseException:
            stage.discard()
            raise


def _wait_for_the_end(target: Path, taken: Taken) -> None:
    """Return when the target has no owner, or one that ended."""
    print(f"{taken}\nwaiting for its owner", file=sys.stderr, flush=True)
    judged = time.monotonic()
    while (owner := Owner.read(_owner_file(target))) is not None and _in_charge(target, owner):
        if time.monotonic() - judged >= JUDGE_SECONDS:
            if not owner.may_run():
                return
            judged = time.monotonic()
        time.sleep(POLL_SECONDS)


def _in_charge(target: Path, owner: Owner) -> bool:
    """Whether an owner still has its folder, without which it can do nothing; of an unknown one nothing is known."""
    return not owner.attempt or _stage(target, owner.attempt).exists()


def _owner_file(target: Path) -> Path:
    return target.with_name(target.name + OWNER)


def _stage(target: Path, attempt: str) -> Path:
    return target.with_name(f"{target.name}.{attempt}{STAGE}")


def _is_stage(path: Path, target: Path) -> bool:
    return path.name.startswith(f"{target.name}.") and path.name.endswith(STAGE)


def _linked(private: Path, public: Path) -> bool:
    """Whether `public` is now another name of `private`, which only one can be. Raises where `private` is gone."""
    try:
        os.link(private, public)
    except FileExistsError:
        pass
    except OSError as error:
        if error.errno in GONE:
            raise FileNotFoundError(private) from None
        return _copied(private, public)  # a file system without links
    return private.stat().st_nlink == 2  # also where the answer to a link was lost, and its repetition failed


def _copied(private: Path, public: Path) -> bool:
    try:
        with public.open("xb") as file:
            file.write(private.read_bytes())
    except FileExistsError:
        return False
    return True


def _moved(source: Path, target: Path) -> bool:
    """Whether `source` was there, and a folder to move it to."""
    try:
        source.rename(target)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return False
    return True


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _in_the_way(owner_file: Path, target: Path, owner: Owner) -> str:
    return (
        f"{target} is being made by {owner}. Where you know that this process is dead, delete {owner_file}, or give"
        " `assay make` --take-over; what it writes after that is lost."
    )
