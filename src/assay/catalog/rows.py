"""What a row of the table says: of a family, of a data source, of an artifact, of one option."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Value = int | float | str | bool | tuple[str, ...]
BatchKind = Literal["graphs", "images", "states", "tables"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its default, which fixes its type, what it means, and what it may be."""

    default: Value
    help: str
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] = ()
    costs_only: bool = False  # of what the job costs alone: no byte depends on it, and nothing goes stale


@dataclass(frozen=True, slots=True)
class Family:
    """A model family: what it takes, what it can answer (see `protocols`), where it is computed."""

    module: str
    batches: BatchKind
    answers: frozenset[str]
    may_lack: frozenset[str] = frozenset()  # by some checkpoints not answered: `lacks` of the module
    class_paths: tuple[str, ...] = ()  # the published classes it reads; never imported
    beside: tuple[str, ...] = ()  # suffixes of files that may lie beside a checkpoint and belong to it


@dataclass(frozen=True, slots=True)
class Source:
    """A data source: which raw files it reads, what it makes of them, under which options."""

    module: str
    batches: BatchKind
    suffixes: tuple[str, ...]
    primary: str  # the split that `path` holds
    derived: Mapping[str, str] = field(default_factory=dict)  # split cut from it -> its share's option
    sidecar: str = ""  # suffix of a file that may lie beside a raw file and belongs to it
    holds: frozenset[str] = frozenset({"labels"})  # beside samples: attributes that all its data have
    may_hold: frozenset[str] = frozenset()  # those that only some have; see `Prepared.lacks`
    options: Mapping[str, Option] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact: its file, what it asks of a subject and of its partners, options and usual cost."""

    module: str
    file: str
    asks: frozenset[str]
    figure: str = ""  # the module that draws it; none where empty
    pages: bool = False  # the module draws a folder of pictures, too
    partners: Mapping[str, frozenset[str]] = field(
        default_factory=dict
    )  # role -> what it is asked; see `plan`
    asks_data: Mapping[str, Mapping[str, Value]] = field(
        default_factory=dict
    )  # an attribute of the data -> the options under which it is asked for; with none, always
    also: tuple[str, ...] = ()
    in_parts: bool = False  # long: finished parts are kept, and `compute` takes `parts`
    origin: bool = False  # `compute` takes a `protocols.Origin` alone, and no subject is loaded
    on_request: bool = False  # made only where a toggle or a row names it
    options: Mapping[str, Option] = field(default_factory=dict)
    gpu: int = 0
    minutes: int = 10
    mem_mb: int = 4000
