"""The files beside a checkpoint decide its intake as the checkpoint does."""

import json
from pathlib import Path

import numpy as np
import pytest
from contract.examples import save_tables
from intake.test_network import CONTENT, arrays, beside, saved

from assay import feeding, tokens
from assay.provenance import manifest
from assay.provenance.status import Inspection

PATH = Path("runs/g.pt")
INTAKE = Path("results/g/intake.json")


@pytest.fixture
def taken(bench):
    """A bench with a plain state dict, its network in files beside it, taken in."""
    saved(PATH, CONTENT["state_dict"])
    beside(PATH)
    save_tables(Path("runs/val.npz"), seed=3)
    bench.configure(data__can={"source": "network", "path": "runs/val.npz"})
    Path("sheet.tsv").write_text("checkpoint\tfamily\tpath\tdata\ng\tgsnn\truns/g.pt\tcan\n")
    feeding.take_in(bench.plan(), "g", tokens.intake_token(bench.plan(), "g"))
    return bench


def changes(bench) -> tuple[str, ...]:
    return Inspection(bench.plan()).intake_changes("g")


def test_an_intake_names_every_file_that_it_was_made_of(taken):
    intake = json.loads(INTAKE.read_bytes())
    assert set(intake["beside"]) == {"runs/g.pt.network.npz", "runs/g.pt.ctor.json"}
    manifest.write(taken.plan())
    sources = json.loads(Path("results/manifest.json").read_bytes())["sources"]
    assert sources["runs/g.pt"] == intake["sha256"]
    assert sources["runs/g.pt.ctor.json"] == intake["beside"]["runs/g.pt.ctor.json"]


def test_an_intake_is_fresh_until_a_file_beside_its_checkpoint_changes(taken):
    token = tokens.intake_token(taken.plan(), "g")
    assert (token, changes(taken)) == ("new", ())
    Path("runs/g.pt.ctor.json").touch()
    assert (tokens.intake_token(taken.plan(), "g"), changes(taken)) == ("new", ())
    Path("runs/g.pt.ctor.json").write_text(json.dumps({**CONTENT["ctor"], "verbose": True}))
    assert tokens.intake_token(taken.plan(), "g").startswith("after-")
    (why,) = changes(taken)
    assert why.startswith("runs/g.pt changed, sha256 ")


def test_a_file_that_comes_or_goes_counts(taken):
    network = Path("runs/g.pt.network.npz")
    network.rename("runs/kept.npz")
    assert changes(taken)
    Path("runs/kept.npz").rename(network)
    assert not changes(taken)
    np.savez("runs/g.pt.network.npz", **arrays(by_name=True))
    assert changes(taken)
    feeding.take_in(taken.plan(), "g", tokens.intake_token(taken.plan(), "g"))
    assert not changes(taken)


def test_a_lost_memory_is_made_good_by_the_intake(taken):
    Path("results/g/.intake.json.seen").unlink()
    assert (tokens.intake_token(taken.plan(), "g"), changes(taken)) == ("new", ())
