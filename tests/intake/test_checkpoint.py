import hashlib
import json
import os
import random
from collections import Counter, OrderedDict
from pathlib import Path

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import Refused
from assay.intake.checkpoint import read

GRAPHIDS = Path(__file__).parents[1] / "reference" / "graphids" / "gat_student.ckpt"
DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.bool]


def lightning(**others) -> dict:
    """A dict with the keys that Lightning writes."""
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4])
    return {
        "epoch": 3,
        "global_step": 40,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": model.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [optimizer.state_dict()],
        "lr_schedulers": [scheduler.state_dict()],
        "hyper_parameters": {"hidden": 4, "dims": (8, 8), "lr": 0.1, "name": "gat", "loss_fn": None},
        "hparams_name": "kwargs",
        **others,
    }


def saved(path: Path, content) -> Path:
    torch.save(content, path)
    return path


def refusal(path, **options) -> str:
    with pytest.raises(Refused) as caught:
        read(path, **options)
    return str(caught.value)


def bits(tensor: torch.Tensor) -> tuple:
    raw = tensor.contiguous().reshape(-1).view(torch.uint8)
    return tensor.dtype, tuple(tensor.shape), raw.numpy().tobytes()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    shapes=st.lists(st.lists(st.integers(0, 4), max_size=3), min_size=1, max_size=5),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**31),
)
def test_tensors_come_back_bit_for_bit(tmp_path, shapes, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        f"layer.{i}": (torch.randn(s, generator=generator) * 3).to(dtype) for i, s in enumerate(shapes)
    }
    read_back = read(saved(tmp_path / "a.ckpt", {"state_dict": tensors})).tensors
    assert {name: bits(tensor) for name, tensor in read_back.items()} == {
        n: bits(t) for n, t in tensors.items()
    }


def test_a_lightning_checkpoint_gives_its_model_and_names_what_it_leaves_out(tmp_path):
    content = lightning(class_path="lab.Net", test_threshold=torch.tensor(0.5))
    checkpoint = read(saved(tmp_path / "a.ckpt", content))
    assert checkpoint.hparams == {
        "class_path": "lab.Net",
        "hyper_parameters": {"hidden": 4, "dims": [8, 8], "lr": 0.1, "name": "gat", "loss_fn": None},
        "test_threshold": 0.5,
        "epoch": 3,
        "global_step": 40,
        "pytorch-lightning_version": "2.6.6",
        "hparams_name": "kwargs",
    }
    assert checkpoint.facts["left_out"] == ["callbacks", "loops", "lr_schedulers", "optimizer_states"]
    assert checkpoint.facts["n_parameters"] == 8
    assert checkpoint.facts["dtypes"] == ["float32"]
    json.dumps(checkpoint.hparams, allow_nan=False)
    json.dumps(checkpoint.facts, allow_nan=False)


def test_the_published_checkpoint_is_read_as_torch_reads_it():
    published = torch.load(GRAPHIDS, weights_only=True)
    checkpoint = read(GRAPHIDS)
    assert checkpoint.hparams["class_path"] == published["class_path"]
    assert checkpoint.hparams["hyper_parameters"] == published["hyper_parameters"]
    assert {n: bits(t) for n, t in checkpoint.tensors.items()} == {
        n: bits(t) for n, t in published["state_dict"].items()
    }


@pytest.mark.parametrize("key", ["model_state_dict", "model", "network"])
def test_a_state_dict_under_another_usual_key_is_read(tmp_path, key):
    content = {key: {"w": torch.ones(2)}, "epoch": 3, "optimizer": {"state": {}}}
    checkpoint = read(saved(tmp_path / "a.pth", content))
    assert list(checkpoint.tensors) == ["w"]
    assert checkpoint.hparams == {"class_path": None, "hyper_parameters": {}, "epoch": 3}
    assert checkpoint.facts["left_out"] == ["optimizer"]


def test_the_name_of_a_model_is_not_taken_for_its_state_dict(tmp_path):
    content = {"state_dict": {"w": torch.ones(2)}, "model": "vit", "network": {"v": torch.ones(1)}}
    checkpoint = read(saved(tmp_path / "a.pth", content))
    assert list(checkpoint.tensors) == ["w"]
    assert checkpoint.hparams["model"] == "vit"
    assert checkpoint.facts["left_out"] == ["network"]


