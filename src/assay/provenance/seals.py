"""One sha256 a checkpoint over all that decides how it stands: while it is the same, so is every verdict.

It goes over the plan, the code, and the stat (size, mtime, ctime, inode) of every file that a verdict is made of,
those that are not there included. Nearly no file is opened.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from assay import catalog, plan, seen, tokens
from assay.catalog import READERS
from assay.config import Plan
from assay.digest import code_digests, combined
from assay.layout import Layout, seen_path
from assay.sheet import Row


@dataclass(frozen=True, slots=True)
class Seal:
    """A sha256 over stats and texts, and when the last of these files changed by the clock of its file system."""

    sha256: str
    changed_ns: int  # the newest ctime; 0 where no file is there

    @classmethod
    def of(cls, files: Iterable[str], *texts: str, parts: Sequence["Seal"] = ()) -> "Seal":
        """The seal over files, texts and other seals."""
        stats, changed_ns = _stats(files)
        joined = "\0".join((stats, *texts, *(part.sha256 for part in parts)))
        newest = max((changed_ns, *(part.changed_ns for part in parts)))
        return cls(hashlib.sha256(joined.encode()).hexdigest(), newest)


class Seals:
    """The seals of a plan as its files are now; what several checkpoints share is looked at once."""

    def __init__(self, over: Plan, *, judged_by: str):
        """`judged_by` is the module whose verdicts are sealed."""
        self._plan = over
        self._layout = Layout(over.results)
        self._general = _general(over, judged_by)
        self._border = cache(self._border_of)
        self._data = cache(self._data_of)

    def seal(self, checkpoint: str, watched: Sequence[str]) -> Seal:
        """The seal of a checkpoint; `watched` are files of its own that no name in the plan tells."""
        row = self._plan.rows[checkpoint]
        partners = [name for name in (row.teacher, *row.experts) if name]
        wanted = plan.wanted(self._plan, checkpoint)
        families = (row.family, *(self._plan.rows[name].family for name in partners))
        return Seal.of(
            (*self._files(checkpoint, wanted), *watched),
            self._general,
            _code(tuple(wanted), families),
            repr((row.teacher, row.experts, row.artifacts, row.options, row.data)),
            parts=[self._border(checkpoint), *map(self._border, partners), self._data(row.data)],
        )

    def watched(self, checkpoint: str) -> list[str]:
        """Notes of failures, and where a change of what training left would show; new notes show in their folder."""
        notes = _notes(f"{self._layout.results}/{checkpoint}/records")
        training = self._layout.training(checkpoint)
        if not Path(training).exists():
            return notes
        around = tokens.training_looked_at(self._plan.rows[checkpoint], seen.Seen.of(training))
        return [*notes, *map(str, around)]

    def _files(self, checkpoint: str, wanted: Iterable[str]) -> Iterator[str]:
        folder, table = f"{self._layout.results}/{checkpoint}", catalog.artifacts()
        for artifact in wanted:
            yield f"{folder}/records/{artifact}.json"
            yield f"{folder}/{table[artifact].file}"
            for name in table[artifact].also:
                yield f"{folder}/{name}"
        yield f"{folder}/records"
        training = self._layout.training(checkpoint)
        yield from (training, seen_path(training), self._layout.run(checkpoint))

    def _border_of(self, checkpoint: str) -> Seal:
        """Over a checkpoint's own file and its intake, which also decide for those whose partner it is."""
        row, layout = self._plan.rows[checkpoint], self._layout
        intake = layout.intake(checkpoint)
        taken_in = (
            intake,
            seen_path(intake),
            layout.weights(checkpoint),
            layout.hparams(checkpoint),
        )
        files = (*taken_in, layout.failed(checkpoint, "intake"), *_sources(row))
        return Seal.of(files, repr((row.family, row.path, row.hparams)))

    def _data_of(self, name: str) -> Seal:
        data, layout = self._plan.data[name], self._layout
        target = layout.data(name)
        splits = (layout.split(name, split) for split in data.splits)
        raw = map(str, tokens.source_files(data))
        files = (target, seen_path(target), layout.data_failed(name), *splits, *raw)
        return Seal.of(files, repr(data), tokens.data_code(data.source))


def file_system_now_ns(folder: str) -> int:
    """The time by the clock that stamps the files in a folder; 0 where none can be written there.

    Whatever changes from now on has a ctime that is not older.
    """
    path = Path(folder, f".clock.{secrets.token_hex(6)}.tmp")
    with suppress(OSError):
        path.touch(exist_ok=False)
        now_ns = path.stat().st_ctime_ns
        path.unlink()
        return now_ns
    return 0


def _general(over: Plan, judged_by: str) -> str:
    """What decides for all checkpoints alike: tables, options, and the code that judges."""
    tables = (catalog.artifacts(), catalog.families(), catalog.SOURCES)
    rows = [{name: asdict(row) for name, row in table.items()} for table in tables]
    said = json.dumps([rows, over.results, over.enabled, over.options], sort_keys=True, default=sorted)
    return f"{said} {combined(code_digests([judged_by]))}"


def stat_of(file: str) -> str:
    """The stat of one file as text, or that it is not there."""
    return _stats([file])[0]


def _sources(row: Row) -> list[str]:
    """The files of a checkpoint, as `tokens.checkpoint_files` finds them; most have one."""
    if catalog.families()[row.family].beside or os.path.isdir(row.path):  # noqa: PTH112
        return [str(file) for file in tokens.checkpoint_files(row)]
    return [row.path]


@cache
def _code(artifacts: tuple[str, ...], families: tuple[str, ...]) -> str:
    """One digest over all the code that makes these artifacts of these families."""
    rows = [catalog.families()[name] for name in sorted(set(families))]
    modules = {catalog.artifacts()[name].module for name in artifacts}
    return combined(
        code_digests(sorted(modules | {row.module for row in rows} | {READERS[row.batches] for row in rows}))
    )


def _notes(folder: str) -> list[str]:
    """The notes of failures in a folder of records."""
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except FileNotFoundError:
        return []
    return [f"{folder}/{name}" for name in sorted(names) if name.endswith(".failed.json")]


def _stats(files: Iterable[str]) -> tuple[str, int]:
    """The stat of each file, in a text, and the newest ctime."""
    held, changed = [], [0]
    for file in files:
        try:
            stat = os.stat(file)  # noqa: PTH116
        except (FileNotFoundError, NotADirectoryError):
            held.append(f"{file} -")
            continue
        ctime_ns = stat.st_ctime_ns
        held.append(f"{file} {stat.st_size} {stat.st_mtime_ns} {ctime_ns} {stat.st_ino}")
        changed.append(ctime_ns)
    return "\n".join(held), max(changed)
