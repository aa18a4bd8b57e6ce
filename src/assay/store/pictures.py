"""Figures as files: PNG to look at and SVG to print, one figure one byte sequence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib.style
from matplotlib.figure import Figure

from assay.files import publish

SVG = {"svg.hashsalt": "assay", "svg.fonttype": "path"}  # ids that do not change; text that needs no font
UNSIGNED = {"png": {"Software": None}, "svg": {"Creator": None, "Date": None}}  # no version, no clock


def save_figure(figure: Figure, png: Path, svg: Path, *, style: Mapping[str, Any]) -> None:
    """Publish a figure as PNG and as SVG, each whole or not at all.

    `style` holds the rcParams that it was drawn under: numbers are written, and fonts found, when it is saved.
    """
    with matplotlib.style.context(["default", {**style, **SVG}]):
        for path, kind in ((png, "png"), (svg, "svg")):
            _save(figure, path, kind)


def _save(figure: Figure, path: Path, kind: str) -> None:
    publish(path, lambda file: figure.savefig(file, format=kind, metadata=UNSIGNED[kind]))
