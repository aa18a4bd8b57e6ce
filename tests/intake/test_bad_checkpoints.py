"""Every file of the corpus of broken and hostile checkpoints gets its own refusal, in time, with nothing run."""

import json
import time
from pathlib import Path

import pytest
import torch

from assay.errors import Refused
from assay.intake.checkpoint import read

CORPUS = Path(__file__).parents[1] / "reference" / "bad_checkpoints"
EXPECTED = json.loads((CORPUS / "expected.json").read_text())
SECONDS = 2.0


@pytest.mark.parametrize("name", EXPECTED["refused"])
def test_a_bad_file_is_refused_for_its_own_reason(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the payloads write into the working folder
    started = time.perf_counter()
    with pytest.raises(Refused) as refusal:
        read(CORPUS / name)
    text = str(refusal.value)
    assert text.startswith(f"{CORPUS / name}: ")
    assert all(words in text for words in EXPECTED["refused"][name]), text
    assert "weights_only" not in text
    assert "add_safe_globals" not in text
    assert time.perf_counter() - started < SECONDS
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", EXPECTED["accepted"])
def test_a_benign_file_gives_its_weights(name):
    checkpoint = read(CORPUS / name)
    assert [(tensor.shape.numel(), tensor.dtype) for tensor in checkpoint.tensors.values()] == [
        (4, torch.float32)
    ]
    assert list(checkpoint.tensors) == ["w"]


def test_the_table_names_every_file_of_the_corpus():
    listed = {*EXPECTED["refused"], *EXPECTED["accepted"]}
    assert listed == {file.name for file in CORPUS.iterdir()} - {"expected.json"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hp_namespace.ckpt", {"v": {"placeholder": "argparse.Namespace", "state": {"lr": 0.1}}}),
        ("hp_path.ckpt", {"v": {"placeholder": "pathlib.PurePosixPath", "args": ["/", "a", "b"]}}),
        ("hp_datetime.ckpt", {"v": {"placeholder": "datetime.datetime", "args": ["07e80101000000000000"]}}),
        ("hp_omegaconf.ckpt", {"a": {"b": [1, 2]}}),
    ],
)
def test_inert_hyper_parameters_are_kept_by_name(name, value):
    assert read(CORPUS / name).hparams["hyper_parameters"] == value


@pytest.mark.parametrize(
    ("name", "placeholders"),
    [
        ("hp_frozenset.ckpt", ["builtins.frozenset"]),
        ("hp_slice_.ckpt", ["builtins.slice"]),
        ("hp_np_object_array.ckpt", ["numpy._core.multiarray._reconstruct", "numpy.ndarray"]),
    ],
)
def test_the_config_line_in_the_refusal_lets_the_file_in(name, placeholders):
    with pytest.raises(Refused, match=r"intake: \{placeholders: "):
        read(CORPUS / name)
    checkpoint = read(CORPUS / name, placeholders=placeholders)
    assert checkpoint.facts["placeholders"]["hyper_parameters.v"] == placeholders[0]
