"""The manifest: every target with its state and reason, every file with its sha256."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assay.catalog import SCHEMA, artifacts
from assay.config import Plan
from assay.digest import code_digests, combined
from assay.files import json_bytes, publish_bytes, read_json, sha256_bytes
from assay.layout import PAGES, Layout
from assay.provenance.seals import Seal, stat_of
from assay.provenance.sections import LastManifest, ManifestText, Section, elements, members
from assay.provenance.status import State
from assay.provenance.survey import Survey
from assay.seen import Seen
from assay.store.blanks import remove_blank

CONTRACT, CONTRACT_VERSION = "graphids.analyze", 1  # the published keys of analysis_manifest.json
SETTLED = ("n/a", "off")  # states of what is not wanted
THREADS = 8  # that wait for the disk


@dataclass(frozen=True, slots=True)
class Written:
    """What a manifest says, in short."""

    counts: Mapping[str, int]  # of targets by state
    open: Sequence[State]  # what is wanted and not done
    undrawn: Sequence[str]  # pictures that are missing, below the results

    @property
    def complete(self) -> bool:
        """Whether all that is wanted is done and drawn."""
        return not self.open and not self.undrawn


def write(plan: Plan, token: str = "") -> Written:
    """Write results/manifest.json and each checkpoint's analysis_manifest.json.

    What the last manifest says of a checkpoint of which nothing changed is taken over: same bytes, no file read.
    A complete manifest remembers `token`; a partial one remembers its own digest, so that the rule of the
    manifest runs again.
    """
    layout = Layout(plan.results)
    with ThreadPoolExecutor(THREADS) as pool:
        binder = Binder(plan, pool)
        sections = {checkpoint: binder.section(checkpoint) for checkpoint in plan.rows}
        binder.finish()
    sections |= {f"data/{name}": _data_section(layout, name) for name in plan.data}
    written = binder.written([path for section in sections.values() for path in section.undrawn])
    text = ManifestText(_head(written, sections), sections)
    text.publish(Path(layout.manifest))
    binder.remember(text)
    kept = token or Seen.remembered(layout.manifest).token
    Seen(token=kept if written.complete else f"after-{text.sha256[:12]}").save(layout.manifest)
    return written


class Binder:
    """Makes the sections of a manifest."""

    def __init__(self, plan: Plan, pool: Executor):
        self._plan, self._layout, self._pool = plan, Layout(plan.results), pool
        self._survey, self._last = Survey(plan), LastManifest(self._layout)
        self._general = f"{version('assay')} {plan.figures} {combined(code_digests([__name__]))}"
        self._counts: Counter[str] = Counter()
        self._open: list[State] = []
        self._seals: dict[str, str] = {}
        self._beside: dict[str, str] = {}  # stats of checkpoints' own manifests
        self._publishing: list[Future[None]] = []

    def section(self, checkpoint: str) -> Section:
        """The section of a checkpoint, whose own manifest is written where its bytes are others."""
        states = self._survey.states_of(checkpoint)
        self._counts.update(state.word for state in states)
        still_open = (state for state in states if state.word not in (*SETTLED, "done"))
        self._open += [replace(state, record={}) for state in still_open]  # records are large
        seal = self._seal(checkpoint, states)
        if seal.changed_ns < self._survey.began_ns:
            self._seals[checkpoint] = seal.sha256
        own = stat_of(self._layout.checkpoint_manifest(checkpoint))
        if last := self._last.section(checkpoint, seal.sha256, own):
            self._beside[checkpoint] = own
            return last
        return self._read_section(checkpoint, self._survey.with_records(states))

    def finish(self) -> None:
        """Wait until all manifests of checkpoints are on disk."""
        for publishing in self._publishing:
            publishing.result()

    def written(self, undrawn: Sequence[str]) -> Written:
        """What the sections say, in short."""
        return Written(dict(sorted(self._counts.items())), self._open, undrawn)

    def remember(self, text: ManifestText) -> None:
        """Keep what was seen, and where it stands in the manifest, for the next one."""
        for name in self._seals.keys() - self._beside.keys():
            self._beside[name] = stat_of(self._layout.checkpoint_manifest(name))
        kept = {name: (seal, self._beside[name]) for name, seal in self._seals.items()}
        text.keep(Path(self._layout.sections), kept)
        self._survey.remember()

    def _seal(self, checkpoint: str, states: Sequence[State]) -> Seal:
        """Over all that a section is made of, beside what decides how the artifacts stand."""
        pictures = [path for state in states for path in _figures(self._plan, self._layout, state)]
        meta = repr(sorted(self._plan.rows[checkpoint].meta.items()))
        parts = [self._survey.seals[checkpoint]]
        return Seal.of(pictures, self._general, meta, parts=parts)

    def _read_section(self, checkpoint: str, states: Sequence[State]) -> Section:
        layout, row = self._layout, self._plan.rows[checkpoint]
        for state in states:
            if state.word == "n/a":
                remove_blank(layout, checkpoint, state.artifact)
        own = Path(layout.checkpoint_manifest(checkpoint))
        content = json_bytes(_checkpoint_manifest(self._plan, layout, checkpoint, states))
        self._publishing.append(self._pool.submit(_publish_changed, own, content))
        sources: dict[str, str] = {}
        files = {
            _relative(layout, str(own)): {"sha256": sha256_bytes(content), "bytes": len(content)},
            **_intake_files(layout, checkpoint, row.path, sources),
            **_training_files(layout, checkpoint, sources),
        }
        for state in states:
            if state.word not in SETTLED:
                files |= _artifact_files(layout, state)
        figures = [path for state in states for path in _figures(self._plan, layout, state)]
        files |= {_relative(layout, path): _measured(path) for path in figures if Path(path).exists()}
        for listing in (path for path in figures if path.endswith(PAGES)):
            files |= _pages(layout, listing)
        undrawn = [_relative(layout, path) for path in figures if not Path(path).exists()]
        targets = [{"checkpoint": s.checkpoint, "artifact": s.artifact, **_target(s)} for s in states]
        own_files = {name: held for name, held in files.items() if name.startswith(f"{checkpoint}/")}
        return Section(members(own_files), elements(targets), sources, undrawn)


def _head(written: Written, sections: Mapping[str, Section]) -> dict[str, Any]:
    """What the manifest says beside its sections."""
    return {
        "schema": SCHEMA,
        "assay": version("assay"),
        "complete": written.complete,
        "undrawn": list(written.undrawn),
        "counts": dict(written.counts),
        "sources": {path: sha256 for part in sections.values() for path, sha256 in part.sources.items()},
    }


def _publish_changed(path: Path, content: bytes) -> None:
    """Put `content` at `path`, where it is not there already."""
    if _bytes_there(path) != content:
        publish_bytes(path, content)


def _checkpoint_manifest(
    plan: Plan, layout: Layout, checkpoint: str, states: Sequence[State]
) -> dict[str, Any]:
    row = plan.rows[checkpoint]
    intake = _read_if_there(layout.intake(checkpoint))
    expected = [state for state in states if state.word not in SETTLED]
    return {
        "contract": CONTRACT,
        "version": CONTRACT_VERSION,
        "dataset": row.data,
        "model_type": row.family,
        "checkpoint_path": row.path,
        "output_dir": f"{layout.results}/{checkpoint}",
        "expected_outputs": [artifacts()[state.artifact].file for state in expected],
        "existing_outputs": [
            artifacts()[state.artifact].file for state in expected if Path(state.file).exists()
        ],
        "checkpoint_sha256": intake.get("sha256"),
        "teacher": row.teacher or None,
        "meta": dict(row.meta),
        "artifacts": {state.artifact: _target(state) for state in states},
    }


def _target(state: State) -> dict[str, Any]:
    kept = {name: state.record[name] for name in ("sha256", "bytes", "action") if name in state.record}
    return {
        "file": artifacts()[state.artifact].file,
        "state": state.word,
        "reasons": list(state.reasons),
        **kept,
    }


def _intake_files(layout: Layout, checkpoint: str, path: str, sources: dict[str, str]) -> dict[str, Any]:
    intake = _read_if_there(layout.intake(checkpoint))
    if not intake:
        return {}
    beside = intake.get("beside", {})
    own = {} if any(file.startswith(f"{path}/") for file in beside) else {path: intake["sha256"]}
    sources |= own | beside  # of a model folder its files alone
    return {
        _relative(layout, layout.intake(checkpoint)): _measured(layout.intake(checkpoint)),
        **{f"{checkpoint}/{name}": digest for name, digest in intake["files"].items()},
    }


def _training_files(layout: Layout, checkpoint: str, sources: dict[str, str]) -> dict[str, Any]:
    training = _read_if_there(layout.training(checkpoint))
    if not training:
        return {}
    sources.update(training["sources"])
    return {
        _relative(layout, layout.training(checkpoint)): _measured(layout.training(checkpoint)),
        **{f"{checkpoint}/{name}": digest for name, digest in training["files"].items()},
    }


def _data_section(layout: Layout, name: str) -> Section:
    data = _read_if_there(layout.data(name))
    if not data:
        return Section(b"", b"")
    splits = {
        _relative(layout, layout.split(name, split)): {"sha256": held["sha256"], "bytes": held["bytes"]}
        for split, held in data["splits"].items()
    }
    files = {_relative(layout, layout.data(name)): _measured(layout.data(name)), **splits}
    return Section(members(files), b"", data["sources"])


def _artifact_files(layout: Layout, state: State) -> dict[str, Any]:
    if state.record.get("schema") != SCHEMA:
        return {}
    record = layout.record(state.checkpoint, state.artifact)
    return {
        state.record["file"]: {"sha256": state.record["sha256"], "bytes": state.record["bytes"]},
        **state.record.get("also", {}),
        _relative(layout, record): _measured(record),
    }


def _figures(plan: Plan, layout: Layout, state: State) -> tuple[str, ...]:
    """The pictures that are wanted of what is there to be drawn."""
    drawn = plan.figures and state.word == "done" and artifacts()[state.artifact].figure
    return layout.figures(state.checkpoint, state.artifact) if drawn else ()


def _pages(layout: Layout, listing: str) -> dict[str, Any]:
    """The pages that a list names; none where there is no list."""
    folder = _relative(layout, listing).removesuffix(PAGES)
    held = _read_if_there(listing).get("files", {})
    return {f"{folder}/{name}": digest for name, digest in held.items()}


def _measured(path: str) -> dict[str, Any]:
    content = Path(path).read_bytes()
    return {"sha256": sha256_bytes(content), "bytes": len(content)}


def _relative(layout: Layout, path: str) -> str:
    return str(Path(path).relative_to(layout.results))


def _read_if_there(path: str) -> Mapping[str, Any]:
    try:
        return read_json(Path(path))
    except FileNotFoundError:
        return {}


def _bytes_there(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
