"""The way of one figure: a saved artifact -> its figure module -> PNG and SVG."""

from importlib import import_module
from pathlib import Path

from assay.catalog import artifacts
from assay.errors import Refused
from assay.figures.style import STYLE
from assay.layout import Layout
from assay.store.artifacts import load_artifact
from assay.store.pictures import save_figure
from assay.store.records import failure_recorded


def draw(layout: Layout, checkpoint: str, artifact: str) -> Path:
    """Draw an artifact from its file alone; returns the PNG, beside which the SVG lies.

    Raises:
        Refused: the file is missing or damaged.
    """
    png, svg = (Path(path) for path in layout.figures(checkpoint, artifact))
    with failure_recorded(Path(layout.failed(checkpoint, f"figure_{artifact}"))):
        target = Path(layout.target(checkpoint, artifact))
        if not target.exists():
            raise Refused(f"{target} is missing: make the artifact before its figure.")
        figure = import_module(artifacts()[artifact].figure).draw(load_artifact(target))
        save_figure(figure, png, svg, style=STYLE)
    return png
