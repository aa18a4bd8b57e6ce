"""Every naming of a network's state dict is read as the same network."""

import re

import pytest
import torch
from families.vision.examples import (
    HEADS,
    RESNET_IMAGE,
    batch,
    hparams,
    plain_state,
    resnet_state,
    vit_state,
)
from torch import Tensor

from assay.errors import Refused, ResultWarning
from assay.families import cnn, vit

State = dict[str, Tensor]


def renamed(state: State, *rules: tuple[str, str]) -> State:
    """The state with every rule applied to every name."""
    for pattern, replacement in rules:
        state = {re.sub(pattern, replacement, name): tensor for name, tensor in state.items()}
    return state


def split(state: State, whole: str, parts: tuple[str, ...]) -> State:
    """The state whose tensors of a name are cut into equal rows."""
    result: State = {}
    for name, tensor in state.items():
        if whole in name:
            pieces = tensor.chunk(len(parts))
            result |= {name.replace(whole, part): piece for part, piece in zip(parts, pieces, strict=True)}
        else:
            result[name] = tensor
    return result


TOKENS = (
    (r"^cls_token", "embeddings.cls_token"),
    (r"^pos_embed", "embeddings.position_embeddings"),
    (r"^reg_token", "embeddings.register_tokens"),
    (r"^patch_embed\.proj", "embeddings.patch_embeddings.projection"),
    (r"^norm\.", "layernorm."),
)


def as_old_transformers(state: State) -> State:
    """As transformers writes files: encoder.layer.0.attention.attention.query."""
    parts = (".attention.attention.query.", ".attention.attention.key.", ".attention.attention.value.")
    return renamed(
        split(state, ".attn.qkv.", parts),
        *TOKENS,
        (r"blocks\.(\d+)\.", r"encoder.layer.\1."),
        (r"\.attn\.proj\.", ".attention.output.dense."),
        (r"\.norm1\.", ".layernorm_before."),
        (r"\.norm2\.", ".layernorm_after."),
        (r"\.mlp\.fc1\.", ".intermediate.dense."),
        (r"\.mlp\.fc2\.", ".output.dense."),
        (r"^(?!head)(.*)", r"vit.\1"),
        (r"^head\.", "classifier."),
    )


def as_new_transformers(state: State) -> State:
    """As its modules are named in memory since version 5: layers.0.attention.q_proj."""
    parts = (".attention.q_proj.", ".attention.k_proj.", ".attention.v_proj.")
    return renamed(
        split(state, ".attn.qkv.", parts),
        *TOKENS,
        (r"blocks\.(\d+)\.", r"layers.\1."),
        (r"\.attn\.proj\.", ".attention.o_proj."),
        (r"\.norm1\.", ".layernorm_before."),
        (r"\.norm2\.", ".layernorm_after."),
        (r"^(?!head)(.*)", r"vit.\1"),
        (r"^head\.", "classifier."),
    )


def as_plain(state: State) -> State:
    """As `cls`, `pos`, blocks.0.mlp.0 and blocks.0.qkv."""
    bare = renamed(
        state,
        (r"_token$|_embed$", ""),
        (r"^patch_embed\.proj", "patch_embed"),
        (r"\.attn\.", "."),
        (r"\.mlp\.fc1\.", ".mlp.0."),
        (r"\.mlp\.fc2\.", ".mlp.2."),
    )
    return {**bare, "cls": bare["cls"][0, 0], "pos": bare["pos"][0]}


def as_torchvision(state: State) -> State:
    """As conv_proj and encoder.layers.encoder_layer_0.self_attention.in_proj_weight."""
    return renamed(
        state,
        (r"^cls_token", "class_token"),
        (r"^pos_embed", "encoder.pos_embedding"),
        (r"^patch_embed\.proj", "conv_proj"),
        (r"blocks\.(\d+)\.", r"encoder.layers.encoder_layer_\1."),
        (r"\.attn\.qkv\.", ".self_attention.in_proj_"),
        (r"\.attn\.proj\.", ".self_attention.out_proj."),
        (r"\.norm([12])\.", r".ln_\1."),
        (r"\.mlp\.fc1\.", ".mlp.0."),
        (r"\.mlp\.fc2\.", ".mlp.3."),
        (r"^norm\.", "encoder.ln."),
        (r"^head\.", "heads.head."),
    )


