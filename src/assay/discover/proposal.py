"""Run folders -> rows of a sheet, each with why, and a list of what gives none."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.catalog import MAKERS, families
from assay.discover.choosing import Which, chosen, trained
from assay.discover.config_keys import data_of, hparams_of, takes, teacher_texts
from assay.discover.documents import flat
from assay.discover.families import Confidence, Part, family_of
from assay.discover.finding import Candidate, Finder
from assay.discover.merging import Sheet
from assay.discover.model import Model
from assay.discover.naming import unique_names
from assay.discover.partners import Partners, exactly_named, partners
from assay.discover.project import Project
from assay.discover.reading import HeaderReader, header_reader
from assay.discover.walking import Skipped, shown, walk
from assay.errors import Refused


@dataclass(frozen=True, slots=True)
class Proposal:
    """One row, and why it says what it says."""

    row: Mapping[str, str]
    layout: str
    confidence: Confidence
    because: tuple[str, ...]
    open: tuple[str, ...]  # what a person must still say


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found below some folders."""

    proposals: tuple[Proposal, ...]
    skipped: tuple[Skipped, ...]
    known: tuple[str, ...]  # checkpoints that the sheet has already

    @property
    def rows(self) -> list[Mapping[str, str]]:
        """The rows to add."""
        return [proposal.row for proposal in self.proposals]


@dataclass(slots=True)
class _Work:
    """What is gathered on the way."""

    sheet: Sheet
    project: Project
    data: str
    skipped: list[Skipped] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def skip(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(shown(path), reason))


def discover(
    roots: Sequence[Path], sheet: Sheet, project: Project, *, which: Which = "best", data: str = ""
) -> Discovery:
    """What lies below `roots`, as rows to add to `sheet`; nothing is written, and no weight is read.

    Args:
        roots: folders; paths of rows begin with them.
        sheet: the sheet as it lies.
        project: the data sets that rows may name, and the results, which are not looked into.
        which: of the checkpoints of one training.
        data: the data set of runs that name none that the config has.

    Raises:
        AssayError: no process that reads headers can be started.
    """
    work = _Work(sheet, project, data)
    with header_reader() as reader:
        tree = walk(roots, without=[project.results])
        finder = Finder(tree)
        candidates = list(_new(work, finder.candidates()))
        models = [model for one in candidates if (model := _model(work, reader, one))]
    work.skipped += [*tree.skipped, *finder.skipped]
    kept = list(_kept(work, models, which))
    proposals = _proposals(work, kept)
    rest = sorted(work.skipped, key=lambda skipped: skipped.path)
    return Discovery(tuple(proposals), tuple(rest), tuple(sorted(work.known)))


def _new(work: _Work, candidates: Sequence[Candidate]) -> Iterator[Candidate]:
    """The candidates that a row can name and that are of no training that the sheet has."""
    lines = work.sheet.lines_by_path()
    line_of = {one.group: lines[real] for one in candidates if (real := os.path.realpath(one.path)) in lines}
    for candidate in candidates:
        if os.path.realpath(candidate.path) in lines:
            work.known.append(shown(candidate.path))
        elif candidate.group in line_of:
            work.skip(
                candidate.path, f"its run stands in the sheet already, in line {line_of[candidate.group]}"
            )
        elif reason := _unwritable(str(candidate.path)):
            work.skip(candidate.path, reason)
        else:
            yield candidate


def _unwritable(path: str) -> str:
    if not path.isprintable() or path != path.strip():
        return "has a path that a sheet cannot hold: a tab, a line break, a space at an end, or bytes that are no UTF-8"
    return "has a $ in its path, which a sheet takes for a variable" if "$" in path else ""


def _model(work: _Work, reader: HeaderReader, candidate: Candidate) -> Model | None:
    try:
        header = reader.read(candidate.path)
    except Refused as refusal:
        work.skip(candidate.path, str(refusal))
        return None
    own, beside = flat(header["hyper_parameters"]), candidate.run.config
    config = {**own, **{(f"run.{key}" if key in own else key): value for key, value in beside.items()}}
    guess = family_of(header, config)
    if not guess.family:
        work.skip(candidate.path, guess.because)
        return None
    return Model(trained(candidate, header), guess, config)


def _kept(work: _Work, models: Sequence[Model], which: Which) -> Iterator[Model]:
    """One of each training, or all; and those that another names as its teacher or expert."""
    groups: dict[tuple[str, ...], list[Model]] = defaultdict(list)
    for model in models:
        groups[(*model.candidate.group, model.guess.family)].append(model)
    named = exactly_named(models)
    for group in groups.values():
        best, because = chosen([model.trained for model in group], which)
        for model in group:
            if model.trained is best:
                yield replace(model, because=because)
            elif which == "all":
                yield replace(model, stands_for_run=False)
            elif model.key in named:
                yield replace(model, because=f"named by {named[model.key]}", stands_for_run=False)
            else:
                work.skip(model.candidate.path, f"another of its run is proposed: {best.name}, {because}")


def _proposals(work: _Work, kept: Sequence[Model]) -> list[Proposal]:
    taken = [row.get("checkpoint", "") for row in work.sheet.rows]
    names = unique_names([(model.wanted_name, model.candidate.path) for model in kept], taken)
    models = dict(zip(names, kept, strict=True))
    found = partners(models, work.sheet.rows)
    return [_proposal(work, name, model, found) for name, model in models.items()]


def _proposal(work: _Work, name: str, model: Model, found: Partners) -> Proposal:
    family, guess, experts = families()[model.guess.family], model.guess, found.experts[name]
    batches = takes(guess.family, experts=bool(experts))
    data, why = data_of(model.config, work.project.data, batches=batches, usual=work.data)
    said = hparams_of(model.config, guess.takes)
    row = {
        "checkpoint": name,
        "family": guess.family,
        "path": str(model.candidate.path),
        "data": data,
        "teacher": found.teachers.get(name, ""),
        "experts": ",".join(experts),
        "hparams": " ".join(f"{key}={value}" for key, value in said.items()),
        "meta.confidence": guess.confidence,
    }
    open_ = [] if data else [f"data: {why}"]
    if guess.lacks and not set(guess.lacks) & said.keys():
        open_.append(f"hparams: neither file nor run says {' or '.join(guess.lacks)}")
    open_ += [note for part in guess.parts if (note := _still_to_give(part, model.candidate.path))]
    if (texts := teacher_texts(model.config)) and not row["teacher"]:
        open_.append(f"teacher: its config says {texts[0]}, which is no checkpoint that was found")
    if family.batches in MAKERS and not experts:
        open_.append("experts: its config names none that were found")
    because = (guess.because, model.because, *([f"data: {why}"] if data else []))
    return Proposal(
        row, model.candidate.run.layout, guess.confidence, tuple(filter(None, because)), tuple(open_)
    )


def _still_to_give(part: Part, path: Path) -> str:
    """What a person must add to a file without `part`; empty where it lies in a file beside it."""
    files = [path.with_name(path.name + ending) for ending in part.beside]
    if any(file.exists() for file in files):
        return ""
    beside = " or ".join(shown(file.name) for file in files)
    return f"{part.name}: the file holds no {' and '.join(part.keys)}; write {beside} beside it"
