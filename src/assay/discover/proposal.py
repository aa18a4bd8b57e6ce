"""Run folders -> rows of a sheet, each with why, and a list of what gives none."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.catalog import MAKERS, artifacts, families
from assay.discover.choosing import Trained, Which, chosen, trained
from assay.discover.config_keys import data_of, expert_texts, hparams_of, takes, teacher_texts
from assay.discover.documents import Plain, flat
from assay.discover.families import Confidence, Guess, family_of
from assay.discover.finding import Candidate, Finder
from assay.discover.merging import Sheet
from assay.discover.naming import unique_names
from assay.discover.project import Project
from assay.discover.reading import HeaderReader, header_reader
from assay.discover.references import References, acyclic
from assay.discover.walking import Skipped, shown, walk
from assay.errors import Refused

Row = dict[str, str]  # column -> text


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


@dataclass(frozen=True, slots=True)
class _Model:
    """A checkpoint whose family is known."""

    trained: Trained
    guess: Guess
    config: Mapping[str, Plain]  # of the run, and the checkpoint's own
    because: str = ""
    stands_for_run: bool = True  # where its run is named, this one is meant

    @property
    def candidate(self) -> Candidate:
        return self.trained.candidate

    @property
    def key(self) -> str:
        return str(self.candidate.path)

    @property
    def wanted_name(self) -> str:
        run = self.candidate.run.name
        return run if self.stands_for_run else f"{run}_{self.candidate.path.stem}"


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
    proposals = _proposals(work, models, kept)
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


def _model(work: _Work, reader: HeaderReader, candidate: Candidate) -> _Model | None:
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
    return _Model(trained(candidate, header), guess, config)


def _kept(work: _Work, models: Sequence[_Model], which: Which) -> Iterator[_Model]:
    """One of each training, or all; and those that another names as its teacher or expert."""
    groups: dict[tuple[str, ...], list[_Model]] = defaultdict(list)
    for model in models:
        groups[(*model.candidate.group, model.guess.family)].append(model)
    named = _exactly_named(models)
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


def _exactly_named(models: Sequence[_Model]) -> dict[str, str]:
    """The checkpoints that another training names, file by file, and one that names each."""
    exact, named = References(), dict[str, str]()
    group_of = {model.key: model.candidate.group for model in models}
    for model in models:
        exact.add(model.key, model.candidate.path)
    for model in models:
        for text in (*teacher_texts(model.config), *expert_texts(model.config)):
            key = exact.meant(text, _near(model))
            if key and text.endswith(Path(key).name) and group_of[key] != model.candidate.group:
                named.setdefault(key, shown(model.candidate.path))
    return named


def _near(model: _Model) -> tuple[Path, ...]:
    run = model.candidate.run.folder
    return (model.candidate.path.parent, run, run.parent)


def _proposals(work: _Work, models: Sequence[_Model], kept: Sequence[_Model]) -> list[Proposal]:
    taken = [row.get("checkpoint", "") for row in work.sheet.rows]
    names = unique_names([(model.wanted_name, model.candidate.path) for model in kept], taken)
    by_key = dict(zip((model.key for model in kept), names, strict=True))
    known = {row["checkpoint"]: row.get("family", "") for row in work.sheet.rows if row.get("checkpoint")}
    family_by_name = known | {by_key[model.key]: model.guess.family for model in kept}
    references = _references(work, kept, by_key)
    teachers = acyclic({
        by_key[model.key]: name
        for model in kept
        if (name := _meant(teacher_texts(model.config), references, model, by_key)) and _can_teach(family_by_name, name)
    })  # fmt: skip
    return [
        _proposal(
            work, model, by_key[model.key], teachers, _experts(model, references, by_key, family_by_name)
        )
        for model in kept
    ]


def _references(work: _Work, kept: Sequence[_Model], by_key: Mapping[str, str]) -> References:
    """Every row, proposed or there, by its path, its run's folder and its names."""
    references = References()
    for model in kept:
        name, run = by_key[model.key], model.candidate.run
        references.add(name, model.candidate.path, {name, model.wanted_name} - {""})
        if model.stands_for_run and run.layout != "plain" and run.folder != model.candidate.path:
            references.add(name, run.folder, {run.folder.name})
    for row in work.sheet.rows:
        if row.get("checkpoint") and row.get("path"):
            references.add(row["checkpoint"], Path(row["path"]), {row["checkpoint"]})
    return references


def _meant(texts: Iterable[str], references: References, model: _Model, by_key: Mapping[str, str]) -> str:
    found = (references.meant(text, _near(model)) for text in texts)
    return next((name for name in found if name and name != by_key[model.key]), "")


def _can_teach(family_by_name: Mapping[str, str], name: str) -> bool:
    """Whether a checkpoint answers what every artifact asks of a teacher."""
    family = families().get(family_by_name.get(name, ""))
    asked = [artifact.partners.get("teacher", frozenset()) for artifact in artifacts().values()]
    return family is not None and all(asks <= family.answers for asks in asked)


def _experts(
    model: _Model, references: References, by_key: Mapping[str, str], family_by_name: Mapping[str, str]
) -> tuple[str, ...]:
    """The experts that the config names, where each role gets exactly one; else none."""
    if (kind := families()[model.guess.family].batches) not in MAKERS:
        return ()
    found = [references.meant(text, _near(model)) for text in expert_texts(model.config)]
    named = [name for name in dict.fromkeys(found) if name and name != by_key[model.key]]
    answers = {
        name: families()[family_by_name[name]].answers
        for name in named
        if family_by_name.get(name) in families()
    }
    roles = artifacts()[MAKERS[kind]].partners.values()
    able = [[name for name in answers if asks <= answers[name]] for asks in roles]
    return tuple(names[0] for names in able) if all(len(names) == 1 for names in able) else ()


def _proposal(
    work: _Work, model: _Model, name: str, teachers: Mapping[str, str], experts: tuple[str, ...]
) -> Proposal:
    family, guess = families()[model.guess.family], model.guess
    batches = takes(guess.family, experts=bool(experts))
    data, why = data_of(model.config, work.project.data, batches=batches, usual=work.data)
    said = dict(hparams_of(model.config, guess.takes))
    row = {
        "checkpoint": name,
        "family": guess.family,
        "path": str(model.candidate.path),
        "data": data,
        "teacher": teachers.get(name, ""),
        "experts": ",".join(experts),
        "hparams": " ".join(f"{key}={value}" for key, value in said.items()),
        "meta.confidence": guess.confidence,
    }
    open_ = [] if data else [f"data: {why}"]
    if guess.lacks and not set(guess.lacks) & said.keys():
        open_.append(f"hparams: neither file nor run says {' or '.join(guess.lacks)}")
    if (texts := teacher_texts(model.config)) and not row["teacher"]:
        open_.append(f"teacher: its config says {texts[0]}, which is no checkpoint that was found")
    if family.batches in MAKERS and not experts:
        open_.append("experts: its config names none that were found")
    because = (guess.because, model.because, *([f"data: {why}"] if data else []))
    return Proposal(
        row, model.candidate.run.layout, guess.confidence, tuple(filter(None, because)), tuple(open_)
    )