def as_older_torchvision(state: State) -> State:
    """Its perceptron had names before it had numbers."""
    return renamed(as_torchvision(state), (r"mlp\.0\.", "mlp.linear_1."), (r"mlp\.3\.", "mlp.linear_2."))


NAMINGS = {
    "old transformers": as_old_transformers,
    "new transformers": as_new_transformers,
    "plain": as_plain,
    "torchvision": as_torchvision,
    "older torchvision": as_older_torchvision,
}


@pytest.mark.parametrize("naming", NAMINGS.values(), ids=NAMINGS.keys())
def test_every_naming_of_a_vit_gives_the_same_logits(naming):
    state, x = vit_state(), batch()
    expected = vit.load(state, hparams(**HEADS)).predict(x)
    other = naming(state)
    assert other.keys() != state.keys()
    assert torch.equal(vit.load(other, hparams(**HEADS)).predict(x), expected)


def test_registers_and_scales_have_a_name_in_every_naming():
    state, x = vit_state(registers=2, layer_scale=True), batch()
    expected = vit.load(state, hparams(**HEADS)).predict(x)
    published = renamed(state, (r"^reg_token", "register_tokens"))
    assert torch.equal(vit.load(published, hparams(**HEADS)).predict(x), expected)
    folder = renamed(as_old_transformers(state), (r"\.ls(\d)\.gamma", r".layer_scale\1.lambda1"))
    folder = renamed(folder, (r"^vit\.", "dinov2_with_registers."))
    assert torch.equal(vit.load(folder, hparams(**HEADS)).predict(x), expected)


def test_the_halves_of_a_gated_perceptron_stand_together_or_apart():
    state, x = vit_state(gated=True), batch()
    expected = vit.load(state, hparams(**HEADS)).predict(x)
    apart = split(
        renamed(state, (r"mlp\.fc2", "mlp.down_proj")), "mlp.fc1.", ("mlp.gate_proj.", "mlp.up_proj.")
    )
    together = renamed(state, (r"mlp\.fc1", "mlp.w12"), (r"mlp\.fc2", "mlp.w3"))
    for other in (apart, together):
        assert torch.equal(vit.load(other, hparams(**HEADS)).predict(x), expected)


def as_transformers_resnet(state: State) -> State:
    """As resnet.encoder.stages.0.layers.0.layer.0.convolution."""

    def place(match: re.Match) -> str:
        stage, block, kind, number = match.groups()
        word = {"conv": "convolution", "bn": "normalization"}[kind]
        return f"encoder.stages.{int(stage) - 1}.layers.{block}.layer.{int(number) - 1}.{word}."

    names = [re.sub(r"^layer(\d+)\.(\d+)\.(conv|bn)(\d)\.", place, name) for name in state]
    names = [
        re.sub(r"^layer(\d+)\.", lambda match: f"encoder.stages.{int(match[1]) - 1}.layers.", name)
        for name in names
    ]
    return renamed(
        dict(zip(names, state.values(), strict=True)),
        (r"downsample\.0\.", "shortcut.convolution."),
        (r"downsample\.1\.", "shortcut.normalization."),
        (r"^conv1\.", "embedder.embedder.convolution."),
        (r"^bn1\.", "embedder.embedder.normalization."),
        (r"^(?!fc)(.*)", r"resnet.\1"),
        (r"^fc\.", "classifier.1."),
    )


@pytest.mark.parametrize("bottleneck", [False, True])
def test_both_namings_of_a_resnet_give_the_same_logits(bottleneck):
    state, x = resnet_state(bottleneck=bottleneck, depths=(2, 1, 2, 1)), batch(2, RESNET_IMAGE)
    other = as_transformers_resnet(state)
    assert not any(name.startswith("layer") for name in other)
    assert torch.equal(cnn.load(other, hparams()).predict(x), cnn.load(state, hparams()).predict(x))


def test_a_resnet_of_before_counts_of_batches_is_read():
    state, x = resnet_state(), batch(2, RESNET_IMAGE)
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert torch.equal(cnn.load(old, hparams()).predict(x), cnn.load(state, hparams()).predict(x))


@pytest.mark.parametrize("name", ["fc", "head", "classifier", "fc.1", "classifier.0"])
def test_a_head_is_known_by_its_usual_names(name):
    state, x = resnet_state(), batch(2, RESNET_IMAGE)
    other = renamed(state, (r"^fc\.", f"{name}."))
    assert torch.equal(cnn.load(other, hparams()).predict(x), cnn.load(state, hparams()).predict(x))


