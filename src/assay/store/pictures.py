"""Figures as files: PNG to look at and SVG to print, one figure one byte sequence; pages with their digests."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from assay.files import publish, publish_json, sha256_file

SVG = {"svg.hashsalt": "assay", "svg.fonttype": "path"}  # ids that do not change; text that needs no font
UNSIGNED = {"png": {"Software": None}, "svg": {"Creator": None, "Date": None}}  # no version, no clock


def save_figure(figure: Figure, png: Path, svg: Path, *, style: Mapping[str, Any]) -> None:
    """Publish a figure as PNG and as SVG, each whole or not at all.

    `style` holds the rcParams that it was drawn under: numbers are written, and fonts found, when it is saved.
    """
    for path, kind in ((png, "png"), (svg, "svg")):
        _save(figure, path, kind, style)


def save_pages(
    pages: Iterable[tuple[str, Figure]], folder: Path, listing: Path, *, style: Mapping[str, Any]
) -> None:
    """Publish figures as `<name>.png` below a folder, all or none, in place of those that were there.

    `listing` is written last: each file by its path below the folder, with sha256 and bytes.
    """
    with _replaced(folder) as staged:
        files = {}
        for name, figure in pages:
            path = staged / f"{name}.png"
            _save(figure, path, "png", style)
            files[f"{name}.png"] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
    publish_json(listing, {"files": files})


@contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes the place of `folder` at the end of the block; gone where the block fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    mark = f"{os.getpid()}.{secrets.token_hex(4)}"
    staged, old = (folder.with_name(f".{folder.name}.{mark}.{end}") for end in ("tmp", "old"))
    staged.mkdir()
    try:
        yield staged
        if folder.exists():
            folder.rename(old)
        staged.rename(folder)
    finally:
        for left in (staged, old):
            shutil.rmtree(left, ignore_errors=True)


def _save(figure: Figure, path: Path, kind: str, style: Mapping[str, Any]) -> None:
    with matplotlib.style.context(["default", {**style, **SVG}]):
        publish(path, lambda file: figure.savefig(file, format=kind, metadata=UNSIGNED[kind]))
