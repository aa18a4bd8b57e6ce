"""`assay draw`, from a saved file alone."""

from pathlib import Path

import pytest

from assay import catalog

CKA = Path("results/small/cka.json")


def test_an_artifact_is_drawn_from_its_file_alone(made):
    before = made.files()
    Path("results/small/weights.safetensors").unlink()
    run = made.assay("draw", "small", "cka", "evaluation")
    assert run.code == 0, run.text
    assert run.out == "results/small/figures/cka.png\nresults/small/figures/evaluation.png\n"
    new = {f"small/figures/{name}.{suffix}" for name in ("cka", "evaluation") for suffix in ("png", "svg")}
    assert made.files() - before == new


def test_the_same_file_gives_the_same_pictures(made):
    pictures = []
    for _ in range(2):
        assert made.assay("draw", "small", "embeddings").code == 0
        pictures.append([Path(f"results/small/figures/embeddings.{s}").read_bytes() for s in ("png", "svg")])
    assert pictures[0] == pictures[1]


def test_what_is_not_made_cannot_be_drawn_and_leaves_a_reason(made):
    CKA.unlink()
    run = made.assay("draw", "small", "cka")
    assert (run.code, run.out) == (3, "")
    assert run.err == f"{CKA} is missing: make the artifact before its figure.\n"
    assert "small/records/figure_cka.failed.json" in made.files()


def test_a_damaged_file_is_refused_and_an_older_picture_stands(made):
    assert made.assay("draw", "small", "cka").code == 0
    before = Path("results/small/figures/cka.png").read_bytes()
    CKA.write_text("{")
    assert made.assay("draw", "small", "cka").code == 3
    assert Path("results/small/figures/cka.png").read_bytes() == before


def test_an_artifact_without_a_figure_is_said_before_anything_is_drawn(made, monkeypatch):
    import dataclasses

    rows = {**catalog.ARTIFACTS, "cka": dataclasses.replace(catalog.ARTIFACTS["cka"], figure="")}
    monkeypatch.setattr(catalog, "artifacts", lambda: rows)
    run = made.assay("draw", "small", "evaluation", "cka")
    assert (run.code, run.err) == (2, "no figure is made of cka: the row in the table names none.\n")
    assert not Path("results/small/figures").exists()


@pytest.mark.parametrize(
    "words", [("draw", "small", "ckaa"), ("draw", "smal", "cka"), ("draw", "big", "cka")]
)
def test_a_wrong_name_or_pair_is_a_config_error(made, words):
    run = made.assay(*words)
    assert run.code == 2
    assert "unknown" in run.err or "does not apply" in run.err
