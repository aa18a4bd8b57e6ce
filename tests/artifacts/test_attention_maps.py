"""Attention maps: every layer and head as the network uses them, on grids that are counted and not assumed."""

import dataclasses

import numpy as np
import pytest
import torch
from artifacts.vision import InMemory, images, random_images, random_vit

from assay.artifacts import attention_maps
from assay.artifacts.attention_maps import AttentionMaps, compute
from assay.errors import AssayError
from assay.numerics.rollout import rollout
from assay.protocols import TokenAttention
from assay.store import formats
from assay.store.parts import KeptParts

OPTIONS = {"split": "val", "records": (), "keep": "all", "max_records": 8, "batch_size": 4, "seed": 7}
DATA = random_images(6, 32, 48)


def attended(subject=None, data=DATA, parts=None, **options) -> AttentionMaps:
    return compute(subject or random_vit(), data, parts or InMemory(), **OPTIONS | options)


@pytest.fixture(scope="module")
def whole() -> AttentionMaps:
    return attended()


def oracle(network, image: torch.Tensor) -> np.ndarray:
    """The attention of one image [layers, heads, T, T] in float64, head by head."""
    network = network.double()
    x, layers = network.tokens(image[None].double()).detach(), []
    for block in network.blocks:
        q, k, _ = block.qkv(block.norm1(x))[0].detach().split(24, dim=1)
        scores = [q[:, 8 * h : 8 * h + 8] @ k[:, 8 * h : 8 * h + 8].T / 8**0.5 for h in range(3)]
        layers.append(np.stack([np.exp(s.numpy()) / np.exp(s.numpy()).sum(1, keepdims=True) for s in scores]))
        x = block(x).detach()
    return np.stack(layers)


@pytest.mark.parametrize(("registers", "size"), [(0, (32, 48)), (4, (48, 24))])
def test_every_layer_and_head_is_that_of_the_network_record_by_record(registers, size):
    subject, data = random_vit(registers=registers, size=size), random_images(3, *size)
    result = attended(subject, data)
    rows, columns = size[0] // 8, size[1] // 8
    assert (result.prefix, result.grid.tolist()) == (1 + registers, [rows, columns])
    for i in range(3):
        expected = oracle(subject.network, data.whole["val"].x[i])
        np.testing.assert_allclose(result.attention[i], expected, rtol=0, atol=1e-6)
        patches = expected[:, :, 0, 1 + registers :].reshape(3, 3, rows, columns)
        np.testing.assert_allclose(result.cls_to_patches[i], patches, rtol=0, atol=1e-6)
        received = expected.mean(2)[:, :, 1 + registers :].reshape(3, 3, rows, columns)
        np.testing.assert_allclose(result.received[i], received, rtol=0, atol=1e-6)
        given = expected[:, :, 1 + registers :, 1 + registers :].mean(3).reshape(3, 3, rows, columns)
        np.testing.assert_allclose(result.given_to_patches[i], given, rtol=0, atol=1e-6)
        mixed = np.eye(expected.shape[-1])
        for layer in expected:
            mixed = (layer.mean(0) + np.eye(len(mixed))) / 2 @ mixed
        rollout = mixed[0, 1 + registers :].reshape(rows, columns)
        np.testing.assert_allclose(result.rollout[i], rollout, rtol=0, atol=1e-6)
        entropy = -(expected * np.log(expected)).sum(3).mean(2) / np.log(expected.shape[-1])
        np.testing.assert_allclose(result.entropy[i], entropy, rtol=0, atol=1e-6)


def assert_same_rows(found: AttentionMaps, whole: AttentionMaps, rows: slice) -> None:
    """Floats within rounding, all else exactly."""
    for field in dataclasses.fields(AttentionMaps):
        one, other = getattr(found, field.name), getattr(whole, field.name)
        other = other[rows] if isinstance(other, np.ndarray) and field.name != "grid" else other
        tolerance = 1e-6 if isinstance(one, np.ndarray) and one.dtype == np.float32 else 0
        if tolerance:
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance, err_msg=field.name)
        else:
            np.testing.assert_array_equal(one, other, err_msg=field.name)


@pytest.mark.parametrize("batch_size", [1, 5, 16])
def test_batches_decide_nothing(whole, batch_size):
    assert_same_rows(attended(batch_size=batch_size), whole, slice(None))


