"""The sheet: what stands there stays byte for byte; rows are added behind it."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.datasets import expanded
from assay.errors import AssayError, ConfigError
from assay.files import publish_bytes
from assay.sheet import REQUIRED

COLUMNS = ("checkpoint", "family", "path", "data", "teacher", "experts")
EXTRA = ("hparams", "meta.confidence")  # of a new sheet, where a row has them

Row = Mapping[str, str]  # column -> text


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet as it lies: its bytes, its columns, and the cells of its rows."""

    path: Path
    content: bytes
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def lines_by_path(self) -> dict[str, int]:
        """The line of each checkpoint file or folder, by its absolute path."""
        return {
            os.path.realpath(expanded(row["path"])[0]): line
            for line, row in enumerate(self.rows, start=2)
            if row.get("path")
        }


def read_sheet(path: Path) -> Sheet:
    """The sheet at `path`; one without content where there is none.

    Raises:
        ConfigError: it is no text, or no sheet.
    """
    try:
        content = path.read_bytes()
        lines = re.split(r"\r\n|\r|\n", content.decode("utf-8-sig"))
    except FileNotFoundError:
        return Sheet(path, b"", (), ())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}.") from None
    if not content.strip():
        return Sheet(path, content, (), ())
    columns = tuple(cell.strip() for cell in lines[0].split("\t"))
    if missing := [name for name in REQUIRED if name not in columns]:
        raise ConfigError(
            f"{path}:1 column {', '.join(missing)} is missing, so that no row can be added. Got: {', '.join(columns)}."
        )
    if len(set(columns)) < len(columns):
        raise ConfigError(f"{path}:1 names a column twice. Got: {', '.join(columns)}.")
    return Sheet(path, content, columns, tuple(_cells(columns, line) for line in lines[1:]))


def merged(sheet: Sheet, rows: Sequence[Row]) -> bytes:
    """The sheet with the rows behind what it has; a new one gets a header, too."""
    if not rows:
        return sheet.content
    columns = sheet.columns or (*COLUMNS, *(name for name in EXTRA if any(row.get(name) for row in rows)))
    newline = b"\r\n" if b"\r\n" in sheet.content else b"\n"
    lines = [] if sheet.columns else ["\t".join(columns)]
    lines += ["\t".join(row.get(column, "") for column in columns) for row in rows]
    before = sheet.content if sheet.columns else b""
    before += b"" if not before or before.endswith((b"\n", b"\r")) else newline
    return before + b"".join(line.encode() + newline for line in lines)


def lost(sheet: Sheet, rows: Iterable[Row]) -> list[str]:
    """The columns that rows have and the sheet does not."""
    wanted = dict.fromkeys(name for row in rows for name, text in row.items() if text)
    return [
        name for name in wanted if sheet.columns and name not in sheet.columns and name != "meta.confidence"
    ]


def publish_sheet(sheet: Sheet, rows: Sequence[Row]) -> None:
    """Add the rows to the sheet, all or none of them.

    Raises:
        AssayError: the sheet is not the one that was read.
    """
    path = sheet.path.resolve()
    if (path.read_bytes() if path.exists() else b"") != sheet.content:
        raise AssayError(f"{sheet.path} changed while folders were read; nothing was written. Run again.")
    if rows:
        publish_bytes(path, merged(sheet, rows))


def _cells(columns: Sequence[str], line: str) -> Row:
    return dict(zip(columns, (cell.strip() for cell in line.split("\t")), strict=False))
