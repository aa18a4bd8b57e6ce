"""The sheet of checkpoints: a tab separated file -> rows; what cannot be read, by row and column."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from assay import catalog
from assay.catalog import Value
from assay.datasets import expanded
from assay.options import cast, meant

REQUIRED = ("checkpoint", "family", "path", "data")
OPTIONAL = ("teacher", "experts", "artifacts", "hparams")
Plain = bool | int | float | str
META = "meta."  # before the name of a column that is only passed on
RESERVED = ("data", "demo", "manifest.json")  # what the results hold that is no checkpoint


@dataclass(frozen=True, slots=True)
class Row:
    """One checkpoint, as its row says."""

    checkpoint: str
    family: str
    path: str
    data: str
    line: int
    teacher: str = ""
    experts: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()  # only these, where they apply and no toggle switches them off
    options: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)
    hparams: Mapping[str, Plain] = field(default_factory=dict)  # added to those of the checkpoint


def read_rows(path: Path, usual: tuple[str, ...]) -> tuple[dict[str, Row], list[str]]:
    """The rows by checkpoint name, and what is wrong with their text, a line each.

    A row that names no artifacts has the `usual`.
    """
    lines, problems = _lines(path)
    if not problems:
        problems = [f"{path}:1 {problem}" for problem in _header_problems(lines[0])]
    if problems:
        return {}, problems
    header = lines[0]
    rows: dict[str, Row] = {}
    columns = [name for name in header if "." in name and not name.startswith(META)]
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cells):
            continue
        row, wrong = _row(dict(zip(header, cells, strict=False)), number, columns, usual)
        if len(cells) > len(header):
            wrong.append(f"has {len(cells)} cells, the header has {len(header)}")
        if row.checkpoint in rows:
            wrong.append(f"checkpoint: {row.checkpoint!r} stands in row {rows[row.checkpoint].line} already")
        problems += [f"{path}:{number} {problem}" for problem in wrong]
        rows.setdefault(row.checkpoint, row)
    return rows, problems


def _lines(path: Path) -> tuple[list[list[str]], list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return [], [f"{path}: there is no such sheet. `checkpoints` in the config names it."]
    except (OSError, UnicodeDecodeError) as error:
        return [], [f"{path}: cannot be read as text: {error}."]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE)
    try:
        lines = [[cell.strip() for cell in line] for line in reader]
    except csv.Error as error:
        return [], [f"{path}:{reader.line_num} cannot be read: {error}."]
    if not lines or not any(lines[0]):
        return [], [f"{path}: is empty. Its first line names the columns: {', '.join(REQUIRED + OPTIONAL)}."]
    return lines, []


def _header_problems(header: list[str]) -> Iterator[str]:
    known = (*REQUIRED, *OPTIONAL)
    for name in REQUIRED:
        if name not in header:
            yield f"column {name} is missing. Got: {', '.join(header)}. Columns are separated by tabs."
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            yield f"column {name} occurs {header.count(name)} times"
        artifact, dot, option = name.partition(".")
        if name in known or (artifact == "meta" and option):
            continue
        if not dot or artifact not in catalog.artifacts():
            allowed = f"{', '.join(known)}, <artifact>.<option>, meta.<key>"
            yield f"column {name!r} is unknown{meant(name, [*known, *_option_columns()])}. Allowed: {allowed}"
        elif option not in catalog.artifacts()[artifact].options:
            takes = ", ".join(catalog.artifacts()[artifact].options)
            yield f"column {name!r}: {artifact} has no such option{meant(name, _option_columns())}. It takes: {takes}"


def _option_columns() -> list[str]:
    return [f"{name}.{option}" for name, row in catalog.artifacts().items() for option in row.options]


def _row(
    cells: dict[str, str], line: int, columns: Sequence[str], usual: tuple[str, ...]
) -> tuple[Row, list[str]]:
    """A row, and what is wrong with it; `columns` are those of options."""
    problems = [f"{name}: is empty" for name in REQUIRED if not cells.get(name)]
    options: dict[str, dict[str, Value]] = {}
    for column in columns:
        artifact, _, name = column.partition(".")
        if not (text := cells.get(column)):
            continue
        try:
            value = cast(catalog.artifacts()[artifact].options[name], text)
            options.setdefault(artifact, {})[name] = value
        except ValueError as error:
            problems.append(f"{column}: {error}")
    hparams, wrong = _pairs(cells.get("hparams", ""))
    problems += [f"hparams: {problem}" for problem in wrong]
    row = Row(
        checkpoint=cells.get("checkpoint", ""),
        family=cells.get("family", ""),
        path=expanded(cells.get("path", ""))[0],
        data=cells.get("data", ""),
        line=line,
        teacher=cells.get("teacher", ""),
        experts=_words(cells.get("experts", "")),
        artifacts=_words(cells.get("artifacts", "")) or usual,
        options=options,
        meta={c.removeprefix(META): text for c, text in cells.items() if c.startswith(META) and text},
        hparams=hparams,
    )
    return row, problems


def _pairs(text: str) -> tuple[dict[str, Plain], list[str]]:
    """The values of `key=value` pairs, between spaces or semicolons, and what is wrong with them."""
    pairs: dict[str, Plain] = {}
    problems = []
    for word in re.split(r"[;\s]+", text.strip("; ")) if text else []:
        key, equals, value = word.partition("=")
        if not (equals and value and key.isidentifier()):
            problems.append(
                f"{word!r} is no pair. Allowed: key=value, as num_heads=12, pairs between spaces or ';'"
            )
        elif key in pairs:
            problems.append(f"{key!r} stands there twice")
        else:
            pairs[key] = _plain_value(value)
    return pairs, problems


def _plain_value(text: str) -> Plain:
    """A truth, a finite number, or else the text."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if re.fullmatch(r"[+-]?\d{1,300}", text):
        return int(text)
    if re.fullmatch(r"[+-]?(\d{1,200}\.?\d{0,200}|\.\d{1,200})(e[+-]?\d{1,2})?", text.lower()):
        return float(text)
    return text


@cache
def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
