"""What is said of a checkpoint of images that cannot be used: everything that is wrong, at once."""

import pytest
import torch
from families.vision.examples import HEADS, batch, hparams, plain_state, resnet_state, vit_state

from assay.errors import Refused, ResultWarning
from assay.families import cnn, vit


def refusal(family, state, chosen) -> str:
    with pytest.raises(Refused) as caught:
        family.load(state, chosen)
    return str(caught.value)


def test_every_missing_unexpected_and_wrongly_shaped_tensor_is_named():
    state = vit_state()
    for i in range(3):
        del state[f"blocks.{i}.attn.proj.weight"]
    state |= {
        "extra": torch.zeros(2),
        "blocks.1.attn.q_norm.weight": torch.zeros(6),
        "norm.bias": torch.zeros(5),
    }
    lines = refusal(vit, state, hparams(**HEADS)).splitlines()[1:]
    assert [line.strip() for line in lines] == [
        "missing: blocks.0.attn.proj.weight [12, 12]",
        "missing: blocks.1.attn.proj.weight [12, 12]",
        "missing: blocks.2.attn.proj.weight [12, 12]",
        "wrong shape: norm.bias is [5], expected [12]",
        "unexpected: 'extra' [2]",
        "unexpected: 'blocks.1.attn.q_norm.weight' [6]",
    ]


def test_every_missing_and_unexpected_tensor_of_a_resnet_is_named():
    state = resnet_state()
    del state["layer1.0.bn2.running_var"], state["layer4.0.downsample.1.weight"]
    text = refusal(cnn, {**state, "layer1.0.se.weight": torch.zeros(3)}, hparams())
    assert "missing: trunk.layer1.0.bn2.running_var [8]" in text
    assert "missing: trunk.layer4.0.downsample.1.weight [20]" in text
    assert "unexpected: 'trunk.layer1.0.se.weight' [3]" in text


def test_a_part_of_queries_keys_and_values_is_no_whole():
    state = vit_state()
    del state["blocks.0.attn.qkv.weight"]
    text = refusal(vit, {**state, "blocks.0.attn.q.weight": torch.zeros(12, 12)}, hparams(**HEADS))
    assert "missing: blocks.0.attn.qkv.weight [36, 12]" in text
    assert "unexpected: 'blocks.0.attn.q.weight' [12, 12]" in text


@pytest.mark.parametrize("shape", [(12, 7), (12,), ()])
def test_queries_keys_and_values_that_do_not_fit_each_other_are_no_whole(shape):
    state = vit_state()
    queries, keys, _ = state.pop("blocks.0.attn.qkv.weight").chunk(3)
    parts = {"q": queries, "k": keys, "v": torch.zeros(shape)}
    text = refusal(
        vit, {**state, **{f"blocks.0.attn.{n}.weight": t for n, t in parts.items()}}, hparams(**HEADS)
    )
    assert "missing: blocks.0.attn.qkv.weight [36, 12]" in text
    assert all(f"unexpected: 'blocks.0.attn.{name}.weight'" in text for name in parts)


def test_a_refusal_says_which_prefix_its_names_lack():
    state = {f"model.encoder.{name}": tensor for name, tensor in vit_state().items()}
    del state["model.encoder.norm.bias"]
    assert "(names without 'model.encoder.')" in refusal(vit, state, hparams(**HEADS))


def test_an_unknown_number_of_heads_is_refused_with_the_places_to_name_it():
    text = refusal(vit, vit_state(), hparams())
    assert "hyper_parameters.num_heads is missing; allowed: a number that divides the width 12" in text
    assert "sheet's column hparams, as num_heads=12" in text


@pytest.mark.parametrize("heads", [0, 5, True, "2", 2.0, -1, 10**6])
def test_a_number_of_heads_that_cannot_be_is_refused(heads):
    assert "hyper_parameters.num_heads is " in refusal(vit, vit_state(), hparams(num_heads=heads))


def test_heads_have_two_names_which_must_agree():
    x = batch()
    expected = vit.load(vit_state(), hparams(num_heads=2)).predict(x)
    assert torch.equal(vit.load(vit_state(), hparams(num_attention_heads=2)).predict(x), expected)
    assert torch.equal(
        vit.load(vit_state(), hparams(num_attention_heads=2, num_heads=2)).predict(x), expected
    )
    text = refusal(vit, vit_state(), hparams(num_attention_heads=3, num_heads=2))
    assert "num_heads is 2 (int); allowed: num_attention_heads, which is 3" in text


def test_the_number_of_heads_decides_the_logits():
    x = batch()
    two, three = (vit.load(vit_state(), hparams(num_heads=n)).predict(x) for n in (2, 3))
    assert not torch.allclose(two, three)


