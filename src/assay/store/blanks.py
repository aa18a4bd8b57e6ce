"""Blanks: what a rule leaves in the place of files of an artifact that turned out not to apply.

A workflow is planned before its checkpoints and data are read, and every rule must leave the files that it declares.
A blank holds the reason as text, its record {"not_applicable": reason}. The manifest takes them away.
"""

import shutil
from functools import partial
from pathlib import Path

from assay.errors import Refused
from assay.files import publish_json, read_json, write_new
from assay.layout import Layout
from assay.plan import Request
from assay.store.stage import Stage, made_once

REASON = "not_applicable"


def leave_blank(request: Request, reason: str) -> None:
    """Leave blanks as the files of an artifact, and the record last."""
    record = Path(request.record)
    made_once(
        Path(request.target),
        partial(_leave, request, reason),
        last=record,
        made=lambda: bool(reason_left(record)),
    )


def leave_blank_figures(layout: Layout, checkpoint: str, artifact: str) -> None:
    """Leave blanks as the pictures of an artifact that is one."""
    png = Path(layout.figures(checkpoint, artifact)[0])
    made_once(png, partial(_leave_figures, layout, checkpoint, artifact), last=png, made=lambda: False)


def reason_left(record: Path) -> str:
    """Why the artifact of a record is a blank; empty where it is none."""
    try:
        return str(read_json(record).get(REASON, ""))
    except (FileNotFoundError, Refused):
        return ""


def remove_blank(layout: Layout, checkpoint: str, artifact: str) -> None:
    """Take away the blanks of an artifact, its record last; nothing else."""
    record = Path(layout.record(checkpoint, artifact))
    if not reason_left(record):
        return
    pictures = layout.figures(checkpoint, artifact)
    shutil.rmtree(pictures[0].removesuffix(".png"), ignore_errors=True)
    for file in (
        *pictures,
        *layout.also(checkpoint, artifact),
        layout.target(checkpoint, artifact),
        str(record),
    ):
        Path(file).unlink(missing_ok=True)


def _leave(request: Request, reason: str, stage: Stage) -> None:
    files = [Path(path) for path in (*request.also, request.target, request.record)]
    for file in files[:-1]:
        _write(stage.path(file), reason)
    publish_json(stage.path(files[-1]), {REASON: reason}, write=write_new)
    stage.remove(Path(request.layout.failed(request.row.checkpoint, request.artifact)))
    stage.publish(*files)


def _leave_figures(layout: Layout, checkpoint: str, artifact: str, stage: Stage) -> None:
    png, svg, *listing = [Path(path) for path in layout.figures(checkpoint, artifact)]
    reason = reason_left(Path(layout.record(checkpoint, artifact)))
    for file in (png, svg, *listing):
        _write(stage.path(file), reason)
    pages = [png.with_suffix("") for _ in listing]
    for folder in pages:
        stage.path(folder).mkdir()
    stage.publish(*pages, *listing, svg, png)


def _write(path: Path, reason: str) -> None:
    write_new(path, lambda file: file.write(f"not applicable: {reason}\n".encode()))
