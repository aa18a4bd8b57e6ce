"""Figures follow their artifacts, and nothing else does; the report shows them."""

import shutil
import zipfile

import pytest
from lab import ROOT, Lab


@pytest.fixture(scope="module")
def drawn_once(tmp_path_factory) -> Lab:
    """A lab of which all six artifacts were made and drawn; not to be changed."""
    from lab import new_lab

    lab = new_lab(tmp_path_factory.mktemp("drawn") / "lab")
    lab.configure(figures=True, artifacts={}, options={"landscape": {"resolution": 3}})
    (lab.folder / "sheet.tsv").write_text(
        "checkpoint\tfamily\tpath\tdata\tteacher\tartifacts\n"
        "big\tgat\truns/big.ckpt\tcan\t\tevaluation\n"
        "small\tgat\truns/small.ckpt\tcan\tbig\t\n"
    )
    run = lab.snakemake()
    assert run.code == 0, run.text
    return lab


@pytest.fixture
def drawn(drawn_once, tmp_path) -> Lab:
    return drawn_once.copy(tmp_path / "lab")


@pytest.mark.slow
def test_every_artifact_has_a_picture_that_the_manifest_knows(drawn):
    assert drawn.planned() == {}
    names = {path.name for path in (drawn.folder / "results/small/figures").iterdir()}
    artifacts = ("embeddings", "attention_weights", "cka", "landscape", "evaluation", "record")
    assert names == {f"{artifact}.{suffix}" for artifact in artifacts for suffix in ("png", "svg")}
    assert drawn.assay("verify").code == 0
    (drawn.folder / "results/small/figures/cka.svg").write_text("<svg/>")
    run = drawn.assay("verify")
    assert (run.code, "results/small/figures/cka.svg: has 6 bytes" in run.out) == (3, True)


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["cka.png", "cka.svg"])
def test_a_lost_picture_is_drawn_again_and_nothing_else_happens(drawn, lost):
    (drawn.folder / "results/small/figures" / lost).unlink()
    assert drawn.assay("manifest").code == 4
    assert drawn.planned() == {"figure_cka": 1}


@pytest.mark.slow
def test_a_changed_artifact_is_drawn_again_alone(drawn):
    drawn.configure(options={"landscape": {"resolution": 3}, "cka": {"max_samples": 9}})
    assert drawn.planned() == {"cka": 1, "figure_cka": 1}


@pytest.mark.slow
def test_without_figures_none_is_planned_and_none_is_missed(drawn):
    drawn.configure(figures=False)
    assert drawn.planned("--forceall").keys() == {
        "data_can",
        "intake",
        "embeddings",
        "attention_weights",
        "cka",
        "landscape",
        "evaluation",
        "training",
        "record",
    }
    assert drawn.assay("manifest").code == 0


@pytest.mark.slow
def test_a_changed_figure_module_draws_again_and_computes_nothing(drawn):
    source = drawn.own_source()
    assert drawn.planned() == {}
    module = source / "figures/cka.py"
    module.write_text(module.read_text() + "\n\nCHANGED = True\n")
    assert drawn.planned() == {"figure_cka": 1}


@pytest.mark.slow
def test_results_copied_elsewhere_are_adopted_with_their_figures_and_nothing_is_drawn(drawn_once, tmp_path):
    folder = tmp_path / "elsewhere"
    shutil.copytree(
        drawn_once.folder,
        folder,
        copy_function=shutil.copy,
        ignore=lambda *_: [".snakemake", "manifest.json"],
    )
    elsewhere, options = Lab(folder), ("--", "-s", str(ROOT / "Snakefile"), "-c", "2")
    run = elsewhere.assay("adopt", *options)
    assert (run.code, run.out) == (0, ""), run.text
    assert "Nothing to be done" in elsewhere.snakemake("-n").text
    (folder / "results/small/figures/cka.svg").write_text("<svg/>")
    assert elsewhere.assay("adopt", "--make", *options).code == 0
    assert "Nothing to be done" in elsewhere.snakemake("-n").text
    theirs, ours = (of.folder / "results/small/figures/cka.svg" for of in (drawn_once, elsewhere))
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.slow
def test_the_report_holds_every_picture_with_its_caption(drawn):
    run = drawn.snakemake("--report", "report.zip")
    assert run.code == 0, run.text
    with zipfile.ZipFile(drawn.folder / "report.zip") as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
        page = next(name for name in archive.namelist() if name.endswith("report.html"))
        text = archive.read(page).decode()
    assert len(pictures) == 7
    assert "Debiased linear CKA of small" in text