def test_a_plain_state_dict_has_no_class_path(tmp_path):
    checkpoint = read(saved(tmp_path / "a.pt", torch.nn.Linear(2, 2).state_dict()))
    assert checkpoint.hparams == {"class_path": None, "hyper_parameters": {}}
    assert list(checkpoint.tensors) == ["weight", "bias"]


def test_parameters_become_tensors_without_gradients(tmp_path):
    content = OrderedDict(w=torch.nn.Parameter(torch.ones(2)))
    tensor = read(saved(tmp_path / "a.pt", content)).tensors["w"]
    assert type(tensor) is torch.Tensor
    assert not tensor.requires_grad


def test_views_of_one_storage_come_back_apart(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    content = {"whole": base, "column": base[:, 1], "turned": base.T, "again": base}
    tensors = read(saved(tmp_path / "a.pt", content)).tensors
    assert all(torch.equal(tensors[name], content[name]) for name in content)
    assert all(tensor.is_contiguous() for tensor in tensors.values())
    assert len({tensor.untyped_storage().data_ptr() for tensor in tensors.values()}) == len(content)


def test_any_flipped_bit_is_refused_or_changes_nothing(tmp_path):
    original = saved(tmp_path / "a.ckpt", lightning()).read_bytes()
    whole = read(tmp_path / "a.ckpt")
    draw = random.Random(7)
    refused = 0
    for _ in range(120):
        damaged = bytearray(original)
        damaged[draw.randrange(len(original))] ^= 1 << draw.randrange(8)
        path = tmp_path / "b.ckpt"
        path.write_bytes(damaged)
        try:
            found = read(path)
        except Refused:
            refused += 1
            continue
        assert found.hparams == whole.hparams
        assert {n: bits(t) for n, t in found.tensors.items()} == {
            n: bits(t) for n, t in whole.tensors.items()
        }
    assert refused > 60


@pytest.mark.parametrize("share", [0.01, 0.3, 0.7, 0.999])
def test_a_file_that_was_cut_short_is_refused(tmp_path, share):
    original = saved(tmp_path / "a.ckpt", lightning()).read_bytes()
    (tmp_path / "b.ckpt").write_bytes(original[: int(len(original) * share)])
    assert "copy it again" in refusal(tmp_path / "b.ckpt") or "Point the sheet" in refusal(
        tmp_path / "b.ckpt"
    )


def test_nan_weights_are_refused_by_name(tmp_path):
    content = {
        "good": torch.ones(2),
        "bad": torch.tensor([1.0, float("nan")]),
        "worse": torch.tensor(float("inf")),
    }
    assert "bad, worse (2 of 3 tensors)" in refusal(saved(tmp_path / "a.pt", content))


def test_views_that_unfold_to_more_than_the_file_are_refused_before_they_are_touched(tmp_path):
    content = {"w": torch.ones(1).expand(10**6, 10**6)}
    assert "unfold to 4,000,000,000,000 bytes" in refusal(saved(tmp_path / "a.pt", content))


def test_a_small_repeated_view_is_unfolded(tmp_path):
    tensor = read(saved(tmp_path / "a.pt", {"w": torch.ones(1).expand(3, 3)})).tensors["w"]
    assert torch.equal(tensor, torch.ones(3, 3))
    assert tensor.untyped_storage().nbytes() == 36


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"state_dict": {}}, "state_dict is empty"),
        ({"state_dict": [1]}, "state_dict of type list"),
        ({"state_dict": {"w": 1.0}}, "state_dict['w'] is a float, expected a tensor"),
        ({"state_dict": {"w": torch.ones(2, dtype=torch.complex64)}}, "dtype torch.complex64"),
        ({"state_dict": {1: torch.ones(2)}}, "key '1' (int)"),
        ({}, "the keys nothing"),
        ({"net": {"w": torch.ones(2)}, "epoch": 1}, "the keys epoch, net"),
        ({"model": {"a": 1}, "network": "vit"}, "the keys model, network"),
        (
            {name: {"w": torch.ones(2)} for name in ("model", "network")},
            "model and network both hold tensors",
        ),
        (torch.ones(2), "holds a Tensor"),
        ({"state_dict": {"w": torch.ones(1)}, "class_path": 3}, "class_path is a int"),
        ({"state_dict": {"w": torch.ones(1)}, "hyper_parameters": [1]}, "hyper_parameters is a list"),
        ({"state_dict": {"w": torch.ones(1)}, "test_threshold": "high"}, "test_threshold is 'high'"),
        ({"state_dict": {"w": torch.ones(1)}, "test_threshold": float("nan")}, "test_threshold is 'nan'"),
    ],
)
def test_content_of_the_wrong_kind_is_refused_by_name(tmp_path, content, words):
    assert words in refusal(saved(tmp_path / "a.ckpt", content))


