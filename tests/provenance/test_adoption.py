"""What Snakemake may take as made, and what it may not."""

from pathlib import Path

import pytest

from assay.provenance.adoption import MOST_BYTES, adoption, batches

CKA = "results/small/cka.json"


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


def test_figures_are_drawn_again(made):
    made.configure(figures=True)
    assert "results/small/figures/cka.png" in adoption(made.plan()).rest


def test_ten_thousand_targets_fit_on_command_lines_in_their_order():
    targets = [f"results/checkpoint_{i}/loss_landscape.parquet" for i in range(10_000)]
    groups = batches(targets)
    assert [target for group in groups for target in group] == targets
    assert all(len(" ".join(group)) < MOST_BYTES for group in groups)
    assert len(groups) == 5
    assert batches([]) == []
