"""The sheet of checkpoints: a tab separated file -> rows; every error at once, by row and column."""

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from assay import catalog
from assay.catalog import MAKERS, SOURCES, Value
from assay.datasets import NAME, DataSet, expanded, made_by_rule
from assay.model_folder import CONFIG
from assay.options import cast, meant, unknown

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


def read_rows(
    path: Path,
    data: Mapping[str, DataSet],
    options: Mapping[str, Mapping[str, Value]],
    results: str,
    *,
    enabled: tuple[str, ...],
    usual: tuple[str, ...],
) -> tuple[dict[str, Row], list[str]]:
    """The rows by checkpoint name, and every problem, a line each; a row without artifacts has the `usual`.

    `options` are those of all artifacts before a row's own, `enabled` the artifacts that no toggle switches off.
    """
    lines, problems = _lines(path)
    if problems:
        return {}, problems
    header = lines[0]
    problems = [f"{path}:1 {problem}" for problem in _header_problems(header)]
    if problems:
        return {}, problems
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
    of_alike: dict[
        tuple[object, ...], list[str]
    ] = {}  # problems of rows that are alike in what these look at
    for row in rows.values():
        wrong = [*_row_problems(row, rows, data, results)]
        if row.family in catalog.families() and row.data in data:
            alike = (row.family, row.data, row.artifacts, bool(row.experts), repr(row.options))
            if alike not in of_alike:
                of_alike[alike] = [*_data_problems(row, data[row.data], options, enabled)]
            wrong += of_alike[alike]
        problems += [f"{path}:{row.line} {problem}" for problem in wrong]
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


def _row_problems(
    row: Row,
    rows: Mapping[str, Row],
    data: Mapping[str, DataSet],
    results: str,
) -> Iterator[str]:
    yield from _name_problems(row.checkpoint)
    yield from _path_problems(row, results)
    if row.family and row.family not in catalog.families():
        yield f"family: {unknown(row.family, catalog.families())}"
    if row.data and row.data not in data:
        yield f"data: {unknown(row.data, data)} (the config's data)"
    for artifact in row.artifacts:
        if artifact not in catalog.artifacts():
            yield f"artifacts: {unknown(artifact, catalog.artifacts())}"
    yield from _partner_problems(row, rows)


def _name_problems(name: str) -> Iterator[str]:
    if name and (not re.fullmatch(NAME, name) or ".." in name or len(name) > 100):
        yield (
            f"checkpoint: {name!r} is no name. It begins with a letter or digit and holds at most 100 letters, "
            "digits, '.', '_' and '-', without '..'"
        )
    if name in RESERVED:
        yield f"checkpoint: {name!r} is reserved: the results hold something else of that name"


def _path_problems(row: Row, results: str) -> Iterator[str]:
    path, wrong = expanded(row.path)
    yield from (f"path: {problem}" for problem in wrong)
    if not path or wrong or _is_there(path) or made_by_rule(path, results):
        return
    if not Path(results, row.checkpoint, "intake.json").exists():
        yield f"path: there is no file {path}, in {Path.cwd()}, and no folder of that name with a {CONFIG}"


def _is_there(path: str) -> bool:
    """Whether a checkpoint is there, a file or a model folder; without Path, half of a large sheet's time."""
    return os.path.isfile(path) or os.path.isfile(f"{path}/{CONFIG}")  # noqa: PTH113


def _data_problems(
    row: Row, data: DataSet, options: Mapping[str, Mapping[str, Value]], enabled: tuple[str, ...]
) -> Iterator[str]:
    if data.source not in SOURCES:
        return
    takes, gives = catalog.families()[row.family].batches, SOURCES[data.source].batches
    wanted = [name for name in enabled if name in row.artifacts]
    if takes != gives and not (takes in MAKERS and row.experts):
        experts = f"; experts would make {takes} of it" if takes in MAKERS else ""
        yield f"data: family {row.family} takes {takes}, data {data.name} (source {data.source}) gives {gives}{experts}"
    elif takes != gives and wanted:
        wanted = list(dict.fromkeys([MAKERS[takes], *wanted]))
    yield from _split_problems(row, data, options, wanted)


def _split_problems(
    row: Row, data: DataSet, options: Mapping[str, Mapping[str, Value]], wanted: Sequence[str]
) -> Iterator[str]:
    for artifact in wanted:
        if catalog.artifacts()[artifact].asks - catalog.families()[row.family].answers:
            continue
        chosen = {**options[artifact], **row.options.get(artifact, {})}
        named = [*chosen.get("splits", ()), *([chosen["split"]] if "split" in chosen else [])]  # type: ignore[misc]
        for split in named:
            if split not in data.splits:
                yield f"{artifact}.split(s): {unknown(split, data.splits)} (data {data.name})"


def _partner_problems(row: Row, rows: Mapping[str, Row]) -> Iterator[str]:
    for column, names in (("teacher", (row.teacher,) if row.teacher else ()), ("experts", row.experts)):
        for name in names:
            if name not in rows:
                yield f"{column}: {name!r} is not in the sheet{meant(name, rows)}"
    if row.teacher in rows:
        yield from _teacher_problems(row, rows)
    if row.experts and row.family in catalog.families() and set(row.experts) <= rows.keys():
        yield from _expert_problems(row, rows)


def _expert_problems(row: Row, rows: Mapping[str, Row]) -> Iterator[str]:
    """Each role but the teacher's takes exactly one of the experts; none is without a role."""
    takes = catalog.families()[row.family].batches
    if takes not in MAKERS:
        yield f"experts: family {row.family} takes {takes} and asks no experts; leave the column empty"
        return
    answers = {
        e: catalog.families()[rows[e].family].answers
        for e in row.experts
        if rows[e].family in catalog.families()
    }
    roles = catalog.artifacts()[MAKERS[takes]].partners
    for role, asks in roles.items():
        able = [name for name in answers if asks <= answers[name]]
        if len(able) != 1:
            got = " and ".join(f"{name} (family {rows[name].family})" for name in able) or "none"
            yield f"experts: one of them must answer {', '.join(sorted(asks))} (the {role}), got {got}"
    for name in answers:
        if not any(asks <= answers[name] for asks in roles.values()):
            yield f"experts: {name!r} (family {rows[name].family}) is none of {', '.join(roles)}"


def _teacher_problems(row: Row, rows: Mapping[str, Row]) -> Iterator[str]:
    family = rows[row.teacher].family
    for lacking in _not_taught(family):
        yield f"teacher: {row.teacher!r} (family {family}) answers no {lacking}"
    chain = [row.checkpoint]
    while chain[-1] in rows and (following := rows[chain[-1]].teacher):
        chain.append(following)
        if following == row.checkpoint:
            yield f"teacher: the teachers form a cycle: {' -> '.join(chain)}"
        if following in chain[:-1]:
            return


@cache
def _not_taught(family: str) -> list[str]:
    """What artifacts ask of a teacher, and a family does not answer."""
    answers = catalog.families()[family].answers if family in catalog.families() else None
    asked = {name: row.partners.get("teacher", frozenset()) for name, row in catalog.artifacts().items()}
    lacking = {name: asks - answers for name, asks in asked.items()} if answers is not None else {}
    return [f"{', '.join(sorted(lacks))}, which {name} asks" for name, lacks in lacking.items() if lacks]
