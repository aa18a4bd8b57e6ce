"""The data sets of the config: where raw files lie, which splits they give, under which options."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from assay.catalog import SOURCES, Source, Value
from assay.options import deciding, resolved, unknown

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class DataSection(BaseModel):
    """One data set; the options of its source stand beside these keys."""

    model_config = ConfigDict(extra="allow", strict=True)

    source: str = Field(
        description="The data source that reads it: can_bus, graphs, fusion_states, network, table or images."
    )
    path: str | list[str] = Field(
        default=[],
        description="Files or folders of one split: can_bus and table `train` (`val` is cut from it), others `val`.",
    )
    splits: dict[str, str | list[str]] = Field(
        default={}, description="Further splits: name -> files or folders."
    )


@dataclass(frozen=True, slots=True)
class DataSet:
    """One data set of the config: where its raw files lie and what is made of them."""

    name: str
    source: str
    raw: Mapping[str, tuple[str, ...]]  # raw split -> files and folders, as configured
    splits: tuple[str, ...]  # the prepared splits
    options: Mapping[str, Value]

    @property
    def deciding(self) -> dict[str, Any]:
        """The options on which the bytes of the splits depend."""
        return deciding(self.options, SOURCES[self.source].options)

    @property
    def paths(self) -> tuple[str, ...]:
        """Every raw file and folder, as configured."""
        return tuple(path for paths in self.raw.values() for path in paths)

    def files(self) -> dict[str, tuple[Path, ...]]:
        """The raw files by raw split: folders are searched, recursively, for the suffixes of the source."""
        source = SOURCES[self.source]
        return {
            split: tuple(sorted({file for path in paths for file in _files(Path(path), source)}))
            for split, paths in self.raw.items()
        }


def data_sets(
    sections: Mapping[str, DataSection], results: str, *, may_lack_files: bool = False
) -> tuple[dict[str, DataSet], list[str]]:
    """The data sets by name, and every problem, a line each; none of raw files that `may_lack_files`."""
    found, problems = {}, []
    for name, section in sections.items():
        found[name], wrong = _data_set(name, section)
        missing = [] if may_lack_files else _missing(found[name], results)
        problems += [f"data.{name}{problem}" for problem in [*wrong, *missing]]
    return found, problems


@cache
def made_by_rule(path: str, results: str) -> bool:
    """Whether a path lies below the results folder, so that a rule makes it."""
    folder = os.path.normpath(results).rstrip("/")
    return f"{os.path.normpath(path)}/".startswith(f"{folder}/")


def expanded(path: str) -> tuple[str, list[str]]:
    """`path` with its $VARIABLES, and what is wrong with them."""
    if "$" not in path and "\0" not in path:
        return path, []
    text = os.path.expandvars(path)
    problems = [
        f"the environment variable {name} in {path!r} is not set" for name in re.findall(r"\$\{?(\w+)", text)
    ]
    return text, [*problems, f"{path!r} holds a NUL"] if "\0" in text else problems


def _files(path: Path, source: Source) -> Iterator[Path]:
    if not path.is_dir():
        beside = path.with_name(path.name + source.sidecar)
        yield from (path, beside) if source.sidecar and beside.exists() else (path,)
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder, name) for name in names if name.lower().endswith(source.suffixes))


def _data_set(name: str, section: DataSection) -> tuple[DataSet, list[str]]:
    problems = []
    if not re.fullmatch(NAME, name) or ".." in name:
        problems.append(": a name begins with a letter or digit and holds letters, digits, '.', '_' and '-'.")
    if section.source not in SOURCES:
        return DataSet(name, section.source, {}, (), {}), [
            *problems,
            f".source {unknown(section.source, SOURCES)}.",
        ]
    source = SOURCES[section.source]
    options, wrong = resolved(source.options, section.model_extra or {})
    raw, wrong_raw = _raw_splits(section, source)
    problems += [f".{problem}" for problem in [*wrong, *wrong_raw]]
    derived = [split for split, share in source.derived.items() if options[share]]
    splits = (source.primary, *derived, *(split for split in raw if split != source.primary))
    return DataSet(name, section.source, raw, splits, options), problems


def _raw_splits(section: DataSection, source: Source) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    given: dict[str, Any] = {source.primary: section.path} if section.path else {}
    problems = []
    for split, paths in section.splits.items():
        if split in source.derived:
            problems.append(f"splits.{split} is cut from {source.primary}; see {source.derived[split]}.")
        elif split in given:
            problems.append(f"splits.{split} is given twice: `path` is the split {split}.")
        elif not re.fullmatch(NAME, split) or split == "data":
            problems.append(f"splits.{split}: no name for a split.")
        given[split] = paths
    if not given.get(source.primary):
        problems.append(f"path is missing: {section.source} reads its split {source.primary} there.")
    raw = {}
    for split, paths in given.items():
        pairs = [expanded(path) for path in ([paths] if isinstance(paths, str) else paths)]
        raw[split] = tuple(path for path, _ in pairs)
        problems += [f"{split}: {problem}." for _, wrong in pairs for problem in wrong]
    return raw, problems


def _missing(data: DataSet, results: str) -> Iterator[str]:
    if Path(results, "data", data.name, "data.json").exists():
        return
    for split, paths in data.raw.items():
        for path in paths:
            if "$" not in path and not made_by_rule(path, results) and not Path(path).exists():
                yield f": there is no file or folder {path} (split {split}), in {Path.cwd()}."