WRAPPERS = [
    ("module.", r"\g<0>"),
    ("model.", r"\g<0>"),
    ("backbone.", r"\g<0>"),
    ("encoder.", r"\g<0>"),
    ("module.model.", r"\g<0>"),
    ("model.encoder.module.", r"\g<0>"),
    ("_orig_mod.module.", r"\g<0>"),
]


@pytest.mark.parametrize("prefix", [prefix for prefix, _ in WRAPPERS])
def test_the_prefixes_of_wrappers_are_stripped(prefix):
    x = batch()
    wrapped = {prefix + name: tensor for name, tensor in vit_state().items()}
    expected = vit.load(vit_state(), hparams(**HEADS)).predict(x)
    assert torch.equal(vit.load(wrapped, hparams(**HEADS)).predict(x), expected)


@pytest.mark.parametrize("prefix", ["encoder.", "model.backbone."])
def test_a_head_may_stand_beside_the_encoder(prefix):
    state, x = vit_state(), batch()
    outer = prefix.rpartition(".")[0].rpartition(".")[0]
    head = f"{outer}.head." if outer else "head."
    wrapped = {n.replace("head.", head) if n.startswith("head.") else prefix + n: t for n, t in state.items()}
    expected = vit.load(state, hparams(**HEADS)).predict(x)
    assert torch.equal(vit.load(wrapped, hparams(**HEADS)).predict(x), expected)


def test_a_prefix_that_some_names_lack_is_not_stripped():
    state = vit_state()
    wrapped = {name if name == "pos_embed" else f"model.{name}": tensor for name, tensor in state.items()}
    with pytest.raises(Refused, match=r"has no patch_embed\.proj\.weight.* it has 'model\.cls_token'"):
        vit.load(wrapped, hparams(**HEADS))


def test_a_refusal_says_which_names_keep_a_prefix_from_being_stripped():
    wrapped = {f"backbone.{name}": tensor for name, tensor in resnet_state().items()}
    words = (
        r"'backbone\.' stands before most names, but not before 'projector\.0\.weight', 'temperature'\. Save"
    )
    with pytest.raises(Refused, match=words):
        cnn.load({**wrapped, "projector.0.weight": torch.ones(1), "temperature": torch.ones(1)}, hparams())


def test_names_that_mean_one_tensor_are_refused():
    state = vit_state()
    with pytest.raises(
        Refused, match=r"'cls' and 'cls_token' are cls_token|'cls_token' and 'cls' are cls_token"
    ):
        vit.load({**state, "cls": state["cls_token"]}, hparams(**HEADS))


DECODERS = {
    "the MAE paper's": (
        "decoder_embed.weight",
        "decoder_pos_embed",
        "decoder_blocks.0.norm1.bias",
        "mask_token",
    ),
    "transformers'": ("decoder.decoder_embed.weight", "decoder.mask_token", "vit.embeddings.mask_token"),
    "a pooler": ("pooler.dense.weight", "pooler.dense.bias"),
}


@pytest.mark.parametrize("names", DECODERS.values(), ids=DECODERS.keys())
def test_a_decoder_is_left_out_and_said(names):
    state, x = vit_state(), batch()
    with pytest.warns(
        ResultWarning, match=rf"tensors that no answer needs are left out: .* \({len(names)} in all\)"
    ):
        subject = vit.load({**state, **{name: torch.ones(2, 2) for name in names}}, hparams(**HEADS))
    assert torch.equal(subject.predict(x), vit.load(state, hparams(**HEADS)).predict(x))


def test_a_decoder_beside_the_encoder_does_not_keep_its_prefix_from_being_stripped():
    wrapped = {f"encoder.{name}": tensor for name, tensor in vit_state(classes=0).items()}
    with pytest.warns(ResultWarning, match=r"left out: decoder\.0, mask_token \(2 in all\)"):
        subject = vit.load(
            {**wrapped, "decoder.0.weight": torch.ones(2), "mask_token": torch.ones(2)}, hparams(**HEADS)
        )
    assert subject.embed(batch()).shape == (2, 12)


def test_a_plain_network_is_read_below_a_prefix_too():
    state, x = plain_state(), batch(2, (3, 16, 16))
    wrapped = {f"model.{name}": tensor for name, tensor in state.items()}
    expected = cnn.load(state, hparams(stride=2)).predict(x)
    assert torch.equal(cnn.load(wrapped, hparams(stride=2)).predict(x), expected)
