"""An artifact with pages is drawn into a folder, from its file alone."""

import hashlib
import json

import pytest
from figures.results import attention_maps_result, gradcam_result
from PIL import Image

from assay import drawing
from assay.errors import Refused
from assay.layout import Layout
from assay.store import formats

RESULTS = {"gradcam": gradcam_result(2, 2), "attention_maps": attention_maps_result(2, 2, 2)}
PAGES = {
    "gradcam": {f"record_{i}/class_{k}.png" for i in range(2) for k in range(2)},
    "attention_maps": {"record_0.png", "record_1.png"},
}


@pytest.fixture(params=RESULTS)
def saved(request, tmp_path):
    """The results folder with one artifact, and the folder of its figures."""
    layout = Layout(str(tmp_path))
    (tmp_path / "vit").mkdir()
    formats.save(RESULTS[request.param], tmp_path / "vit" / f"{request.param}.npz")
    return layout, request.param, tmp_path / "vit/figures"


def test_every_page_lies_in_the_folder_and_stands_in_the_list_with_its_digest(saved):
    layout, artifact, folder = saved
    assert drawing.draw(layout, "vit", artifact) == folder / f"{artifact}.png"
    drawn = {str(path.relative_to(folder / artifact)): path for path in (folder / artifact).rglob("*.png")}
    listing = json.loads((folder / f"{artifact}.pages.json").read_text())["files"]
    assert drawn.keys() == listing.keys() == PAGES[artifact]
    for name, path in drawn.items():
        content = path.read_bytes()
        assert listing[name] == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    with Image.open(next(iter(drawn.values()))) as image:
        assert image.size[0] == round(7.2 * 120)


def test_the_same_file_gives_the_same_pages(saved):
    layout, artifact, folder = saved
    listings = []
    for _ in range(2):
        drawing.draw(layout, "vit", artifact)
        listings.append((folder / f"{artifact}.pages.json").read_bytes())
    assert listings[0] == listings[1]


def test_what_is_not_made_leaves_no_page(tmp_path):
    with pytest.raises(Refused, match=r"gradcam\.npz is missing"):
        drawing.draw(Layout(str(tmp_path)), "vit", "gradcam")
    assert not list((tmp_path / "vit/figures").iterdir())
