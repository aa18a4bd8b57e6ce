"""What Snakemake may take as made, and what it may not."""

from pathlib import Path

import pytest
from cli.bench import Bench
from lab import ROOT, Lab

from assay.provenance.adoption import MOST_BYTES, adoption, batches

CKA, PICTURE = "results/small/cka.json", "results/small/figures/cka.png"
ONE_WANTED = """checkpoint\tfamily\tpath\tdata\tteacher\tartifacts
big\tgat\truns/big.ckpt\tcan\t\tlandscape
small\tgat\truns/small.ckpt\tcan\tbig\tcka,evaluation
"""


def flip(name: str) -> None:
    path = Path("results", name)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_whole_results_are_fresh(made):
    found = adoption(made.plan())
    assert CKA in found.fresh
    assert (found.rest, found.damaged, found.reasons) == ((), (), ())


def test_a_changed_option_leaves_its_artifact_to_be_made(made):
    whole = set(adoption(made.plan()).fresh)
    made.configure(options__cka__max_samples=9)
    found = adoption(made.plan())
    assert set(found.fresh) == whole - {CKA}
    assert found.rest == (CKA,)
    assert found.reasons == (f"{CKA}: stale: option max_samples: 500 -> 9",)


def test_a_damaged_artifact_is_named_and_to_be_made(made):
    flip("small/cka.json")
    found = adoption(made.plan())
    assert CKA not in found.fresh
    assert found.rest == (CKA,)
    assert len(found.damaged) == 1
    assert found.damaged[0].startswith(f"{CKA}: sha256 is ")
    assert found.reasons == (f"{CKA}: damaged: a file of it is damaged",)


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("small/weights.safetensors", "results/small/intake.json"),
        ("data/can/test.safetensors", "results/data/can/data.json"),
    ],
)
def test_a_damaged_input_is_to_be_made_with_all_that_is_made_of_it(made, name, fingerprint):
    flip(name)
    found = adoption(made.plan())
    assert found.rest[0] == fingerprint
    assert CKA in found.rest
    assert not any(target.startswith("results/small/") for target in found.fresh)
    assert [problem.partition(":")[0] for problem in found.damaged] == [f"results/{name}"]


def test_a_replaced_checkpoint_is_to_be_taken_in_first(made):
    made.replace("runs/big.ckpt", Path("runs/small.ckpt").read_bytes())
    found = adoption(made.plan())
    assert found.rest[0] == "results/big/intake.json"
    assert CKA in found.rest
    assert "results/small/embeddings.npz" in found.fresh


def test_what_has_no_record_is_not_taken_as_made(made):
    Path("results/small/records/cka.json").unlink()
    found = adoption(made.plan())
    assert CKA not in found.fresh
    assert "no record" in found.reasons[0]


def test_without_a_snakefile_here_the_clones_own_is_taken(made):
    own = f"-s {ROOT / 'Snakefile'} "
    assert own in made.assay("adopt", "--dry-run").out
    assert own not in made.assay("adopt", "--dry-run", "--", "-s", "other.smk").out
    Path("Snakefile").touch()
    assert "-s " not in made.assay("adopt", "--dry-run").out


@pytest.fixture
def drawn(made) -> Bench:
    """The finished bench with three artifacts, drawn."""
    made.configure(figures=True)
    (made.folder / "sheet.tsv").write_text(ONE_WANTED)
    assert made.assay("draw", "big", "landscape").code == 0
    assert made.assay("draw", "small", "cka", "evaluation").code == 0
    return made


def test_figures_that_are_drawn_are_fresh(drawn):
    found = adoption(drawn.plan())
    assert {picture.rpartition("/")[2] for picture in found.drawn} == {
        "landscape.png",
        "cka.png",
        "evaluation.png",
    }
    assert len(found.drawn) == len(found.fresh)
    assert (found.rest, found.damaged) == ((), ())


def test_a_missing_figure_is_drawn_alone(drawn):
    Path(PICTURE).unlink()
    found = adoption(drawn.plan())
    assert found.rest == (PICTURE,)
    assert CKA in found.fresh


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_damaged_figure_is_drawn_alone(drawn, suffix):
    flip(f"small/figures/cka.{suffix}")
    assert adoption(drawn.plan()).rest == (PICTURE,)


def test_a_figure_of_an_older_file_is_drawn_again(drawn):
    drawn.configure(options__cka__max_samples=9)
    assert drawn.assay("make", "small", "cka").code == 0
    found = adoption(drawn.plan())
    assert CKA in found.fresh
    assert found.rest == (PICTURE,)


def test_the_figure_of_a_stale_artifact_is_drawn_after_it(drawn):
    drawn.configure(options__cka__max_samples=9)
    assert adoption(drawn.plan()).rest == (CKA, PICTURE)


def test_a_figure_of_older_code_is_drawn_again(drawn):
    lab = Lab(drawn.folder)
    module = lab.own_source() / "figures/cka.py"
    module.write_text(module.read_text() + "\n\nCHANGED = True\n")
    run = lab.assay("adopt", "--dry-run")
    assert run.code == 0, run.text
    assert "3 artifacts and 2 figures fresh, 0 artifacts to make" in run.err
    assert f"--forcerun {PICTURE} -- {PICTURE}\n" in run.out


def test_ten_thousand_targets_fit_on_command_lines_in_their_order():
    targets = [f"results/checkpoint_{i}/loss_landscape.parquet" for i in range(10_000)]
    groups = batches(targets)
    assert [target for group in groups for target in group] == targets
    assert all(len(" ".join(group)) < MOST_BYTES for group in groups)
    assert len(groups) == 5
    assert batches([]) == []