def test_legacy_and_whole_modules_are_refused_without_unsafe_advice(tmp_path):
    torch.save({"w": torch.ones(2)}, tmp_path / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    assert "legacy format" in refusal(tmp_path / "legacy.pt")
    assert "torch.nn.modules.linear.Linear" in refusal(tmp_path / "module.pt")
    assert "weights_only" not in refusal(tmp_path / "module.pt")


def test_counters_of_a_scheduler_do_not_stand_in_the_way(tmp_path):
    content = {"state_dict": {"w": torch.ones(1)}, "lr_schedulers": [{"milestones": Counter({2: 1})}]}
    assert read(saved(tmp_path / "a.ckpt", content)).facts["left_out"] == ["lr_schedulers"]


def test_safetensors_come_back_bit_for_bit_with_their_metadata(tmp_path):
    tensors = {"a": torch.randn(2, 3), "b": torch.arange(4)}
    metadata = {"class_path": "lab.Net", "hyper_parameters": '{"hidden": 4}', "note": "x"}
    safetensors.torch.save_file(tensors, tmp_path / "a.safetensors", metadata)
    checkpoint = read(tmp_path / "a.safetensors")
    assert {n: bits(t) for n, t in checkpoint.tensors.items()} == {n: bits(t) for n, t in tensors.items()}
    assert checkpoint.hparams == {"class_path": "lab.Net", "hyper_parameters": {"hidden": 4}}
    assert checkpoint.facts["left_out"] == ["note"]
    assert "no checksum" in checkpoint.facts["warnings"][0]


def test_the_content_and_not_the_name_decides_the_format(tmp_path):
    safetensors.torch.save_file({"a": torch.ones(2)}, tmp_path / "a.ckpt")
    assert read(tmp_path / "a.ckpt").facts["format"] == "safetensors"


def test_safetensors_with_nan_or_broken_metadata_are_refused(tmp_path):
    safetensors.torch.save_file({"a": torch.tensor([float("nan")])}, tmp_path / "nan.safetensors")
    safetensors.torch.save_file({"a": torch.ones(1)}, tmp_path / "hp.safetensors", {"hyper_parameters": "{"})
    assert "NaN or infinite numbers in a" in refusal(tmp_path / "nan.safetensors")
    assert "hyper_parameters in the safetensors metadata" in refusal(tmp_path / "hp.safetensors")


@pytest.mark.parametrize("suffix", ["", "\n", "  a.pt\n", " *a.pt\n"])
def test_a_sidecar_that_agrees_lets_the_file_in(tmp_path, suffix):
    path = saved(tmp_path / "a.pt", {"w": torch.ones(2)})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (tmp_path / "a.pt.sha256").write_text(digest.upper() + suffix)
    assert list(read(path).tensors) == ["w"]
    assert list(read(path, sha256=digest).tensors) == ["w"]


def test_a_sidecar_that_disagrees_or_is_none_is_refused(tmp_path):
    path = saved(tmp_path / "a.pt", {"w": torch.ones(2)})
    (tmp_path / "a.pt.sha256").write_text("0" * 64 + "\n")
    assert f"a.pt.sha256 says {'0' * 64}" in refusal(path)
    assert list(read(path, sha256="0" * 64).tensors) == ["w"]  # the caller's digest is taken at its word
    (tmp_path / "a.pt.sha256").write_text("later")
    assert "64 hexadecimal digits" in refusal(path)


def test_a_missing_file_and_a_folder_of_something_else_are_refused(tmp_path):
    assert refusal(tmp_path / "none.ckpt") == f"Checkpoint not found: {tmp_path / 'none.ckpt'}"
    assert "a folder without config.json" in refusal(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.ckpt")
    assert "a device or a pipe" in refusal(tmp_path / "a.ckpt")
