"""The only seam: a request -> load -> compute -> save -> record; and the two jobs that feed it."""

import resource
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from assay import catalog, seen
from assay.catalog import READERS, SCHEMA, SOURCES
from assay.config import Plan
from assay.datasets import DataSet
from assay.device import device_name, torch_device
from assay.errors import AssayError, Refused, ResultWarning
from assay.files import compact_json, parse_json, publish_json, sha256_bytes, sha256_file
from assay.intake import checkpoint as border
from assay.layout import Layout
from assay.plan import INTAKE_FORMAT, Request, data_code, data_of, listing_sha256, plain, row_of
from assay.sheet import Row
from assay.store import formats
from assay.store.artifacts import load_artifact
from assay.store.parts import KeptParts
from assay.store.records import Record, failure_recorded, now, versions


def make(request: Request, *, device: str, output: str | None = None) -> Path:
    """Make one artifact from the intakes and data as they lie; returns its file, complete with its record.

    With `output` the file goes there, and no record is kept: a record speaks only of the results.

    Raises:
        Refused: an input is damaged or is not what the family reads.
        AssayError: the artifact cannot be computed from these inputs.
    """
    if output is not None and Path(output).resolve() != Path(request.target).resolve():
        return _made_elsewhere(request, device, Path(output))
    with failure_recorded(Path(request.layout.failed(request.row.checkpoint, request.artifact))):
        return _made(request, device)


def take_in(plan: Plan, checkpoint: str, token: str) -> None:
    """Read a checkpoint at the border, hold it against its family, and publish what jobs read.

    Raises:
        Refused: the file is not a checkpoint of its family that can be read without running its code.
    """
    row, layout = row_of(plan, checkpoint), Layout(plan.results)
    with failure_recorded(Path(layout.failed(checkpoint, "intake"))):
        source = Path(row.path)
        seen.begin(layout.intake(checkpoint))
        with _unchanged([source]) as stat:
            sha256 = sha256_file(source)
            found = border.read(source, sha256=sha256, placeholders=plan.placeholders)
        _refuse_other_family(row, found)
        hparams = publish_json(Path(layout.hparams(checkpoint)), found.hparams)
        intake = {
            "format": INTAKE_FORMAT,
            "family": row.family,
            "sha256": sha256,
            "bytes": source.stat().st_size,
            "token": token,
            "files": {
                "weights.safetensors": formats.save_tensors(found.tensors, Path(layout.weights(checkpoint))),
                "hparams.json": {"sha256": sha256_bytes(hparams), "bytes": len(hparams)},
            },
            "holds": found.facts,
        }
        publish_json(Path(layout.intake(checkpoint)), intake)
        seen.finish(layout.intake(checkpoint), token=token, sha256=sha256, stat=stat)


def prepare(plan: Plan, name: str, token: str) -> None:
    """Prepare a data set: raw files -> one safetensors a split, and data.json.

    Raises:
        Refused: a raw file is damaged, or a split has no samples.
    """
    data, layout = data_of(plan, name), Layout(plan.results)
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
            "sources": contents,
            "splits": splits,
            "facts": prepared.facts,
        }
        publish_json(Path(layout.data(name)), content)
        _say(prepared.facts["warnings"])
        seen.finish(layout.data(name), token=token, sha256=sha256, stat=stat)


def _made_elsewhere(request: Request, device: str, output: Path) -> Path:
    parts = _parts(request, device, output)
    with _result_warnings():
        formats.save(_computed(request, device, parts), output)
    parts.remove()
    return output


def _made(request: Request, device: str) -> Path:
    started, clock = now(), time.monotonic()
    inputs = _inputs(request)
    target = Path(request.target)
    parts = _parts(request, device, target)
    with _result_warnings() as notes:
        result = _computed(request, device, parts)
    arrays = formats.save(result, target)
    Record(
        checkpoint=request.row.checkpoint,
        artifact=request.artifact,
        file=str(target.relative_to(request.layout.results)),
        sha256=sha256_file(target),
        bytes=target.stat().st_size,
        arrays=arrays,
        inputs=inputs,
        options=plain(request.options),
        code=request.code_digest,
        modules=request.code,
        meta=request.row.meta,
        device=device_name(device),
        started=started,
        seconds=round(time.monotonic() - clock, 3),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        warnings=tuple(notes),
    ).save(Path(request.record))
    parts.remove()
    return target


