"""The two jobs that feed all others: a checkpoint is taken in, a data set is prepared."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from assay import catalog, seen
from assay.catalog import SCHEMA, SOURCES
from assay.config import Plan
from assay.datasets import DataSet
from assay.errors import Refused
from assay.files import publish_json, sha256_bytes, sha256_file
from assay.intake import checkpoint as border
from assay.layout import Layout
from assay.plan import INTAKE_FORMAT, data_code, plain
from assay.sheet import Row
from assay.store import formats
from assay.store.records import failure_recorded
from assay.tokens import checkpoint_files, joined_sha256, listing_sha256
from assay.told import say, told_warnings

MOST_NAMED = 2000  # raw files named in a fingerprint, which must stay below 1 MB to be compared by content


def take_in(plan: Plan, checkpoint: str, token: str) -> None:
    """Read a checkpoint at the border, hold it against its family, and publish what jobs read.

    Raises:
        Refused: the file is not a checkpoint of its family that can be read without running its code.
    """
    row, layout = plan.row(checkpoint), Layout(plan.results)
    with failure_recorded(Path(layout.failed(checkpoint, "intake"))):
        source = Path(row.path)
        seen.begin(layout.intake(checkpoint))
        files = checkpoint_files(row)
        with _unchanged(files) as stat:
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
        hparams = publish_json(Path(layout.hparams(checkpoint)), found.hparams)
        intake = {
            "format": INTAKE_FORMAT,
            "family": row.family,
            "sha256": contents.pop(str(source), of_all),
            "beside": contents,
            "sources_sha256": of_all,
            "bytes": held.get(str(source), sum(held.values())),
            "hparams": dict(row.hparams),
            "token": token,
            "files": {
                "weights.safetensors": formats.save_tensors(found.tensors, Path(layout.weights(checkpoint))),
                "hparams.json": {"sha256": sha256_bytes(hparams), "bytes": len(hparams)},
            },
            "holds": found.facts,
            "lacks": _lacks(row, found),
        }
        publish_json(Path(layout.intake(checkpoint)), intake)
        seen.finish(layout.intake(checkpoint), token=token, sha256=of_all, stat=stat)


def prepare(plan: Plan, name: str, token: str) -> None:
    """Prepare a data set: raw files -> one safetensors a split, and data.json.

    Raises:
        Refused: a raw file is damaged, or a split has no samples.
    """
    data, layout = plan.data_set(name), Layout(plan.results)
    with failure_recorded(Path(layout.data_failed(name))):
        seen.begin(layout.data(name))
        files = data.files()
        _none_empty(data, files)
        with _unchanged(sorted({file for group in files.values() for file in group})) as stat:
            contents = {file: sha256_file(Path(file)) for file, *_ in stat}
            prepared = import_module(SOURCES[data.source].module).prepare(files, **data.options)
        splits = {
            split: {**formats.save_arrays(part.arrays(), Path(layout.split(name, split))), **part.counts()}
            for split, part in prepared.splits.items()
        }
        sha256 = listing_sha256(data, contents)
        content = {
            "schema": SCHEMA,
            "source": data.source,
            "options": plain(data.options),
            "code": data_code(data.source),
            "sha256": sha256,
            "token": token,
            "n_sources": len(contents),
            "sources": contents if len(contents) <= MOST_NAMED else {},
            "splits": splits,
            "facts": prepared.facts,
        }
        publish_json(Path(layout.data(name)), content)
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


@contextmanager
def _unchanged(files: list[Path]) -> Iterator[seen.Stat]:
    """The stat of the files, which must be the same at the end of the block."""
    before = seen.stat_of(files)
    if before is None:
        missing = next(file for file in files if not file.exists())
        raise Refused(
            f"{missing}: there is no such file. Where a rule makes it, let snakemake make it first."
        )
    yield before
    if seen.stat_of(files) != before:
        raise Refused(f"{files[0].parent}: a file changed while it was read. Run again when it is whole.")
