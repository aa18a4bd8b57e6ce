"""The only seam: a request -> load -> compute -> save -> record."""

import resource
import time
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from assay import catalog
from assay.catalog import READERS, SOURCES
from assay.device import device_name, torch_device
from assay.errors import AssayError, Refused
from assay.files import compact_json, parse_json, read_json, sha256_bytes, sha256_file, write_new
from assay.layout import Layout
from assay.plan import Request
from assay.protocols import Origin
from assay.sheet import Row
from assay.store import formats
from assay.store.artifacts import load_artifact
from assay.store.parts import KeptParts
from assay.store.records import Record, action_key, failure_recorded, now, versions
from assay.store.stage import Stage, made_once
from assay.told import told_warnings


def make(
    request: Request,
    *,
    device: str,
    output: str | None = None,
    wait: bool = False,
    take_over: bool = False,
) -> Path:
    """Make one artifact from the intakes and data as they lie; returns its file, complete with its record.

    With `output` the file goes there, and no record is kept: a record speaks only of the results. Where another
    process makes the artifact, `wait` takes what that one makes, and `take_over` makes that one fail.

    Raises:
        Refused: an input is damaged or is not what the family reads.
        AssayError: the artifact cannot be computed from these inputs.
        Taken: another process makes it.
    """
    if output is not None and Path(output).resolve() != Path(request.target).resolve():
        return _made_elsewhere(request, device, Path(output))
    target = Path(request.target)
    made_once(
        target,
        partial(_make, request, device),
        last=Path(request.record),
        made=partial(_is_made, request),
        wait=wait,
        by_force=take_over,
    )
    return target


def _made_elsewhere(request: Request, device: str, output: Path) -> Path:
    parts = _parts(request, device, output)
    with told_warnings():
        formats.save(_computed(request, device, parts), output)
    parts.remove()
    return output


def _is_made(request: Request) -> bool:
    """Whether the artifact lies there as this request would make it."""
    try:
        action = read_json(Path(request.record)).get("action")
    except (FileNotFoundError, Refused):
        return False
    wanted = action_key(request.artifact, _inputs(request), request.deciding, request.code_digest)
    return action == wanted and Path(request.target).exists()


def _make(request: Request, device: str, stage: Stage) -> None:
    with failure_recorded(Path(request.layout.failed(request.row.checkpoint, request.artifact)), stage):
        parts = _parts(request, device, Path(request.target))
        _stage(request, device, parts, stage)
        stage.remove(Path(request.record))  # of an older result, which speaks of none of these files
        stage.publish(*map(Path, (*request.also, request.target, request.record)))
    parts.remove()


def _stage(request: Request, device: str, parts: KeptParts, stage: Stage) -> None:
    """Write all files of the artifact, its record last, to the stage."""
    started, clock = now(), time.monotonic()
    inputs = _inputs(request)
    with told_warnings() as notes:
        result = _computed(request, device, parts)
    target = stage.path(Path(request.target))
    arrays = formats.save(result, target, write=write_new)
    Record(
        checkpoint=request.row.checkpoint,
        artifact=request.artifact,
        file=str(Path(request.target).relative_to(request.layout.results)),
        sha256=sha256_file(target),
        bytes=target.stat().st_size,
        also={
            str(Path(path).relative_to(request.layout.results)): _measured(stage.path(Path(path)))
            for path in request.also
        },
        arrays=arrays,
        inputs=inputs,
        options=request.deciding,
        code=request.code_digest,
        modules=request.code,
        meta=request.row.meta,
        device=device_name(device),
        started=started,
        seconds=round(time.monotonic() - clock, 3),
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        warnings=tuple(notes),
    ).save(stage.path(Path(request.record)), write=write_new)


def _measured(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_file(path), "bytes": path.stat().st_size}


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
        request.deciding,
        request.code_digest,
        versions(),
        device_name(device),
    ]
    return KeptParts(target, sha256_bytes(compact_json(decides).encode()))


def _computed(request: Request, device: str, parts: KeptParts) -> Any:
    if request.table.origin:
        return import_module(request.table.module).compute(_origin(request), **request.options)
    where = torch_device(device)
    subject = _loaded(request.row, request.layout).to(where)
    partners = [_loaded(request.partners[role], request.layout).to(where) for role in request.table.partners]
    data = _opened(request, where)
    compute = import_module(request.table.module).compute
    in_parts = (parts,) if request.table.in_parts else ()
    return compute(subject, *partners, data, *in_parts, **request.options)


def _origin(request: Request) -> Origin:
    """What is known of where the checkpoint comes from."""
    name, layout = request.row.checkpoint, request.layout
    intake, training = (_read_fingerprint(file(name)) for file in (layout.intake, layout.training))
    return Origin(
        checkpoint=name,
        family=request.row.family,
        data=request.data.name,
        intake=intake,
        hparams=formats.load_json(Path(layout.hparams(name)), intake["files"]["hparams.json"]["sha256"]),
        training=training,
        run=formats.load_json(Path(layout.run(name)), training["files"]["run.json"]["sha256"]),
        dataset=_read_fingerprint(layout.data(request.data.name)),
        versions=versions(),
    )


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


def _read_fingerprint(path: str) -> dict[str, Any]:
    return parse_json(_fingerprint(path), Path(path))


def _fingerprint(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise AssayError(f"{path} is missing: run without --only, or let snakemake make it.") from None
