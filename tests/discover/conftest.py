"""One lab with runs in every layout, discovered once."""

from pathlib import Path

import pytest
from discover import trees
from discover.runs import LAYOUTS


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Path:
    """A project folder with a lab below it; not to be changed."""
    folder = tmp_path_factory.mktemp("project")
    for layout in LAYOUTS:
        layout(folder / "lab")
    images = trees.pictures(folder / "pictures", 32, 24, 3)
    tables = {"source": "network", "path": str(trees.GRAPHS)}
    trees.project(folder, slides=images, screen=tables)
    return folder


@pytest.fixture(scope="session")
def found(lab):
    """What was discovered in the lab, as `--json` says it, into a sheet beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(lab)
        return trees.discovered("lab", "-o", "sheet.tsv", "--config", "config.yaml")
