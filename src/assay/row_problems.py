"""What is wrong with the rows of a sheet, beside their text: names, paths, data, splits, teachers and experts."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from assay import catalog
from assay.catalog import MAKERS, SOURCES, Value
from assay.datasets import NAME, DataSet, expanded, made_by_rule
from assay.model_folder import CONFIG
from assay.options import meant, unknown
from assay.sheet import RESERVED, Row


def row_problems(
    rows: Mapping[str, Row],
    data: Mapping[str, DataSet],
    options: Mapping[str, Mapping[str, Value]],
    results: str,
    enabled: tuple[str, ...],
    *,
    may_lack_files: bool = False,
) -> Iterator[tuple[int, str]]:
    """Every problem, with the line of its row.

    `options` are those of all artifacts before a row's own, `enabled` the artifacts that no toggle switches off.
    Where they `may_lack_files`, a checkpoint that is not there is no problem.
    """
    of_alike: dict[tuple[object, ...], list[str]] = {}  # what is wrong with rows alike in what decides it
    for row in rows.values():
        wrong = [*_own_problems(row, rows, data)]
        wrong += [] if may_lack_files else _missing(row, results)
        if row.family in catalog.families() and row.data in data:
            alike = (row.family, row.data, row.artifacts, bool(row.experts), repr(row.options))
            if alike not in of_alike:
                of_alike[alike] = [*_data_problems(row, data[row.data], options, enabled)]
            wrong += of_alike[alike]
        yield from ((row.line, problem) for problem in wrong)


def _own_problems(row: Row, rows: Mapping[str, Row], data: Mapping[str, DataSet]) -> Iterator[str]:
    yield from name_problems(row.checkpoint)
    yield from (f"path: {problem}" for problem in expanded(row.path)[1])
    if row.family and row.family not in catalog.families():
        yield f"family: {unknown(row.family, catalog.families())}"
    if row.data and row.data not in data:
        yield f"data: {unknown(row.data, data)} (the config's data)"
    for artifact in row.artifacts:
        if artifact not in catalog.artifacts():
            yield f"artifacts: {unknown(artifact, catalog.artifacts())}"
    yield from _partner_problems(row, rows)


def name_problems(name: str) -> Iterator[str]:
    """What is wrong with the name of a checkpoint."""
    if name and (not re.fullmatch(NAME, name) or ".." in name or len(name) > 100):
        yield (
            f"checkpoint: {name!r} is no name. It begins with a letter or digit and holds at most 100 letters, "
            "digits, '.', '_' and '-', without '..'"
        )
    if name in RESERVED:
        yield f"checkpoint: {name!r} is reserved: the results hold something else of that name"


def _missing(row: Row, results: str) -> Iterator[str]:
    path, wrong = expanded(row.path)
    if not path or wrong or _is_there(path) or made_by_rule(path, results):
        return
    if not Path(results, row.checkpoint, "intake.json").exists():
        where = f"in {Path.cwd()}, and no folder of that name with a {CONFIG}"
        yield f"path: there is no file {path}, {where}. Restore it, or remove the row"


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
