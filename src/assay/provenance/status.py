"""What exists, and whether it is still what inputs, options and code would give."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from assay import catalog, plan, seen, tokens
from assay.catalog import SCHEMA
from assay.config import Plan
from assay.errors import Refused
from assay.files import read_json, sha256_file
from assay.layout import Layout
from assay.plan import INTAKE_FORMAT, TRAINING_FORMAT, Request
from assay.store.records import failure

Word = Literal["done", "stale", "missing", "failed", "n/a", "off"]


@dataclass(frozen=True, slots=True)
class State:
    """How one (checkpoint, artifact) pair stands, and why."""

    checkpoint: str
    artifact: str
    word: Word
    reasons: tuple[str, ...]
    file: str
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Inspection:
    """One look at the results of a plan; every fingerprint is read once."""

    def __init__(self, over: Plan):
        self._plan = over
        self._layout = Layout(over.results)
        self._intakes: dict[str, tuple[str, ...]] = {}
        self._trainings: dict[str, tuple[str, ...]] = {}
        self._data: dict[str, tuple[str, ...]] = {}
        self._hashes: dict[str, str] = {}

    def states(self) -> Iterator[State]:
        """Every checkpoint x artifact of the table, in the order of sheet and table."""
        for checkpoint in self._plan.rows:
            for artifact in catalog.artifacts():
                yield self.state(checkpoint, artifact)

    def state(self, checkpoint: str, artifact: str, *, wanted: bool = False) -> State:
        """How one pair stands; `wanted` also where toggles and row do not want it for itself."""
        file = self._layout.target(checkpoint, artifact)
        if reason := plan.reason_against(self._plan, checkpoint, artifact):
            return State(checkpoint, artifact, "n/a", (reason,), file)
        if not wanted and artifact not in plan.wanted(self._plan, checkpoint):
            return State(checkpoint, artifact, "off", (self._reason_off(artifact),), file)
        request = plan.request(self._plan, checkpoint, artifact)
        record, damage = _read(request.record)
        if damage:
            return State(checkpoint, artifact, "stale", (damage,), file)
        word, reasons = self._verdict(request, record)
        return State(checkpoint, artifact, word, reasons, file, record)

    def intake_changes(self, checkpoint: str) -> tuple[str, ...]:
        """Why the intake of a checkpoint is to be made (again); empty where it is fresh."""
        if checkpoint not in self._intakes:
            self._intakes[checkpoint] = tuple(self._intake_changes(checkpoint))
        return self._intakes[checkpoint]

    def training_changes(self, checkpoint: str) -> tuple[str, ...]:
        """Why what training left around a checkpoint is to be read (again); empty where it is fresh."""
        if checkpoint not in self._trainings:
            self._trainings[checkpoint] = tuple(self._training_changes(checkpoint))
        return self._trainings[checkpoint]

    def data_changes(self, name: str) -> tuple[str, ...]:
        """Why a data set is to be prepared (again); empty where it is fresh."""
        if name not in self._data:
            self._data[name] = tuple(self._data_changes(name))
        return self._data[name]

    def fingerprint_changes(self, request: Request, role: str) -> tuple[str, ...]:
        """Why what a request reads in a role is to be made (again); empty where it is fresh, or an artifact itself."""
        if role == "data":
            return () if request.made_from else self.data_changes(request.data.name)
        if role == "training":
            return self.training_changes(request.row.checkpoint)
        return self.intake_changes({"checkpoint": request.row, **request.partners}[role].checkpoint)

    def _reason_off(self, artifact: str) -> str:
        if artifact not in self._plan.enabled:
            return "not wanted by config"
        if catalog.artifacts()[artifact].on_request:
            return "made on request: neither config nor the row's column artifacts names it"
        return "not wanted by the row's column artifacts"

    def _verdict(self, request: Request, record: Mapping[str, Any]) -> tuple[Word, tuple[str, ...]]:
        missing = not record or not Path(request.target).exists()
        changes = self._missing(request, record) if missing else self._changes(request, record)
        if not (reasons := tuple(changes)):
            return "done", ()
        if failures := tuple(self._failures(request)):
            return "failed", failures
        return ("missing" if missing else "stale"), reasons

    def _failures(self, request: Request) -> Iterator[str]:
        """Why jobs failed whose outcome is still needed."""
        checkpoint = request.row.checkpoint
        if error := failure(Path(self._layout.failed(checkpoint, request.artifact))):
            yield error
        for name in (checkpoint, *(row.checkpoint for row in request.partners.values())):
            error = failure(Path(self._layout.failed(name, "intake")))
            if error and self.intake_changes(name):
                yield f"intake of {name}: {error}"
        error = failure(Path(self._layout.data_failed(request.data.name)))
        if error and self.data_changes(request.data.name):
            yield f"data {request.data.name}: {error}"
        error = failure(Path(self._layout.failed(checkpoint, "training")))
        if error and request.table.origin and self.training_changes(checkpoint):
            yield f"training of {checkpoint}: {error}"

    def _missing(self, request: Request, record: Mapping[str, Any]) -> Iterator[str]:
        if record:
            yield f"{request.target} is gone; its record is there"
        elif Path(request.target).exists():
            yield f"{request.target} has no record: it was interrupted, or is not ours"
        else:
            yield "not made yet"

    def _changes(self, request: Request, record: Mapping[str, Any]) -> Iterator[str]:
        if record.get("schema") != SCHEMA:
            yield f"schema {record.get('schema', 'none')} -> {SCHEMA}"
            return
        yield from _own_changes(request, record)
        yield from self._input_changes(request, record)

    def _input_changes(self, request: Request, record: Mapping[str, Any]) -> Iterator[str]:
        subjects = {"checkpoint": request.row, **request.partners}
        for role, row in subjects.items():
            yield from (f"{role} {row.checkpoint}: {why}" for why in self.intake_changes(row.checkpoint))
        yield from (f"data {request.data.name}: {why}" for why in self.data_changes(request.data.name))
        if request.table.origin:
            changes = self.training_changes(request.row.checkpoint)
            yield from (f"training {request.row.checkpoint}: {why}" for why in changes)
        if request.made_from:
            made = self.state(request.row.checkpoint, request.made_from, wanted=True)
            yield from (f"{request.made_from}: {why}" for why in made.reasons)
        for role, path in request.fingerprints.items():
            was = record["inputs"].get(role, {})
            if was and not _same(f"{self._plan.results}/{was['path']}", path):
                yield f"{role}: was {was['path']}, is {Path(path).relative_to(self._plan.results)}"
            elif (now := self._hash(path)) and was.get("sha256") != now:
                yield f"{role}: {path} changed, sha256 {was.get('sha256', 'none')[:12]} -> {now[:12]}"

    def _hash(self, path: str) -> str:
        if path not in self._hashes:
            self._hashes[path] = sha256_file(Path(path)) if Path(path).exists() else ""
        return self._hashes[path]

    def _intake_changes(self, checkpoint: str) -> Iterator[str]:
        row, target = self._plan.rows[checkpoint], self._layout.intake(checkpoint)
        files = [target, self._layout.weights(checkpoint), self._layout.hparams(checkpoint)]
        if lost := next((file for file in files if not Path(file).exists()), None):
            yield f"{lost} is missing"
            return
        intake, damage = _read(target)
        if damage:
            yield damage
            return
        sources, sha256 = tokens.checkpoint_files(row), partial(tokens.checkpoint_sha256, row)
        code = tokens.family_code(row.family)
        if intake.get("format") != INTAKE_FORMAT or intake.get("family") != row.family:
            yield f"{target} was written as {intake.get('family')} in format {intake.get('format')}"
        elif intake.get("code", "") != code and all(file.exists() for file in sources):
            yield f"the code of family {row.family} changed, which decides what a checkpoint lacks"
        yield from _differences("hparams", intake.get("hparams", {}), row.hparams)
        if difference := seen.changed(target, sources, sha256):
            yield f"{row.path} changed, sha256 {difference[0][:12]} -> {difference[1][:12]}"

    def _training_changes(self, checkpoint: str) -> Iterator[str]:
        row, target = self._plan.rows[checkpoint], self._layout.training(checkpoint)
        if lost := next((f for f in (target, self._layout.run(checkpoint)) if not Path(f).exists()), None):
            yield f"{lost} is missing"
            return
        training, damage = _read(target)
        if damage:
            yield damage
            return
        if training.get("format") != TRAINING_FORMAT:
            yield f"{target} was written in format {training.get('format')}"
        looked_at, sha256 = partial(tokens.training_looked_at, row), partial(tokens.training_sha256, row)
        if difference := seen.changed(target, looked_at, sha256):
            yield f"files around {row.path} changed, sha256 {difference[0][:12]} -> {difference[1][:12]}"

    def _data_changes(self, name: str) -> Iterator[str]:
        data, target = self._plan.data[name], self._layout.data(name)
        files = [target, *(self._layout.split(name, split) for split in data.splits)]
        if lost := next((file for file in files if not Path(file).exists()), None):
            yield f"{lost} is missing"
            return
        content, damage = _read(target)
        if damage:
            yield damage
            return
        yield from _differences("option", content.get("options", {}), data.deciding)
        if content.get("source") != data.source or content.get("code") != tokens.data_code(data.source):
            yield f"the code of source {data.source} changed"
        raw = tokens.source_files(data)
        if difference := seen.changed(target, raw, partial(tokens.source_sha256, data)):
            yield f"raw files changed, sha256 {difference[0][:12]} -> {difference[1][:12]}"


def _same(path: str, other: str) -> bool:
    """Whether two paths are the same; most are so letter by letter."""
    return path == other or Path(path) == Path(other)


def _own_changes(request: Request, record: Mapping[str, Any]) -> Iterator[str]:
    """What differs between a record and the request that would make it today, inputs apart."""
    yield from _differences("option", record["options"], request.deciding)
    yield from _differences("code", record["modules"], request.code)
    for file, held in {record["file"]: record, **record.get("also", {})}.items():
        path = Path(request.layout.results, file)
        if not path.exists():
            yield f"{path} is missing"
        elif (size := path.stat().st_size) != held["bytes"]:
            yield f"{path} has {size} bytes, its record says {held['bytes']}"


def _differences(kind: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            yield f"{kind} {name}: {was.get(name, 'none')} -> {now.get(name, 'none')}"


def _read(path: str) -> tuple[dict[str, Any], str]:
    """The JSON object in a file, empty where there is none, and what is wrong with it."""
    try:
        return read_json(Path(path)), ""
    except FileNotFoundError:
        return {}, ""
    except Refused as damage:
        return {}, str(damage)
