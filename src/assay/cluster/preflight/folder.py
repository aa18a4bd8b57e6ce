"""The folder that results go to: the nearest one that is there, and whether it can be written."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from assay.cluster.preflight.finding import Finding


def nearest(results: str) -> Path:
    """The results folder, or the nearest folder above it that is there."""
    place = Path(results).absolute()
    while not place.is_dir():
        place = place.parent
    return place


def folder_findings(results: str) -> Iterator[Finding]:
    """Whether results can be written; a small file is written and removed, since permissions do not tell all."""
    folder = nearest(results)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"assay")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        got = f"{folder}: {error.strerror}"
        yield Finding(
            results,
            "results cannot be written",
            got,
            "a folder that you may write",
            "Set `results` elsewhere.",
        )
