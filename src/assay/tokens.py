"""The files that checkpoints and data are read from, and the tokens by which Snakemake sees that they changed."""

import os
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from assay import catalog, seen
from assay.catalog import SCHEMA, SOURCES
from assay.config import Plan
from assay.datasets import DataSet, made_by_rule
from assay.digest import code_digests, combined
from assay.files import compact_json, sha256_bytes, sha256_file
from assay.layout import Layout
from assay.model_folder import folder_files
from assay.sheet import Row
from assay.training_files import training_files, training_watched


def intake_token(plan: Plan, checkpoint: str) -> str:
    """The param of a checkpoint's intake; where a rule makes the checkpoint, Snakemake compares times itself."""
    row, layout = plan.row(checkpoint), Layout(plan.results)
    target, sources = layout.intake(checkpoint), checkpoint_files(row)
    beside = [layout.weights(checkpoint), layout.hparams(checkpoint)]
    by_rule = made_by_rule(row.path, plan.results)
    wanted = {"family": row.family, "hparams": dict(row.hparams)}
    if all(file.exists() for file in sources):
        wanted["code"] = family_code(row.family)
    if said := seen.otherwise(target, wanted):
        return said
    return _token(target, beside, [] if by_rule else sources, partial(checkpoint_sha256, row))


def training_token(plan: Plan, checkpoint: str) -> str:
    """The param of the job that reads what training left around a checkpoint, made as that of an intake."""
    row, layout = plan.row(checkpoint), Layout(plan.results)
    looked_at: seen.Files = [] if made_by_rule(row.path, plan.results) else partial(training_looked_at, row)
    return _token(
        layout.training(checkpoint), [layout.run(checkpoint)], looked_at, partial(training_sha256, row)
    )


def training_looked_at(row: Row, memory: seen.Seen) -> list[Path]:
    """The files and folders by which a change shows; those remembered, since to find them takes many more looks."""
    path = Path(row.path)
    of_this_path = memory.files[:1] in ([path], [path.parent])
    return memory.files if of_this_path else training_watched(path)


def training_sha256(row: Row) -> str:
    """One sha256 over what training left around a checkpoint, by name."""
    files = training_files(Path(row.path))
    return training_joined({name: sha256_file(file) for name, file in files.items()})


def training_joined(contents: Mapping[str, str]) -> str:
    """One sha256 over the files whose sha256 are given by name, also where there is none."""
    return sha256_bytes(compact_json(dict(contents)).encode())


def data_token(plan: Plan, name: str) -> str:
    """The param of a data set's preparation, made as that of an intake."""
    data, layout = plan.data_set(name), Layout(plan.results)
    beside = [layout.split(name, split) for split in data.splits]
    by_rule = any(made_by_rule(path, plan.results) for path in data.paths)
    return _token(
        layout.data(name), beside, [] if by_rule else source_files(data), partial(source_sha256, data)
    )


def intake_holds(plan: Plan, checkpoint: str, intake: Mapping[str, Any]) -> bool:
    """Whether what an intake found is still so: the checkpoint is the one that it read, also where a rule made it."""
    row, target = plan.row(checkpoint), Layout(plan.results).intake(checkpoint)
    if intake.get("token") != intake_token(plan, checkpoint):
        return False
    return not seen.changed(target, checkpoint_files(row), partial(checkpoint_sha256, row))


def data_hold(plan: Plan, name: str, content: Mapping[str, Any]) -> bool:
    """Whether what a preparation found is still so: raw files, options and code are those that it read with."""
    data, target = plan.data_set(name), Layout(plan.results).data(name)
    made = [content.get(key) for key in ("options", "code", "token")]
    if made != [data.deciding, data_code(data.source), data_token(plan, name)]:
        return False
    return not seen.changed(target, source_files(data), partial(source_sha256, data))


@cache
def family_code(family: str) -> str:
    """The digest of the code that decides what a checkpoint lacks; empty where its family answers all for any."""
    row = catalog.families()[family]
    return combined(code_digests([row.module])) if row.may_lack else ""


@cache
def data_code(source: str) -> str:
    """The digest of the code that prepares a data set."""
    return f"{SCHEMA}-{combined(code_digests([SOURCES[source].module]))}"


def manifest_token(plan: Plan) -> str:
    """The param of the manifest: the one that a complete manifest was written with, else another."""
    return seen.Seen.remembered(Layout(plan.results).manifest).token


def checkpoint_files(row: Row) -> list[Path]:
    """The file of a checkpoint, and those beside it that belong to it; of a model folder the files that are read."""
    path = Path(row.path)
    if path.is_dir():
        return folder_files(path)
    beside = (path.with_name(path.name + suffix) for suffix in catalog.families()[row.family].beside)
    return [path, *(file for file in beside if file.exists())]


def checkpoint_sha256(row: Row) -> str:
    """The sha256 of a checkpoint's file; of all of its files where there are several."""
    return joined_sha256({str(file): sha256_file(file) for file in checkpoint_files(row)})


def joined_sha256(contents: Mapping[str, str]) -> str:
    """One sha256 over the files whose sha256 are given by path; of a single one its own."""
    if len(contents) == 1:
        return next(iter(contents.values()))
    return sha256_bytes(compact_json({Path(file).name: sha256 for file, sha256 in contents.items()}).encode())


def source_files(data: DataSet) -> list[Path]:
    """All raw files of a data set, each once."""
    return sorted({file for files in data.files().values() for file in files})


def source_sha256(data: DataSet) -> str:
    """One sha256 over the names, splits and contents of all raw files."""
    contents = {str(file): sha256_file(file) for file in source_files(data)}
    return listing_sha256(data, contents)


def listing_sha256(data: DataSet, contents: Mapping[str, str]) -> str:
    """One sha256 over the raw files by split, given the sha256 of each."""
    listing = {s: {str(f): contents[str(f)] for f in files} for s, files in data.files().items()}
    return sha256_bytes(compact_json(listing).encode())


def _token(target: str, beside: list[str], sources: seen.Files, sha256: Callable[[], str]) -> str:
    if os.path.exists(target):  # noqa: PTH110
        lost = next((path for path in beside if not os.path.exists(path)), None)  # noqa: PTH110
        if lost:
            return seen.without(Path(lost).name, target)
    return seen.token(target, sources, sha256)
