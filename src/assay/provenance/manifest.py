"""The manifest: every target with its state and reason, every file with its sha256."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assay.catalog import SCHEMA, artifacts
from assay.config import Plan
from assay.files import json_bytes, publish_bytes, publish_json, read_json, sha256_bytes
from assay.layout import PAGES, Layout
from assay.provenance.status import Inspection, State
from assay.seen import Seen
from assay.store.blanks import remove_blank

CONTRACT, CONTRACT_VERSION = "graphids.analyze", 1  # the published keys of analysis_manifest.json


def write(plan: Plan, token: str = "") -> dict[str, Any]:
    """Write results/manifest.json and each checkpoint's analysis_manifest.json; returns the manifest.

    A complete manifest remembers `token`; a partial one remembers its own digest, so that the rule of the
    manifest runs again.
    """
    layout = Layout(plan.results)
    states = list(Inspection(plan).states())
    for state in states:
        if state.word == "n/a":
            remove_blank(layout, state.checkpoint, state.artifact)
    files = dict(_checkpoint_manifests(plan, layout, states))
    manifest = _manifest(plan, layout, states, files)
    content = json_bytes({**manifest, "sha256": sha256_bytes(json_bytes(manifest))})
    publish_bytes(Path(layout.manifest), content)
    kept = token or Seen.remembered(layout.manifest).token
    partial = f"after-{sha256_bytes(content)[:12]}"
    Seen(token=kept if manifest["complete"] else partial).save(layout.manifest)
    return manifest


def _checkpoint_manifests(plan: Plan, layout: Layout, states: Sequence[State]) -> Iterator[tuple[str, Any]]:
    by_checkpoint: dict[str, list[State]] = {name: [] for name in plan.rows}
    for state in states:
        by_checkpoint[state.checkpoint].append(state)
    for checkpoint, own in by_checkpoint.items():
        path = Path(layout.checkpoint_manifest(checkpoint))
        content = publish_json(path, _checkpoint_manifest(plan, layout, checkpoint, own))
        yield _relative(layout, str(path)), {"sha256": sha256_bytes(content), "bytes": len(content)}


def _checkpoint_manifest(
    plan: Plan, layout: Layout, checkpoint: str, states: Sequence[State]
) -> dict[str, Any]:
    row = plan.rows[checkpoint]
    intake = _read_if_there(layout.intake(checkpoint))
    expected = [state for state in states if state.word not in ("n/a", "off")]
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


def _manifest(plan: Plan, layout: Layout, states: Sequence[State], files: dict[str, Any]) -> dict[str, Any]:
    wanted = [state for state in states if state.word not in ("n/a", "off")]
    sources: dict[str, str] = {}
    for checkpoint in plan.rows:
        files |= _intake_files(layout, checkpoint, plan.rows[checkpoint].path, sources)
        files |= _training_files(layout, checkpoint, sources)
    for name in plan.data:
        files |= _data_files(layout, name, sources)
    for state in wanted:
        files |= _artifact_files(layout, state)
    figures = [path for state in wanted for path in _figures(plan, layout, state)]
    undrawn = [_relative(layout, path) for path in figures if not Path(path).exists()]
    files |= {_relative(layout, path): _measured(path) for path in figures if Path(path).exists()}
    for listing in (path for path in figures if path.endswith(PAGES)):
        files |= _pages(layout, listing)
    return {
        "schema": SCHEMA,
        "assay": version("assay"),
        "complete": all(state.word == "done" for state in wanted) and not undrawn,
        "undrawn": undrawn,
        "counts": dict(sorted(Counter(state.word for state in states).items())),
        "targets": [{"checkpoint": s.checkpoint, "artifact": s.artifact, **_target(s)} for s in states],
        "files": files,
        "sources": sources,
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


def _data_files(layout: Layout, name: str, sources: dict[str, str]) -> dict[str, Any]:
    data = _read_if_there(layout.data(name))
    if not data:
        return {}
    sources.update(data["sources"])
    splits = {
        _relative(layout, layout.split(name, split)): {"sha256": held["sha256"], "bytes": held["bytes"]}
        for split, held in data["splits"].items()
    }
    return {_relative(layout, layout.data(name)): _measured(layout.data(name)), **splits}


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