def _inputs(request: Request) -> dict[str, dict[str, str]]:
    """Role -> the fingerprint's path below the results, and its sha256."""
    return {
        role: {
            "path": str(Path(path).relative_to(request.layout.results)),
            "sha256": sha256_bytes(_fingerprint(path)),
        }
        for role, path in request.fingerprints.items()
    }


def _parts(request: Request, device: str, target: Path) -> KeptParts:
    """The parts of a target, which hold for these inputs, options, code, versions and device alone."""
    decides = [
        _inputs(request),
        plain(request.options),
        request.code_digest,
        versions(),
        device_name(device),
    ]
    return KeptParts(target, sha256_bytes(compact_json(decides).encode()))


def _computed(request: Request, device: str, parts: KeptParts) -> Any:
    where = torch_device(device)
    subject = _loaded(request.row, request.layout).to(where)
    partners = [_loaded(request.partners[role], request.layout).to(where) for role in request.table.partners]
    data = _opened(request, where)
    compute = import_module(request.table.module).compute
    in_parts = (parts,) if request.table.in_parts else ()
    return compute(subject, *partners, data, *in_parts, **request.options)


def _loaded(row: Row, layout: Layout) -> Any:
    """The subject of a checkpoint that was taken in."""
    intake = _read_fingerprint(layout.intake(row.checkpoint))
    files = intake["files"]
    tensors = formats.load_tensors(
        Path(layout.weights(row.checkpoint)), files["weights.safetensors"]["sha256"]
    )
    hparams = formats.load_json(Path(layout.hparams(row.checkpoint)), files["hparams.json"]["sha256"])
    return _family(row).load(tensors, hparams)


def _opened(request: Request, device: str) -> Any:
    """The data of a request, its splits read when they are drawn from."""
    if request.made_from:
        return _opened_artifact(request, device)
    data, layout = request.data, request.layout
    content = _read_fingerprint(layout.data(data.name))

    def load(split: str) -> Mapping[str, Any]:
        return formats.load_arrays(Path(layout.split(data.name, split)), content["splits"][split]["sha256"])

    reader = import_module(READERS[SOURCES[data.source].batches])
    return reader.open_data(
        data.name, load, splits=data.splits, attack_names=_attack_names(content), device=device
    )


def _opened_artifact(request: Request, device: str) -> Any:
    """The data that another artifact of the same checkpoint holds."""
    checkpoint, layout = request.row.checkpoint, request.layout
    record = _read_fingerprint(layout.record(checkpoint, request.made_from))
    path = Path(layout.target(checkpoint, request.made_from))
    if sha256_file(path) != record["sha256"]:
        raise Refused(f"{path} is not the file that its record describes. Delete it to have it made again.")
    made = load_artifact(path)
    reader = import_module(READERS[catalog.families()[request.row.family].batches])
    names = _attack_names(_read_fingerprint(layout.data(request.data.name)))
    return reader.open_made(request.data.name, made, attack_names=names, device=device)


def _attack_names(content: Mapping[str, Any]) -> dict[int, str]:
    return {int(code): name for code, name in content["facts"].get("attack_names", {}).items()}


def _family(row: Row) -> Any:
    return import_module(catalog.families()[row.family].module)


def _refuse_other_family(row: Row, found: border.Checkpoint) -> None:
    """Load the checkpoint once, so that what its family cannot read is refused here, by its path."""
    try:
        with _result_warnings():
            _family(row).load(found.tensors, found.hparams)
    except Refused as refusal:
        raise Refused(f"{row.path}: {refusal}") from None


def _read_fingerprint(path: str) -> dict[str, Any]:
    return parse_json(_fingerprint(path), Path(path))


def _fingerprint(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise AssayError(f"{path} is missing: run without --only, or let snakemake make it.") from None


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


@contextmanager
def _result_warnings() -> Iterator[list[str]]:
    """The ResultWarnings of the block, each once, also said on stderr; other warnings go where they always go."""
    notes: list[str] = []
    usual = warnings.showwarning

    def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, ResultWarning):
            usual(message, category, *where, **more)
        elif str(message) not in notes:
            notes.append(str(message))
            _say([str(message)])

    with warnings.catch_warnings():
        warnings.simplefilter("always", ResultWarning)
        warnings.showwarning = show
        yield notes


def _say(notes: list[str]) -> None:
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)
