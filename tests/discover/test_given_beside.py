"""What a checkpoint must be given in files beside it is said until they are there, and then it is taken in."""

import pytest
from discover import trees
from intake.test_network import CONTENT, arrays, beside, columns

from assay.catalog import FAMILIES
from assay.discover.families import SIGNATURES

NETWORK = (
    "network: the file holds no edge_index_dict and node_names_dict; "
    "write model.pt.network.npz or model.pt.network.parquet beside it"
)
CTOR = "ctor: the file holds no ctor; write model.pt.ctor.json beside it"


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """The state dict of a GSNN alone, below `runs` of a project with tables."""
    monkeypatch.chdir(tmp_path)
    trees.project(tmp_path, screen={"source": "network", "path": str(trees.GRAPHS)})
    return trees.saved(CONTENT["state_dict"], tmp_path / "runs" / "model.pt")


def still_to_give():
    (content,) = trees.discovered("runs", "--config", "config.yaml")["rows"].values()
    assert content["row"]["family"] == "gsnn"
    return content["open"]


def test_a_bare_state_dict_of_a_gsnn_is_still_to_be_given_its_network_and_its_arguments(bare):
    assert still_to_give() == [NETWORK, CTOR]
    said = trees.run("discover", "runs", "--config", "config.yaml").stderr
    assert f"runs: to complete: {NETWORK}\n" in said


def test_a_gsnn_that_is_whole_lacks_nothing(bare):
    trees.saved(CONTENT, bare)
    assert still_to_give() == []


@pytest.mark.parametrize(("left", "notes"), [(".ctor.json", [NETWORK]), (".network.npz", [CTOR])])
def test_of_what_lies_beside_it_nothing_is_said(bare, left, notes):
    for file in beside(bare):
        if not file.name.endswith(left):
            file.unlink()
    assert still_to_give() == notes


@pytest.mark.parametrize("network", [arrays(), columns()], ids=["npz", "parquet"])
def test_with_the_files_that_were_asked_for_it_is_taken_in(bare, network):
    assert trees.run("discover", "runs", "-o", "sheet.tsv", "--config", "config.yaml").exit_code == 0
    assert trees.run("intake", "runs", "--config", "config.yaml").exit_code == 3
    beside(bare, network)
    assert still_to_give() == []
    assert trees.run("intake", "runs", "--config", "config.yaml").exit_code == 0


@pytest.mark.parametrize("family", [name for name, row in FAMILIES.items() if row.beside])
def test_every_file_that_may_lie_beside_a_checkpoint_gives_a_part_of_it(family):
    parts = [part for signature in SIGNATURES[family] for part in signature.parts]
    assert {ending for part in parts for ending in part.beside} == {*FAMILIES[family].beside}
