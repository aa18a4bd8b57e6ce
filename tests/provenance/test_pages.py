"""Pages of figures stand in the manifest, one by one, and are verified."""

import json
from pathlib import Path

import pytest
import yaml
from contract.examples import save_cnn, save_images

from assay import drawing, feeding, job
from assay.config import read_plan
from assay.plan import lost, request, requests
from assay.provenance.adoption import adoption
from assay.provenance.manifest import write
from assay.provenance.verify import verify


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """The plan of one CNN whose class maps are made and drawn."""
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    save_cnn(Path("runs/a.pt"))
    save_images(Path("runs/val.npz"))
    config = {
        "checkpoints": "sheet.tsv",
        "device": "cpu",
        "data": {"digits": {"source": "images", "path": "runs/val.npz"}},
        "options": {"gradcam": {"max_records": 2}},
    }
    Path("config.yaml").write_text(yaml.safe_dump(config))
    Path("sheet.tsv").write_text(
        "checkpoint\tfamily\tpath\tdata\tartifacts\na\tcnn\truns/a.pt\tdigits\tgradcam\n"
    )
    plan = read_plan("config.yaml")
    feeding.take_in(plan, "a", "new")
    feeding.prepare(plan, "digits", "new")
    job.make(request(plan, "a", "gradcam"), device="cpu")
    drawing.draw(request(plan, "a", "gradcam").layout, "a", "gradcam")
    return plan


def pages(manifest) -> set[str]:
    return {name.removeprefix("a/") for name in manifest["files"] if name.startswith("a/figures/gradcam/")}


def test_every_page_stands_in_the_manifest_and_a_changed_one_is_found(drawn):
    assert write(drawn).complete
    manifest = json.loads(Path("results/manifest.json").read_bytes())
    on_disk = {
        str(path.relative_to("results/a")) for path in Path("results/a/figures/gradcam").rglob("*.png")
    }
    assert pages(manifest) == on_disk
    assert len(on_disk) == 2 * 3
    assert "a/figures/gradcam.pages.json" in manifest["files"]
    assert verify("results").wrong == ()
    page = Path("results/a", min(on_disk))
    page.write_bytes(page.read_bytes() + b" ")
    (wrong,) = verify("results").wrong
    assert wrong.startswith(f"{page}: has ")


def test_a_figure_with_pages_is_fresh_while_every_page_is_the_one_that_was_drawn(drawn):
    picture = "results/a/figures/gradcam.png"
    assert adoption(drawn).drawn == (picture,)
    page = min(Path("results/a/figures/gradcam").rglob("*.png"))
    page.write_bytes(page.read_bytes() + b" ")
    assert (adoption(drawn).drawn, adoption(drawn).rest) == ((), (picture,))


def test_a_lost_list_of_pages_makes_the_manifest_partial_and_is_asked_for(drawn):
    write(drawn)
    Path("results/a/figures/gradcam.pages.json").unlink()
    assert lost(drawn, requests(drawn)) == ["results/a/figures/gradcam.pages.json"]
    assert write(drawn).undrawn == ["a/figures/gradcam.pages.json"]