def test_every_single_record_is_that_of_the_whole_run(whole):
    for i in range(6):
        alone = attended(records=(f"record {i}",), max_records=1, batch_size=1)
        assert (alone.record_id.tolist(), alone.sample.tolist()) == ([f"record {i}"], [i])
        assert_same_rows(alone, whole, slice(i, i + 1))


def test_without_names_records_are_drawn_by_the_seed():
    few = attended(max_records=3)
    assert few.sample.tolist() == DATA.draw("val", max_samples=3, seed=7).index.tolist()
    assert attended(max_records=3, seed=11).sample.tolist() != few.sample.tolist()


def test_the_class_tokens_rows_alone_leave_every_map_as_it_is(whole):
    kept = attended(keep="cls")
    assert kept.attention.shape == (6, 3, 3, 1, 25)
    np.testing.assert_array_equal(kept.attention, whole.attention[:, :, :, :1])
    for name in ("cls_to_patches", "received", "rollout", "entropy"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(whole, name))


class WithoutClassToken:
    """A transformer whose tokens before the patches, if any, are registers."""

    family = "fake_vit"

    def __init__(self, registers: int = 0):
        self.registers = registers

    def to(self, device: str) -> "WithoutClassToken":
        return self

    def attend_tokens(self, batch) -> TokenAttention:
        answer = random_vit(registers=self.registers).attend_tokens(batch)
        weights = answer.weights[..., 1:, 1:]
        shares = weights / weights.sum(-1, keepdim=True)
        return TokenAttention(shares, self.registers, answer.grid, class_token=False)


@pytest.mark.parametrize("registers", [0, 3])
def test_without_a_class_token_there_is_no_map_of_it_and_the_rollout_is_the_mean(tmp_path, registers):
    result = attended(WithoutClassToken(registers))
    assert result.cls_to_patches is None
    weights = torch.from_numpy(result.attention).transpose(0, 1)
    expected = rollout(weights)[:, registers:, registers:].mean(1).reshape(6, 4, 6)
    np.testing.assert_allclose(result.rollout, expected, rtol=0, atol=1e-6)
    formats.save(result, tmp_path / "attention_maps.npz")
    assert formats.load(tmp_path / "attention_maps.npz", AttentionMaps).cls_to_patches is None
    with pytest.raises(AssayError, match="keep: cls is for models with a class token"):
        attended(WithoutClassToken(registers), keep="cls")


def test_what_would_be_too_large_is_refused_before_it_is_made(monkeypatch):
    monkeypatch.setattr(attention_maps, "LARGEST_BYTES", 4 * 6 * 9 * 25 * 25 - 1)
    with pytest.raises(AssayError, match=r"attention of 6 records takes .*fewer max_records, or keep: cls"):
        attended()
    assert attended(keep="cls").attention.shape[3] == 1
    assert len(attended(max_records=5).attention) == 5


def test_a_grid_that_the_patches_do_not_fill_is_refused():
    subject = random_vit()
    subject.network.grid = (4, 5)
    with pytest.raises(AssayError, match="24 patches of 25 tokens do not fill a grid of 20 positions"):
        attended(subject)


def test_records_that_fail_are_counted_at_the_end_and_the_others_are_kept(tmp_path):
    x = DATA.whole["val"].x.clone()
    x[[0, 5]] = torch.inf
    parts = KeptParts(tmp_path / "attention_maps.npz", "key")
    with pytest.raises(AssayError, match=r"2 of 6 records failed.* 0, 5: attention that is not finite"):
        attended(data=images(x), parts=parts, batch_size=2)
    kept = list(parts.folder.rglob("*.npz"))
    assert len(kept) == 3
    assert {np.load(path)["part"].dtype for path in kept} == {np.dtype(np.float32)}


def test_the_file_loads_back_equal(tmp_path, whole):
    formats.save(whole, tmp_path / "attention_maps.npz")
    loaded = formats.load(tmp_path / "attention_maps.npz", AttentionMaps)
    for field in dataclasses.fields(AttentionMaps):
        np.testing.assert_array_equal(getattr(loaded, field.name), getattr(whole, field.name))
    assert loaded.prefix == 1
