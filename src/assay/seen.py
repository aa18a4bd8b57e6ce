"""What was seen of a source: the token that makes Snakemake rerun its job when, and only when, it changed.

Beside a target (intake.json, data.json) lies an undeclared file, as git keeps an index:
{token, sha256, attempts, stat}. Where the stat of the source is unchanged nothing is hashed; a touched
source is hashed once; a source that no longer has the recorded sha256 gets a new token, which also counts
the attempts, since a rerun that failed would otherwise be up to date.
"""

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from assay.errors import Refused
from assay.files import compact_json, publish_json, read_json, sha256_bytes
from assay.layout import seen

NEW = "new"
Stat = list[list[Any]]  # path, size, mtime_ns, ctime_ns, inode of each file
Files = Sequence[Path] | Callable[["Seen"], Sequence[Path]]  # or those that the memory says


@dataclass(frozen=True, slots=True)
class Seen:
    """The memory beside one target."""

    token: str = NEW
    sha256: str = ""
    attempts: int = 0
    stat: Stat | None = None

    @property
    def files(self) -> list[Path]:
        """The files that were looked at."""
        return [Path(name) for name, *_ in self.stat or ()]

    @classmethod
    def of(cls, target: str) -> "Seen":
        """What is remembered; the target itself is believed over the memory, which may be lost or older."""
        memory = cls.remembered(target)
        written = _read(Path(target))
        if {"token", "sha256"} <= written.keys() and written["sha256"] != memory.sha256:
            return replace(memory, token=written["token"], sha256=written["sha256"], stat=None)
        return memory

    @classmethod
    def remembered(cls, target: str) -> "Seen":
        """What is remembered, whatever the target says."""
        return cls(**_read(seen(target)))

    def save(self, target: str) -> None:
        """Remember it; where the results are read-only, silently not: a lost memory costs one hash."""
        try:
            publish_json(seen(target), asdict(self))
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise


def stat_of(files: Sequence[Path]) -> Stat | None:
    """The stat of the files, or None where one is gone."""
    try:
        stats = [(str(file), file.stat()) for file in files]
    except FileNotFoundError:
        return None
    return [[name, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino] for name, s in stats]


@contextmanager
def unchanged(files: Sequence[Path]) -> Iterator[Stat]:
    """The stat of the files, which must be the same at the end of the block.

    Raises:
        Refused: one is not there, or changed meanwhile.
    """
    before = stat_of(files)
    if before is None:
        missing = next(file for file in files if not file.exists())
        raise Refused(
            f"{missing}: there is no such file. Where a rule makes it, let snakemake make it first."
        )
    yield before
    if stat_of(files) != before:
        raise Refused(f"{files[0].parent}: a file changed while it was read. Run again when it is whole.")


def changed(target: str, files: Files, sha256: Callable[[], str]) -> tuple[str, str] | None:
    """The recorded and the present sha256 of the source where they differ; hashes only where the stat did."""
    return _change(Seen.of(target), target, files, sha256)


def token(target: str, files: Files, sha256: Callable[[], str]) -> str:
    """The param of the job that makes `target` from `files`: the recorded one unless the source changed.

    Without `files` nothing is compared.
    """
    memory = Seen.of(target)
    if difference := _change(memory, target, files, sha256):
        return f"after-{difference[0][:12]}-{memory.attempts}"
    return memory.token


def without(lost: str, target: str) -> str:
    """The token where `lost`, a file that is published with `target`, is gone: the job is to run again."""
    return f"without-{lost}-{Seen.of(target).attempts}"


def otherwise(target: str, wanted: Mapping[str, Any]) -> str:
    """The token where `target` was made of another value of a key than is wanted; empty where it was not."""
    made = _content(Path(target))
    for key, value in wanted.items() if made else ():
        if made.get(key, type(value)()) != value:
            return f"{key}-{sha256_bytes(compact_json(value).encode())[:12]}-{Seen.of(target).attempts}"
    return ""


def begin(target: str) -> None:
    """Count an attempt to make `target`, before anything of it can fail."""
    memory = Seen.of(target)
    replace(memory, attempts=memory.attempts + 1).save(target)


def finish(target: str, *, token: str, sha256: str, stat: Stat) -> None:
    """Remember the source that `target` was made of."""
    Seen(token, sha256, Seen.of(target).attempts, stat).save(target)


def _change(memory: Seen, target: str, files: Files, sha256: Callable[[], str]) -> tuple[str, str] | None:
    if not memory.sha256:
        return None
    known = files(memory) if callable(files) else files
    stat = stat_of(known) if known else None
    if stat is None or stat == memory.stat:
        return None
    now = sha256()
    if now != memory.sha256:
        return memory.sha256, now
    replace(memory, stat=stat).save(target)
    return None


def _read(path: Path) -> dict[str, Any]:
    content = _content(path)
    known: dict[str, Any] = {
        name: content[name] for name in ("token", "sha256", "attempts", "stat") if name in content
    }
    several = content.get("sources_sha256")  # of a target that is made of several files
    return {**known, "sha256": several} if several else known


def _content(path: Path) -> dict[str, Any]:
    try:
        return read_json(path)
    except (FileNotFoundError, Refused):
        return {}
