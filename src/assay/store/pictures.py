"""Figures as files: PNG to look at and SVG to print, one figure one byte sequence; pages with their digests."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from assay.files import Write, publish, publish_json, sha256_file, write_new
from assay.store.marks import Marks, digests

SVG = {"svg.hashsalt": "assay", "svg.fonttype": "path"}  # ids that do not change; text that needs no font


def save_figure(
    figure: Figure,
    png: Path,
    svg: Path,
    *,
    style: Mapping[str, Any],
    marks: Marks,
    beside: Sequence[Path] = (),
    write: Write = publish,
) -> None:
    """Publish a figure as SVG, then as PNG, each whole or not at all; `beside` are further files that the PNG names.

    `style` holds the rcParams that it was drawn under: numbers are written, and fonts found, when it is saved.
    """
    _save(figure, svg, style, marks.svg, write)
    _save(figure, png, style, {**marks.png, **digests([svg, *beside])}, write)


def save_pages(
    pages: Iterable[tuple[str, Figure]],
    folder: Path,
    listing: Path,
    *,
    style: Mapping[str, Any],
    marks: Marks,
) -> None:
    """Write figures as `<name>.png` below a new folder, to be published as a whole with its listing.

    `listing` holds each file by its path below the folder, with sha256 and bytes.
    """
    folder.mkdir()
    files = {}
    for name, figure in pages:
        path = _made_room(folder, PurePath(f"{name}.png"))
        _save(figure, path, style, marks.png, write_new)
        files[f"{name}.png"] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
    publish_json(listing, {"files": files}, write=write_new)


def _made_room(folder: Path, name: PurePath) -> Path:
    """The path of `name` below a folder that is not made again where it is gone."""
    for part in name.parent.parts:
        folder /= part
        folder.mkdir(exist_ok=True)
    return folder / name.name


def _save(
    figure: Figure, path: Path, style: Mapping[str, Any], said: Mapping[str, str | None], write: Write
) -> None:
    kind = path.suffix.removeprefix(".")
    with matplotlib.style.context(["default", {**style, **SVG}]):
        write(path, lambda file: figure.savefig(file, format=kind, metadata=dict(said)))
