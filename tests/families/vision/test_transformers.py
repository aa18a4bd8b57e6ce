"""Model folders that transformers saves are read at the border and give transformers' own numbers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from families.vision.examples import batch
from torch import Tensor, nn

from assay.errors import Refused, ResultWarning
from assay.families import cnn, vit
from assay.intake import checkpoint as border
from assay.protocols import ImageBatch

pytest.importorskip("transformers")

from transformers import Dinov2WithRegistersConfig, ResNetConfig, ViTConfig, ViTMAEConfig
from transformers.models.dinov2_with_registers.modeling_dinov2_with_registers import (
    Dinov2WithRegistersForImageClassification,
    Dinov2WithRegistersModel,
)
from transformers.models.resnet.modeling_resnet import ResNetForImageClassification, ResNetModel
from transformers.models.vit.modeling_vit import ViTForImageClassification, ViTModel
from transformers.models.vit_mae.modeling_vit_mae import ViTMAEForPreTraining, ViTMAEModel

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "patch_size": 8}
VIT = ViTConfig(**SIZES, intermediate_size=24, image_size=(16, 32), num_labels=3)
MAE = ViTMAEConfig(
    **SIZES,
    intermediate_size=24,
    image_size=16,
    mask_ratio=0.0,
    decoder_hidden_size=8,
    decoder_num_attention_heads=2,
    decoder_num_hidden_layers=1,
    decoder_intermediate_size=8,
)
DINO = Dinov2WithRegistersConfig(**SIZES, image_size=16, num_labels=3, num_register_tokens=3)
GATED = Dinov2WithRegistersConfig(**SIZES, image_size=16, num_labels=3, use_swiglu_ffn=True)
BASIC = ResNetConfig(
    embedding_size=8, hidden_sizes=[8, 12, 16], depths=[1, 2, 1], layer_type="basic", num_labels=3
)
BOTTLENECK = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 24], depths=[2, 1, 1], num_labels=3)
ODD = ResNetConfig(
    embedding_size=8,
    hidden_sizes=[16, 24],
    depths=[1, 2],
    num_labels=3,
    downsample_in_first_stage=True,
    downsample_in_bottleneck=True,
)


def logits(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).logits


def class_token(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).last_hidden_state[:, 0]


def whole_class_token(model: nn.Module, x: Tensor) -> Tensor:
    """Of an MAE encoder that hides nothing and keeps the order of the patches."""
    encoder = model.vit if hasattr(model, "decoder") else model
    order = torch.arange(4.0).expand(len(x), -1)
    return encoder(x, noise=order).last_hidden_state[:, 0]


def averaged(model: nn.Module, x: Tensor) -> Tensor:
    return model(x).pooler_output.flatten(1)


Case = tuple[type[nn.Module], Any, tuple[int, int], Callable[[nn.Module, Tensor], Tensor]]
TRANSFORMERS: dict[str, Case] = {
    "ViTForImageClassification": (ViTForImageClassification, VIT, (16, 32), logits),
    "ViTModel": (ViTModel, VIT, (16, 32), class_token),
    "ViTMAEForPreTraining": (ViTMAEForPreTraining, MAE, (16, 16), whole_class_token),
    "ViTMAEModel": (ViTMAEModel, MAE, (16, 16), whole_class_token),
    "Dinov2WithRegistersForImageClassification": (
        Dinov2WithRegistersForImageClassification,
        DINO,
        (16, 16),
        logits,
    ),
    "of another size": (Dinov2WithRegistersForImageClassification, DINO, (24, 40), logits),
    "gated": (Dinov2WithRegistersForImageClassification, GATED, (16, 16), logits),
    "Dinov2WithRegistersModel": (Dinov2WithRegistersModel, DINO, (16, 24), class_token),
}
RESNETS: dict[str, Case] = {
    "basic": (ResNetForImageClassification, BASIC, (40, 56), logits),
    "bottleneck": (ResNetForImageClassification, BOTTLENECK, (40, 56), logits),
    "other strides": (ResNetForImageClassification, ODD, (40, 56), logits),
    "ResNetModel": (ResNetModel, BASIC, (40, 56), averaged),
}


def random_model(kind: type[nn.Module], config: Any) -> nn.Module:
    """The model with normal weights, biases too, so that each is seen in the output."""
    draw = torch.Generator().manual_seed(1)
    model = kind(config).eval()
    with torch.no_grad():
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            if tensor.is_floating_point():
                normal = 0.25 * torch.randn(tensor.shape, generator=draw)
                tensor.copy_(normal.square() + 0.5 if name.endswith("running_var") else normal)
    return model


def saved(model: nn.Module, folder: Path, **options: Any) -> Path:
    """The folder of the model, with a preprocessor."""
    model.save_pretrained(folder, **options)
    preprocessor = {"image_mean": MEAN, "image_std": STD, "do_normalize": True, "rescale_factor": 1 / 255}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder


def scaled(x: Tensor) -> Tensor:
    return (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def answer(family: Any, tensors: dict[str, Tensor], hparams: dict, x: Tensor, like: Callable) -> Tensor:
    subject = family.load(tensors, hparams)
    images = ImageBatch(x, torch.zeros(len(x), dtype=torch.int64))
    return subject.predict(images) if like is logits else subject.embed(images)


def assert_same_numbers(family: Any, case: Case, folder: Path) -> None:
    kind, config, size, like = case
    model, x = random_model(kind, config), batch(3, (3, *size)).x
    found = border.read(saved(model, folder))
    with torch.no_grad():
        expected = like(model, scaled(x))
    for tensors in (found.tensors, model.state_dict()):
        got = answer(family, tensors, found.hparams, x, like)
        torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::assay.errors.ResultWarning")
@pytest.mark.parametrize("case", TRANSFORMERS.values(), ids=TRANSFORMERS.keys())
def test_a_folder_of_a_vision_transformer_gives_transformers_numbers(case, tmp_path):
    assert_same_numbers(vit, case, tmp_path)


@pytest.mark.parametrize("case", RESNETS.values(), ids=RESNETS.keys())
def test_a_folder_of_a_resnet_gives_transformers_numbers(case, tmp_path):
    assert_same_numbers(cnn, case, tmp_path)


def test_every_class_that_the_families_name_is_a_case_here():
    cases = (*TRANSFORMERS.values(), *RESNETS.values())
    named = {f"transformers.{kind.__name__}" for kind, *_ in cases}
    assert named == {*vit.CLASS_PATHS, *cnn.CLASS_PATHS}


def test_attention_is_transformers_own(tmp_path):
    model, x = random_model(ViTForImageClassification, VIT), batch(2, (3, 16, 32))
    model.set_attn_implementation("eager")
    found = border.read(saved(model, tmp_path))
    with torch.no_grad():
        expected = model(scaled(x.x), output_attentions=True).attentions
    attention = vit.load(found.tensors, found.hparams).attend_tokens(x)
    torch.testing.assert_close(attention.weights, torch.stack(expected), atol=1e-6, rtol=1e-5)
    assert (attention.grid, attention.prefix) == ((2, 4), 1)


def test_shards_and_the_older_file_of_weights_give_the_same_tensors(tmp_path):
    model = random_model(ViTForImageClassification, VIT)
    whole = border.read(saved(model, tmp_path / "whole"))
    cut = border.read(saved(model, tmp_path / "cut", max_shard_size="8KB"))
    assert len(list((tmp_path / "cut").glob("model-*.safetensors"))) > 1
    older = saved(model, tmp_path / "older")
    (older / "model.safetensors").unlink()
    torch.save(dict(whole.tensors), older / "pytorch_model.bin")
    for found in (cut, border.read(older)):
        assert found.hparams == whole.hparams
        assert found.tensors.keys() == whole.tensors.keys()
        assert all(torch.equal(found.tensors[name], whole.tensors[name]) for name in whole.tensors)


def test_a_config_of_another_model_than_the_weights_is_refused(tmp_path):
    folder = saved(random_model(ViTForImageClassification, VIT), tmp_path)
    config = json.loads((folder / "config.json").read_text())
    config |= {"num_hidden_layers": 12, "hidden_size": 768, "id2label": {"0": "a", "1": "b"}}
    (folder / "config.json").write_text(json.dumps(config))
    found = border.read(folder)
    with pytest.raises(Refused) as caught:
        vit.load(found.tensors, found.hparams)
    for words in (
        "num_hidden_layers is 12 (int); allowed: 2",
        "hidden_size is 768 (int); allowed: 16",
        "id2label",
    ):
        assert words in str(caught.value)


def test_a_config_without_an_epsilon_has_that_of_its_class(tmp_path):
    found = border.read(saved(random_model(ViTForImageClassification, VIT), tmp_path))
    x = batch(2, (3, 16, 32))
    expected = vit.load(found.tensors, found.hparams).predict(x)
    values = {**found.hparams["hyper_parameters"]}
    assert values.pop("layer_norm_eps") == 1e-12
    without = {**found.hparams, "hyper_parameters": values}
    assert torch.equal(vit.load(found.tensors, without).predict(x), expected)


def test_the_pooler_and_the_decoder_are_said_to_be_left_out(tmp_path):
    found = border.read(saved(random_model(ViTModel, VIT), tmp_path))
    with pytest.warns(ResultWarning, match=r"are left out: pooler\.dense \(2 in all\)"):
        vit.load(found.tensors, found.hparams)
