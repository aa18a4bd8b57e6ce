"""Which image files a split has, with their ids and labels: of a table, or of one folder a class."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assay.data.image_problems import Problem, refuse_all
from assay.data.image_reading import format_of
from assay.errors import Refused

COLUMNS = ("file", "label", "split", "record_id")


@dataclass(frozen=True, slots=True)
class Listed:
    """One file of a split."""

    file: Path
    record_id: str
    label: str = ""  # empty where it is not known


def listed(files: Mapping[str, Sequence[Path]]) -> dict[str, list[Listed]]:
    """The image files of each split: those that its tables (.csv) name, in their order, or else all, by folder.

    A table names files relative to its folder; those that it does not name are left aside. With a column `split` it
    may serve several splits. Without a table the class of a file is its folder, where there is more than one folder.

    Raises:
        Refused: everything that is wrong with a table, folders at several depths, or a file of two splits.
    """
    found = {
        split: _of_tables(split, paths) if any(map(_is_table, paths)) else _of_folders(split, paths)
        for split, paths in files.items()
    }
    times = Counter(str(entry.file) for entries in found.values() for entry in entries)
    refuse_all(Problem("files of more than one split", file) for file, n in times.items() if n > 1)
    return found


def _is_table(file: Path) -> bool:
    return file.name.lower().endswith(".csv")


def _of_tables(split: str, paths: Sequence[Path]) -> list[Listed]:
    present = {path for path in paths if format_of(path)}
    rows = [row for path in paths if _is_table(path) for row in _rows(path, split, present)]
    if not rows:
        tables = ", ".join(str(path) for path in paths if _is_table(path))
        raise Refused(f"split {split}: no row of {tables} is of this split.")
    return rows


def _rows(table: Path, split: str, present: set[Path]) -> list[Listed]:
    """The rows of one table that are of a split, after all its rows were looked at."""
    rows = _cells(table)
    refuse_all(Problem(f"{table}: {what}", name) for what, name in _problems(table, rows, split, present))
    return [
        Listed(table.parent / row["file"], row.get("record_id") or row["file"], row.get("label", ""))
        for row in rows
        if row.get("split", split) == split
    ]


def _cells(table: Path) -> list[dict[str, str]]:
    """The rows by column, of our columns only, without blanks around a cell."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as text:
            head, *rows = [
                [cell.strip() for cell in row] for row in csv.reader(text, strict=True) if row
            ] or [[]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{table} is no readable csv file: {error}.") from None
    if "file" not in head or len(set(head)) < len(head):
        raise Refused(
            f"{table} has the columns {', '.join(head) or 'none'}; needed: file, and each name once."
        )
    refuse_all(
        Problem(f"{table}: rows of another length than the header", f"{', '.join(row)[:60]!r}")
        for row in rows
        if len(row) != len(head)
    )
    return [{name: cell for name, cell in zip(head, row, strict=True) if name in COLUMNS} for row in rows]


def _problems(
    table: Path, rows: Sequence[Mapping[str, str]], split: str, present: set[Path]
) -> Iterator[Problem]:
    for name, n in Counter(str(PurePosixPath(row["file"])) for row in rows).items():
        if n > 1:
            yield Problem("files named more than once", name)
    for name, n in Counter(row["record_id"] for row in rows if row.get("record_id")).items():
        if n > 1:
            yield Problem("record_ids given more than once", name)
    for row in rows:
        if row.get("split", split) == "":
            yield Problem("rows without a split", row["file"])
        if problem := _problem_of_file(table, row["file"], row.get("split", split) == split, present):
            yield problem


def _problem_of_file(table: Path, name: str, of_this_split: bool, present: set[Path]) -> Problem | None:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts:
        return Problem("files that are no path below the table's folder", repr(name))
    if not of_this_split:
        return None
    if table.parent / name not in present:
        return Problem(_why_absent(table.parent / name), name)
    if not (table.parent / name).resolve().is_relative_to(table.parent.resolve()):
        return Problem("files that a link takes out of the table's folder", name)
    return None


def _why_absent(file: Path) -> str:
    if not file.is_file():
        return "files that are not there"
    if not format_of(file):
        return "files of an unknown suffix"
    return "files that are not in `path` or `splits`, which must name their folder too"


def _of_folders(split: str, paths: Sequence[Path]) -> list[Listed]:
    refuse_all(Problem("files of an unknown suffix", str(path)) for path in paths if not format_of(path))
    if not paths:
        raise Refused(f"split {split} has no image files.")
    folders = sorted({path.parent for path in paths})
    if len(folders) == 1:
        return [Listed(path, path.name) for path in paths]
    if len({folder.parent for folder in folders}) > 1:
        shown = ", ".join(map(str, folders[:3]))
        raise Refused(
            f"split {split}: files lie in folders that are not side by side ({shown}, ...), so that folders are no "
            "classes. Name files and labels in a table, labels.csv."
        )
    return [Listed(path, f"{path.parent.name}/{path.name}", path.parent.name) for path in paths]
