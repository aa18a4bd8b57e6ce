"""A model folder is read as one checkpoint: its config, its preprocessor, its file or shards of weights."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from assay.errors import Refused
from assay.intake.checkpoint import read
from assay.model_folder import folder_files

CONFIG = {"architectures": ["ViTModel"], "hidden_size": 4, "num_attention_heads": 2}


def tensors() -> dict[str, torch.Tensor]:
    return {"a": torch.arange(3.0), "b": torch.ones(2, 2)}


def folder(path: Path, **files: Any) -> Path:
    """The folder with a config, weights, and further JSON files by name."""
    path.mkdir(exist_ok=True)
    save_file(tensors(), path / "model.safetensors")
    for name, content in {"config": CONFIG, **files}.items():
        (path / f"{name}.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def sharded(path: Path, weight_map: Any) -> Path:
    """The folder with `a` in one shard and `b` in another, and this index."""
    folder(path, **{"model.safetensors.index": {"metadata": {}, "weight_map": weight_map}})
    (path / "model.safetensors").unlink()
    for name, tensor in tensors().items():
        save_file({name: tensor}, path / f"{name}.safetensors")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        read(path)
    return str(caught.value)


def test_config_and_preprocessor_become_hyper_parameters(tmp_path):
    found = read(folder(tmp_path, preprocessor_config={"image_mean": [0.5], "hidden_size": 9}))
    assert found.hparams == {
        "class_path": "transformers.ViTModel",
        "hyper_parameters": {**CONFIG, "image_mean": [0.5]},
    }
    assert found.tensors.keys() == {"a", "b"}
    assert found.facts["format"] == "model folder"
    assert found.facts["n_parameters"] == 7
    assert "no checksum" in found.facts["warnings"][0]


def test_a_config_that_names_no_class_is_of_another_library(tmp_path):
    found = read(folder(tmp_path, config={"architecture": "vit_base", "num_classes": 3}))
    assert found.hparams["class_path"] is None
    assert found.hparams["hyper_parameters"]["num_classes"] == 3


def test_shards_are_read_as_their_index_says(tmp_path):
    path = sharded(tmp_path, {"a": "a.safetensors", "b": "b.safetensors"})
    assert {name: tensor.tolist() for name, tensor in read(path).tensors.items()} == {
        name: tensor.tolist() for name, tensor in tensors().items()
    }


def test_an_index_that_disagrees_with_its_shards_is_refused_with_every_tensor(tmp_path):
    path = sharded(tmp_path, {"a": "a.safetensors", "c": "b.safetensors"})
    text = refusal(path)
    assert "missing: c in b.safetensors" in text
    assert "unexpected: b in b.safetensors" in text


def test_a_tensor_in_two_shards_is_refused(tmp_path):
    path = sharded(tmp_path, {"a": "a.safetensors", "b": "b.safetensors"})
    save_file(tensors(), path / "b.safetensors")
    assert "unexpected: a in b.safetensors" in refusal(path)


@pytest.mark.parametrize(
    "weight_map", [{"a": "../a.safetensors"}, {"a": "/etc/passwd"}, {}, [], {"a": 1}, {"a": {}}, None]
)
def test_an_index_that_names_no_files_of_its_folder_is_refused(tmp_path, weight_map):
    assert "model.safetensors.index.json names no files of this folder" in refusal(
        sharded(tmp_path, weight_map)
    )


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config": "{"}, "config.json is no JSON"),
        ({"config": "[]"}, "config.json holds a list, expected an object"),
        (
            {"config": {"architectures": ["A", "B"]}},
            "the architectures ['A', 'B'], expected a list of one name",
        ),
        ({"config": {"architectures": "ViT"}}, "the architectures ViT"),
        ({"preprocessor_config": "nothing"}, "preprocessor_config.json is no JSON"),
    ],
)
def test_a_json_file_that_is_none_is_refused_by_name(tmp_path, files, words):
    text = refusal(folder(tmp_path, **files))
    assert text.startswith(f"{tmp_path}: ")
    assert words in text


def test_a_damaged_shard_is_refused_by_its_own_path(tmp_path):
    path = sharded(tmp_path, {"a": "a.safetensors", "b": "b.safetensors"})
    (path / "b.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    assert refusal(path).startswith(f"{path / 'b.safetensors'}: a git-lfs pointer")


def test_a_checksum_beside_the_weights_is_held_against_them(tmp_path):
    path = folder(tmp_path)
    (path / "model.safetensors.sha256").write_text("0" * 64)
    assert "model.safetensors.sha256 says 000" in refusal(path)


def test_the_files_of_a_folder_are_those_that_are_read(tmp_path):
    names = [file.name for file in folder_files(folder(tmp_path / "whole", preprocessor_config={}))]
    assert names == ["config.json", "preprocessor_config.json", "model.safetensors"]
    cut = sharded(tmp_path / "cut", {"b": "b.safetensors", "a": "a.safetensors"})
    names = [file.name for file in folder_files(cut)]
    assert names == ["config.json", "model.safetensors.index.json", "a.safetensors", "b.safetensors"]
    (tmp_path / "none").mkdir()
    assert [file.name for file in folder_files(tmp_path / "none")] == ["config.json", "model.safetensors"]


def test_weights_of_pickle_are_read_only_where_there_are_no_safetensors(tmp_path):
    path = folder(tmp_path)
    torch.save({"other": torch.ones(1)}, path / "pytorch_model.bin")
    assert read(path).tensors.keys() == {"a", "b"}
    (path / "model.safetensors").unlink()
    assert read(path).tensors.keys() == {"other"}


def test_hyper_parameters_of_the_sheet_are_added_and_none_may_contradict(tmp_path):
    path = folder(tmp_path)
    found = read(path, said={"global_pool": "avg", "hidden_size": 4})
    assert found.hparams["hyper_parameters"] == {**CONFIG, "global_pool": "avg"}
    with pytest.raises(Refused) as caught:
        read(path, said={"hidden_size": 8, "num_attention_heads": 4})
    text = str(caught.value)
    assert "hyper_parameters.hidden_size is 4 in the checkpoint and 8 in the sheet's column hparams" in text
    assert "hyper_parameters.num_attention_heads is 2 in the checkpoint and 4" in text
