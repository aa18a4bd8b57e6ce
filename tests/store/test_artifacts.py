"""Artifacts read back by their file's name, with the record beside them."""

from pathlib import Path

import pytest

import assay
from assay.artifacts.cka import Cka
from assay.artifacts.embeddings import Embeddings
from assay.errors import AssayError, Refused
from assay.store.artifacts import load_artifact, record_of


def test_an_artifact_comes_back_as_its_own_type(made):
    assert isinstance(load_artifact("results/small/cka.json"), Cka)
    assert isinstance(load_artifact(Path("results/small/embeddings.npz")), Embeddings)
    assert assay.load_artifact("results/small/cka.json").teacher_family == "gat"


def test_a_file_of_no_artifact_is_an_error_that_lists_the_names(made):
    with pytest.raises(
        AssayError, match=r"intake\.json: no artifact has a file of .*embeddings\.npz, .*cka\.json"
    ):
        load_artifact("results/small/intake.json")


def test_a_file_that_is_not_there_is_a_missing_file(made):
    with pytest.raises(FileNotFoundError):
        load_artifact("results/small/nope/cka.json")
    with pytest.raises(FileNotFoundError):
        load_artifact("results/none/embeddings.npz")


def test_the_file_of_another_artifact_is_refused(made):
    Path("results/small/cka.json").write_bytes(Path("results/small/evaluation.json").read_bytes())
    with pytest.raises(Refused, match=r"cka\.json holds no Cka: "):
        load_artifact("results/small/cka.json")


def test_the_record_is_found_beside_an_artifact_and_is_empty_elsewhere(made, tmp_path):
    assert record_of(Path("results/small/cka.json"))["checkpoint"] == "small"
    assert record_of(tmp_path / "cka.json") == {}
