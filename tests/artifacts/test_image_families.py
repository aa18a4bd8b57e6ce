"""Saliency of the families as they are loaded: the published maps, non-square grids, registers, signals."""

import numpy as np
import pytest
import torch
from artifacts.vision import PUBLISHED, SALIENCY, InMemory, images, random_images
from families.vision.examples import hparams, resnet_state, vit_state

from assay.artifacts import attention_maps, gradcam
from assay.errors import AssayError
from assay.families import cnn, vit

CAM = {
    "split": "val",
    "records": (),
    "target_classes": (),
    "layer": "",
    "method": "gradcam",
    "max_records": 16,
    "batch_size": 2,
    "seed": 7,
}
MAPS = {"split": "val", "records": (), "keep": "all", "max_records": 8, "batch_size": 2, "seed": 7}
VIT_SIZE = (32, 24)  # of patches of 8 x 4


def explained(subject, data, **options):
    return gradcam.compute(subject, data, InMemory(), **CAM | options)


def a_vit(**changes):
    return vit.load(vit_state(**changes), hparams(num_heads=2))


@pytest.mark.parametrize("method", ["gradcam", "gradcam++", "hirescam"])
def test_the_published_network_has_its_published_maps(method):
    published = np.load(SALIENCY / "cnn.npz")
    state = torch.load(SALIENCY / "cnn.pt", weights_only=True)
    subject = cnn.load(state, hparams(stride=2))
    result = explained(
        subject, images(torch.from_numpy(published["x"])), method=method, target_classes=("2", "3")
    )
    expected = [published[f"{PUBLISHED.get(method, method)}_class{k}"] for k in (2, 3)]
    np.testing.assert_allclose(result.map, np.stack(expected, axis=1), rtol=0, atol=1e-5)
    np.testing.assert_allclose(result.score, published["logits"][:, [2, 3]], rtol=0, atol=1e-6)


def test_maps_of_a_resnet_are_at_every_layer_where_it_can_be_cut():
    subject = cnn.load(resnet_state(), hparams())
    data = random_images(2, 80, 112)
    for layer in subject.layer_names:
        result = explained(subject, data, layer=layer)
        assert result.map.shape == (2, 4, 80, 112)
        assert result.sanity.shape == (2, 4, subject.n_stages)


@pytest.mark.parametrize("registers", [0, 2])
def test_patches_of_a_transformer_are_counted_without_class_token_and_registers(registers):
    subject = a_vit(registers=registers, positions=25 + registers)
    data = random_images(3, *VIT_SIZE)
    cams, maps = explained(subject, data), attention_maps.compute(subject, data, InMemory(), **MAPS)
    assert cams.raw.shape == (3, 4, 4, 6)
    assert (maps.prefix, maps.grid.tolist()) == (1 + registers, [4, 6])
    assert maps.attention.shape == (3, 3, 2, 25 + registers, 25 + registers)
    sums = maps.attention.sum(4)
    np.testing.assert_allclose(sums, np.ones_like(sums), rtol=0, atol=1e-5)


def test_batches_decide_nothing_in_a_transformer():
    data = random_images(5, *VIT_SIZE)
    one, other = (explained(a_vit(), data, batch_size=size) for size in (1, 5))
    np.testing.assert_allclose(one.raw, other.raw, rtol=0, atol=1e-6)
    np.testing.assert_allclose(one.sanity, other.sanity, rtol=0, atol=1e-6)


def test_the_last_block_of_a_transformer_that_reads_its_class_token_has_no_gradient_at_patches():
    with pytest.raises(
        AssayError, match=r"gradient at layer blocks\.2 is zero .* default is blocks\.2\.norm1"
    ):
        explained(a_vit(), random_images(3, *VIT_SIZE), layer="blocks.2")


def test_a_transformer_of_signals_has_maps_along_time_in_every_channel():
    subject = a_vit(channels=1, patch=(1, 10), positions=1 + 3 * 5)
    data = random_images(2, 50, channels=3)
    result = explained(subject, data)
    assert (result.raw.shape, result.map.shape, result.image.shape) == (
        (2, 4, 3, 5),
        (2, 4, 3, 50),
        (2, 3, 50),
    )
    assert attention_maps.compute(subject, data, InMemory(), **MAPS).grid.tolist() == [3, 5]


def test_an_encoder_without_a_head_has_attention_and_no_class_maps():
    subject, data = a_vit(classes=0), random_images(2, *VIT_SIZE)
    assert len(attention_maps.compute(subject, data, InMemory(), **MAPS).attention) == 2
    with pytest.raises(AssayError, match="has no head"):
        explained(subject, data)
