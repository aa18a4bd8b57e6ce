"""The way of one figure: a saved artifact -> its figure module -> PNG and SVG, and its pages where it has some."""

from functools import partial
from importlib import import_module
from pathlib import Path

from assay.catalog import artifacts
from assay.errors import Refused
from assay.figures.style import STYLE
from assay.files import write_new
from assay.layout import Layout
from assay.store.artifacts import load_artifact
from assay.store.marks import is_drawn, marks_of
from assay.store.pictures import save_figure, save_pages
from assay.store.records import failure_recorded
from assay.store.stage import Stage, made_once

PAGE_STYLE = {**STYLE, "savefig.dpi": 120}  # hundreds of them are looked at on a screen, and not printed


def draw(layout: Layout, checkpoint: str, artifact: str) -> Path:
    """Draw an artifact from its file alone; returns the PNG, beside which the SVG lies.

    Pages lie in the folder of the PNG's name without its suffix, their digests in `<folder>.pages.json`.

    Raises:
        Refused: the file is missing or damaged.
    """
    made_once(
        png := Path(layout.figures(checkpoint, artifact)[0]),
        partial(_draw, layout, checkpoint, artifact),
        last=png,
        made=partial(_is_drawn, layout, checkpoint, artifact),
    )
    return png


def _is_drawn(layout: Layout, checkpoint: str, artifact: str) -> bool:
    target = Path(layout.target(checkpoint, artifact))
    return target.exists() and is_drawn(layout, checkpoint, artifact, marks_of(artifact, target))


def _draw(layout: Layout, checkpoint: str, artifact: str, stage: Stage) -> None:
    files = png, svg, *listing = [Path(path) for path in layout.figures(checkpoint, artifact)]
    with failure_recorded(Path(layout.failed(checkpoint, f"figure_{artifact}")), stage):
        target = Path(layout.target(checkpoint, artifact))
        if not target.exists():
            raise Refused(f"{target} is missing: make the artifact before its figure.")
        marks = marks_of(artifact, target)  # before the file is read: one that is replaced meanwhile is told
        module, result = import_module(artifacts()[artifact].figure), load_artifact(target)
        pages, staged = png.with_suffix(""), [stage.path(path) for path in listing]
        for path in staged:
            save_pages(module.pages(result), stage.path(pages), path, style=PAGE_STYLE, marks=marks)
        save_figure(
            module.draw(result),
            stage.path(png),
            stage.path(svg),
            style=STYLE,
            marks=marks,
            beside=staged,
            write=write_new,
        )
        stage.publish(*([pages] if listing else []), *reversed(files))
