"""The two jobs that feed all others: a checkpoint is taken in, a data set is prepared."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from assay import catalog, seen
from assay.catalog import SCHEMA, SOURCES
from assay.config import Plan
from assay.datasets import DataSet
from assay.errors import Refused
from assay.files import publish_json, read_json, sha256_bytes, sha256_file, write_new
from assay.intake import checkpoint as border
from assay.layout import Layout
from assay.plan import INTAKE_FORMAT
from assay.sheet import Row
from assay.store import formats
from assay.store.records import failure_recorded
from assay.store.stage import Stage, made_once
from assay.tokens import (
    checkpoint_files,
    data_code,
    data_token,
    family_code,
    intake_token,
    joined_sha256,
    listing_sha256,
)
from assay.told import say, told_warnings

MOST_NAMED = 2000  # raw files named in a fingerprint, which must stay below 1 MB to be compared by content


def take_in(plan: Plan, checkpoint: str, token: str) -> None:
    """Read a checkpoint at the border, hold it against its family, and publish what jobs read.

    Raises:
        Refused: the file is not a checkpoint of its family that can be read without running its code.
    """
    plan.row(checkpoint)
    target = Path(Layout(plan.results).intake(checkpoint))
    made_once(
        target,
        partial(_take_in, plan, checkpoint, token),
        last=target,
        made=lambda: target.exists() and intake_token(plan, checkpoint) == token,
    )


def prepare(plan: Plan, name: str, token: str) -> None:
    """Prepare a data set: raw files -> one safetensors a split, and data.json.

    Raises:
        Refused: a raw file is damaged, or a split has no samples.
    """
    data, target = plan.data_set(name), Path(Layout(plan.results).data(name))

    def made() -> bool:
        if not target.exists() or data_token(plan, name) != token:
            return False
        content = read_json(target)
        return [content["options"], content["code"]] == [data.deciding, data_code(data.source)]

    made_once(target, partial(_prepare, plan, name, token), last=target, made=made)


def _take_in(plan: Plan, checkpoint: str, token: str, stage: Stage) -> None:
    row, layout = plan.row(checkpoint), Layout(plan.results)
    published = [Path(file(checkpoint)) for file in (layout.weights, layout.hparams, layout.intake)]
    weights, hparams, target = map(stage.path, published)
    with failure_recorded(Path(layout.failed(checkpoint, "intake")), stage):
        source = Path(row.path)
        seen.begin(layout.intake(checkpoint))
        files = checkpoint_files(row)
        with seen.unchanged(files) as stat:
            contents = {str(file): sha256_file(file) for file in files}
            found = border.read(
                source,
                sha256=contents.get(str(source)),
                placeholders=plan.placeholders,
                beside=[] if source.is_dir() else files[1:],
                said=row.hparams,
            )
        _refuse_other_family(row, found)
        of_all = joined_sha256(contents)
        held = {path: size for path, size, *_ in stat}
        said = publish_json(hparams, found.hparams, write=write_new)
        intake = {
            "format": INTAKE_FORMAT,
            "family": row.family,
            "code": family_code(row.family),
            "sha256": contents.pop(str(source), of_all),
            "beside": contents,
            "sources_sha256": of_all,
            "bytes": held.get(str(source), sum(held.values())),
            "hparams": dict(row.hparams),
            "token": token,
            "files": {
                "weights.safetensors": formats.save_tensors(found.tensors, weights, write=write_new),
                "hparams.json": {"sha256": sha256_bytes(said), "bytes": len(said)},
            },
            "holds": found.facts,
            "lacks": _lacks(row, found),
        }
        publish_json(target, intake, write=write_new)
        stage.publish(*published)
        seen.finish(layout.intake(checkpoint), token=token, sha256=of_all, stat=stat)


def _prepare(plan: Plan, name: str, token: str, stage: Stage) -> None:
    data, layout = plan.data_set(name), Layout(plan.results)
    with failure_recorded(Path(layout.data_failed(name)), stage):
        seen.begin(layout.data(name))
        files = data.files()
        _none_empty(data, files)
        with seen.unchanged(sorted({file for group in files.values() for file in group})) as stat:
            contents = {file: sha256_file(Path(file)) for file, *_ in stat}
            prepared = import_module(SOURCES[data.source].module).prepare(files, **data.options)
        paths = [Path(layout.split(name, split)) for split in prepared.splits]
        splits = {
            split: {**formats.save_arrays(part.arrays(), stage.path(path), write=write_new), **part.counts()}
            for (split, part), path in zip(prepared.splits.items(), paths, strict=True)
        }
        sha256 = listing_sha256(data, contents)
        content = {
            "schema": SCHEMA,
            "source": data.source,
            "options": data.deciding,
            "code": data_code(data.source),
            "sha256": sha256,
            "token": token,
            "n_sources": len(contents),
            "sources": contents if len(contents) <= MOST_NAMED else {},
            "splits": splits,
            "facts": prepared.facts,
            "lacks": dict(prepared.lacks),
        }
        target = Path(layout.data(name))
        publish_json(stage.path(target), content, write=write_new)
        stage.publish(*paths, target)
        say(prepared.facts["warnings"])
        seen.finish(layout.data(name), token=token, sha256=sha256, stat=stat)


def _refuse_other_family(row: Row, found: border.Checkpoint) -> None:
    """Load the checkpoint once, so that what its family cannot read is refused here, by its path."""
    try:
        with told_warnings():
            _family(row).load(found.tensors, found.hparams)
    except Refused as refusal:
        raise Refused(f"{row.path}: {refusal}") from None


def _lacks(row: Row, found: border.Checkpoint) -> dict[str, str]:
    """Capability -> why this checkpoint does not answer it, though others of its family do."""
    if not catalog.families()[row.family].may_lack:
        return {}
    return _family(row).lacks(found.tensors, found.hparams)


def _family(row: Row) -> Any:
    return import_module(catalog.families()[row.family].module)


def _none_empty(data: DataSet, files: Mapping[str, tuple[Path, ...]]) -> None:
    suffixes = ", ".join(SOURCES[data.source].suffixes)
    for split, found in files.items():
        if not found:
            paths = ", ".join(data.raw[split])
            raise Refused(f"data {data.name}: split {split} has no files: no {suffixes} below {paths}.")