OTHER_SIZES = {
    "hidden_size": 16,
    "embed_dim": 13,
    "num_hidden_layers": 4,
    "depth": 2,
    "intermediate_size": 48,
    "num_channels": 1,
    "in_chans": 4,
    "num_register_tokens": 4,
    "num_labels": 5,
    "num_classes": 1000,
}


def test_every_size_that_the_config_says_otherwise_is_refused_at_once():
    text = refusal(vit, vit_state(), hparams(**HEADS, **OTHER_SIZES, patch_size=16, image_size=64))
    for key, size in OTHER_SIZES.items():
        assert f"hyper_parameters.{key} is {size} (int); allowed: " in text
    assert "hyper_parameters.patch_size is '(16, 16)'; allowed: (8, 4)" in text
    assert "hyper_parameters.image_size is 'one of 128 patches'; allowed: one that fits pos_embed" in text


def test_sizes_that_the_config_says_rightly_change_nothing():
    sizes = {"hidden_size": 12, "depth": 3, "intermediate_size": 20, "num_channels": 3, "num_labels": 4}
    chosen = hparams(**HEADS, **sizes, num_register_tokens=0, patch_size=[8, 4], image_size=[32, 24])
    assert torch.equal(
        vit.load(vit_state(), chosen).predict(batch()),
        vit.load(vit_state(), hparams(**HEADS)).predict(batch()),
    )


RESNET_SIZES = {
    "depths": [2, 2, 2, 2],
    "hidden_sizes": [64, 128, 256, 512],
    "embedding_size": 64,
    "layer_type": "bottleneck",
    "num_channels": 1,
    "num_classes": 7,
}


@pytest.mark.parametrize("key", RESNET_SIZES)
def test_a_size_of_a_resnet_that_the_config_says_otherwise_is_refused(key):
    assert f"hyper_parameters.{key} is " in refusal(cnn, resnet_state(), hparams(**{key: RESNET_SIZES[key]}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"id2label": {"0": "a", "1": "b"}}, "id2label is '2 names'; allowed: 4 different names"),
        ({"class_names": "a,b,c,d,d"}, "class_names is '5 names'; allowed: 4 different names"),
        ({"class_names": "a,b,c,c"}, "class_names is '4 names'; allowed: 4 different names"),
        ({"class_names": ["a", 1, "c", "d"]}, "class_names is '4 names'"),
        ({"image_mean": [0.5]}, "image_mean is a list; allowed: given with image_std, or neither"),
        (
            {"image_mean": [0.5, 0.5], "image_std": [1, 1]},
            "image_mean is '[0.5, 0.5]'; allowed: 3 numbers, or one for all",
        ),
        (
            {"image_mean": "0.5,0.5", "image_std": "1,1"},
            "image_mean is '[0.5, 0.5]'; allowed: 3 numbers, or one",
        ),
        ({"image_mean": "0,0,nan", "image_std": 1}, "image_mean is '0,0,nan'; allowed: 3 numbers"),
        ({"image_mean": [0, 0, 0], "image_std": [1, 0, 1]}, "image_std is a list; allowed: numbers above 0"),
        ({"rescale_factor": "big"}, "rescale_factor is 'big'; allowed: a number above 0"),
        ({"hidden_act": "gelu_new"}, "hidden_act is 'gelu_new'; allowed: one of gelu"),
        ({"global_pool": "map"}, "global_pool is 'map'; allowed: one of token, avg"),
        ({"layer_norm_eps": "small"}, "layer_norm_eps is 'small'; allowed: a number between 0 and 1"),
        ({"image_size": "big"}, "image_size is 'big'; allowed: a whole number, or two"),
        ({"image_size": "32.5,24"}, "image_size is '32.5,24'; allowed: a whole number, or two"),
    ],
)
def test_a_hyper_parameter_that_cannot_be_is_refused_with_what_is_allowed(values, words):
    assert words in refusal(vit, vit_state(), hparams(**HEADS, **values))


def test_a_class_of_transformers_that_is_not_read_is_refused_with_those_that_are():
    text = refusal(vit, vit_state(), hparams("transformers.SwinModel", **HEADS))
    assert (
        "'transformers.SwinModel'; of transformers, family vit reads ViTForImageClassification, ViTModel"
        in text
    )
    assert "ResNetModel" in refusal(cnn, resnet_state(), hparams("transformers.ConvNextModel"))


def test_the_class_of_a_lab_is_no_matter_as_the_names_of_the_tensors_decide():
    assert vit.load(vit_state(), hparams("lab.models.Encoder", **HEADS)).family == "vit"


def test_hyper_parameters_that_are_no_mapping_are_refused():
    assert "hyper_parameters is a list" in refusal(
        vit, vit_state(), {"class_path": None, "hyper_parameters": [1]}
    )


def test_a_state_dict_of_something_else_is_refused_with_names_of_both():
    text = refusal(vit, resnet_state(), hparams(**HEADS))
    assert "no patch_embed.proj.weight, by which a vision transformer is known; it has 'conv1.weight'" in text
    text = refusal(cnn, vit_state(), hparams())
    assert "neither layer1.0.conv1.weight, as a ResNet, nor f.0.weight" in text


def test_a_patch_embedding_of_another_dimension_is_refused_with_the_form_of_signals():
    state = vit_state(channels=1, patch=(1, 10), positions=61)
    state["patch_embed.proj.weight"] = state["patch_embed.proj.weight"][:, :, 0]
    text = refusal(vit, state, hparams(**HEADS))
    assert "is [12, 1, 10]" in text
    assert "[width, 1, 1, samples]" in text


def test_a_stride_that_no_tensor_shows_is_asked_for():
    assert "hyper_parameters.stride is missing; allowed: an integer from 1 to 64" in refusal(
        cnn, plain_state(), hparams()
    )


def test_a_first_convolution_of_another_kernel_asks_for_its_stride_and_pool():
    state = resnet_state()
    state["conv1.weight"] = state["conv1.weight"][..., :3, :3].contiguous()
    text = refusal(cnn, state, hparams())
    assert "hyper_parameters.stem_stride is missing" in text
    assert "hyper_parameters.stem_pool is missing; allowed: True or False" in text


def test_blocks_that_do_not_follow_each_other_are_refused():
    state = {n: t for n, t in resnet_state(depths=(1, 3, 1, 1)).items() if not n.startswith("layer2.1.")}
    assert "the blocks do not follow each other: layer1.0, layer2.0, layer2.2" in refusal(
        cnn, state, hparams()
    )


@pytest.mark.parametrize("entering", [3, 16])
def test_a_convolution_whose_width_no_group_divides_is_refused(entering):
    state = resnet_state(bottleneck=True, inner=8)
    state["layer2.0.conv2.weight"] = torch.zeros(8, entering, 3, 3)
    text = refusal(cnn, state, hparams())
    assert f"layer2.0.conv2.weight takes {entering} channels a group, of 8" in text


def test_a_plain_network_of_another_layout_is_refused_with_the_one_that_is_read():
    state = plain_state()
    moved = {name.replace("f.3.", "f.2."): tensor for name, tensor in state.items()}
    assert "f has tensors in its modules [0, 1, 2], read up to 0; allowed: convolutions" in refusal(
        cnn, moved, hparams(stride=2)
    )
    apart = {name.replace("f.3.", "f.5."): tensor for name, tensor in state.items()}
    assert "f has tensors in its modules [0, 1, 5], read up to 3" in refusal(cnn, apart, hparams(stride=2))


def test_weights_of_half_precision_are_cast_and_told():
    half = {name: tensor.half() for name, tensor in vit_state().items()}
    with pytest.warns(ResultWarning, match=r"tensors are torch\.float16; cast to float32"):
        assert vit.load(half, hparams(**HEADS)).predict(batch()).dtype == torch.float32


@pytest.mark.parametrize("name", ["head.weight", "pos_embed", "cls_token", "blocks.0.mlp.fc1.weight"])
@pytest.mark.parametrize("shape", [(), (0,), (1, 1, 1, 1, 1)])
def test_a_tensor_of_other_axes_is_refused_by_its_name(name, shape):
    text = refusal(vit, {**vit_state(), name: torch.zeros(shape)}, hparams(**HEADS))
    assert f"{name} is [" in text or f"'{name}' [" in text


@pytest.mark.parametrize(
    ("family", "name", "state"),
    [
        (vit, "patch_embed.proj.weight", vit_state()),
        (vit, "blocks.0.mlp.fc2.weight", vit_state()),
        (cnn, "conv1.weight", resnet_state()),
        (cnn, "fc.weight", resnet_state()),
        (cnn, "layer2.0.conv2.weight", resnet_state()),
        (cnn, "f.3.weight", plain_state()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("shape", [(), (0, 3, 3, 3), (2, 0), (4, 4, 4, 4, 4)])
def test_a_tensor_that_decides_sizes_is_refused_where_it_has_none(family, name, state, shape):
    assert refusal(family, {**state, name: torch.zeros(shape)}, hparams(**HEADS, stride=2))


def test_no_sizes_of_a_state_dict_are_allocated_before_they_are_compared():
    state = vit_state()
    state["blocks.0.mlp.fc2.weight"] = torch.zeros(1, 1).expand(12, 2**40)
    assert "missing: " not in refusal(vit, state, hparams(**HEADS))
