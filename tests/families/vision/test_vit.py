"""What a vision transformer answers, held against its equations in float64 and against the laws it obeys."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from families.vision.examples import HEADS, VIT, VIT_IMAGE, batch, hparams, vit_state
from families.vision.oracle import normalised, vit_attention, vit_tokens
from families.vision.samples import ImageSamples
from torch import Tensor

from assay.errors import AssayError, ResultWarning
from assay.families import vit
from assay.families.vit import VitSubject
from assay.protocols import ImageBatch

DEPTH = VIT["depth"]
GRID = (4, 6)


def loaded(state: dict[str, Tensor] | None = None, **values) -> VitSubject:
    return vit.load(vit_state() if state is None else state, hparams(**HEADS | values))


def close(found: Tensor, expected: Tensor, tolerance: float = 2e-5) -> None:
    torch.testing.assert_close(found.double(), expected, atol=tolerance, rtol=tolerance)


NETWORKS = {
    "plain": {},
    "registers": {"registers": 2},
    "scaled": {"layer_scale": True},
    "gated": {"gated": True},
    "no bias of queries": {"qkv_bias": False},
    "square patches": {"patch": (8, 8), "positions": 1 + 4 * 3},
}


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS.keys())
def state(request):
    return vit_state(**request.param)


def test_logits_are_those_of_the_equations(state):
    x = batch()
    tokens = vit_tokens(state, x.x, heads=2, depth=DEPTH)[-1]
    cls = normalised(state, "norm", tokens[:, 0])
    close(loaded(state).predict(x), cls @ state["head.weight"].double().T + state["head.bias"].double())


def test_the_layers_are_the_class_token_after_every_block(state):
    x = batch()
    expected = vit_tokens(state, x.x, heads=2, depth=DEPTH)[1:]
    for found, tokens in zip(loaded(state).layers(x), expected, strict=True):
        close(found, tokens[:, 0])


def test_attention_is_the_softmax_of_queries_and_keys_and_each_row_sums_to_one(state):
    x = batch()
    attention = loaded(state).attend_tokens(x)
    tokens = vit_tokens(state, x.x, heads=2, depth=DEPTH)
    for i in range(DEPTH):
        close(attention.weights[i], vit_attention(state, tokens[i], i, heads=2))
    close(attention.weights.sum(-1), torch.ones(attention.weights.shape[:-1], dtype=torch.float64))
    assert attention.prefix == len(tokens[0][0]) - attention.grid[0] * attention.grid[1]


def test_attention_counts_the_grid_and_the_tokens_before_it():
    attention = loaded(vit_state(registers=2)).attend_tokens(batch())
    assert (attention.grid, attention.prefix) == (GRID, 3)
    assert attention.weights.shape == (DEPTH, 2, 2, 27, 27)


def test_the_embedding_is_what_the_head_reads(state):
    subject, x = loaded(state), batch()
    close(subject.predict(x), (subject.embed(x) @ state["head.weight"].T + state["head.bias"]).double())


def test_poolings_and_layers_are_the_tokens_that_they_name():
    state, x = vit_state(registers=2), batch()
    tokens, subject = vit_tokens(state, x.x, heads=2, depth=DEPTH), loaded(state)
    means = [each[:, 3:].mean(1) for each in tokens]
    for word in ("mean", "gap"):
        close(subject.pooled(pooling=word, layer="blocks.1").embed(x), means[2])
        expected = normalised(state, "norm", tokens[-1])[:, 3:].mean(1)
        close(subject.pooled(pooling=word, layer="auto").embed(x), expected)
    close(subject.pooled(pooling="cls", layer="blocks.0").embed(x), tokens[1][:, 0])
    expected = normalised(state, "blocks.2.norm1", tokens[2])[:, 0]
    close(subject.pooled(pooling="auto", layer="blocks.2.norm1").embed(x), expected)
    assert torch.equal(subject.pooled(pooling="auto", layer="auto").embed(x), subject.embed(x))


@pytest.mark.parametrize(("option", "value"), [("pooling", "max"), ("layer", "blocks.3"), ("layer", "norm")])
def test_a_pooling_or_layer_that_is_not_there_is_refused_with_those_that_are(option, value):
    with pytest.raises(AssayError, match=rf"{option} is '{value}'; this checkpoint has auto, "):
        loaded().pooled(**{"pooling": "auto", "layer": "auto", option: value})


def test_a_network_without_a_class_token_pools_by_the_mean():
    state, x = vit_state(class_token=False, positions=24, pooling="mean"), batch()
    subject = loaded(state)
    assert subject.attend_tokens(x).prefix == 0
    assert torch.equal(subject.embed(x), subject.pooled(pooling="mean", layer="auto").embed(x))
    assert subject.layers(x)[0].shape == (2, 12)
    with pytest.raises(AssayError, match="pooling is 'cls'; this checkpoint has auto, mean, gap"):
        subject.pooled(pooling="cls", layer="auto")


def test_a_norm_behind_the_mean_is_read_from_its_name():
    state, x = vit_state(pooling="mean", norm_after_pooling=True), batch()
    mean = vit_tokens(state, x.x, heads=2, depth=DEPTH)[-1][:, 1:].mean(1)
    features = normalised(state, "fc_norm", mean)
    close(loaded(state).predict(x), features @ state["head.weight"].double().T + state["head.bias"].double())


def test_a_head_of_the_mean_with_the_norm_before_it_is_a_hyper_parameter():
    state, x = vit_state(), batch()
    tokens = normalised(state, "norm", vit_tokens(state, x.x, heads=2, depth=DEPTH)[-1])
    close(loaded(state, global_pool="avg").embed(x), tokens[:, 1:].mean(1))
    close(loaded(state, global_pool="token").embed(x), tokens[:, 0])


def test_positions_of_the_patches_alone_leave_the_tokens_before_them_as_they_are():
    whole, x = vit_state(registers=2, positions=27), batch()
    whole["pos_embed"][:, :3] = 0
    alone = {**whole, "pos_embed": whole["pos_embed"][:, 3:]}
    assert torch.equal(loaded(alone).predict(x), loaded(whole).predict(x))
    whole["pos_embed"][:, 1:3] = 1
    assert not torch.equal(loaded(whole).predict(x), loaded(alone).predict(x))


def test_each_signal_channel_is_a_row_of_patches():
    state = vit_state(channels=1, patch=(1, 10), positions=1 + 12 * 5)
    subject, x = loaded(state), batch(2, (12, 50))
    tokens = vit_tokens(state, x.x[:, None], heads=2, depth=DEPTH)
    close(subject.layers(x)[-1], tokens[-1][:, 0])
    assert subject.attend_tokens(x).grid == (12, 5)
    as_image = ImageBatch(x.x[:, None], x.y)
    assert torch.equal(subject.predict(x), subject.predict(as_image))
    alone = vit.load({**state, "patch_embed.proj.bias": state["patch_embed.proj.bias"]}, hparams(**HEADS))
    cut = alone.cut(x, layer=alone.default_layer)
    assert cut.on_grid(cut.activation).shape == (2, 12, 12, 5)


def test_a_patch_of_the_grid_is_the_patch_of_the_image():
    """Only the patch at row 2, column 5 changes in the input of the blocks when its pixels do."""
    subject, x = loaded(), batch(1)
    other = x.x.clone()
    other[:, :, 2 * 8 : 3 * 8, 5 * 4 : 6 * 4] += 1
    cuts = [subject.cut(ImageBatch(pixels, x.y), layer="blocks.0.norm1") for pixels in (x.x, other)]
    changed = (cuts[0].on_grid(cuts[0].activation) != cuts[1].on_grid(cuts[1].activation)).any(1)[0]
    assert changed.nonzero().tolist() == [[2, 5]]


def test_a_batch_of_one_is_the_sample_of_a_batch_of_sixteen():
    subject, x = loaded(vit_state(registers=2)), batch(16)
    together, cut = subject.embed(x), subject.cut(x, layer=subject.default_layer)
    for i in range(16):
        alone = ImageBatch(x.x[i : i + 1], x.y[i : i + 1])
        close(subject.embed(alone)[0], together[i].double(), 1e-6)
        close(subject.cut(alone, layer=subject.default_layer).activation[0], cut.activation[i].double(), 1e-6)


@pytest.mark.parametrize("layer", vit.layer_names(DEPTH))
def test_behind_every_layer_the_tail_gives_the_logits_and_the_gradient_of_a_hook(layer):
    subject, x = loaded(vit_state(registers=2)), batch()
    cut = subject.cut(x, layer=layer)
    activation = cut.activation.requires_grad_()
    logits = cut.tail(activation)
    close(logits, subject.predict(x).double(), 1e-6)
    (found,) = torch.autograd.grad(logits[:, 1].sum(), activation)
    kept = []
    hook = subject.network.get_submodule(layer).register_forward_hook(
        lambda _module, _inputs, output: kept.append(
            output.requires_grad_() if not output.requires_grad else output
        )
    )
    logits = subject.network(ImageBatch(x.x.clone().requires_grad_(), x.y))
    hook.remove()
    (expected,) = torch.autograd.grad(logits[:, 1].sum(), kept)
    close(found, expected.double(), 1e-6)


def test_cutting_keeps_no_graph_and_leaves_no_hook():
    subject, x = loaded(), batch()
    cut = subject.cut(x, layer="blocks.1")
    assert not cut.activation.requires_grad
    assert not any(module._forward_hooks for module in subject.network.modules())


def test_behind_the_last_block_only_the_class_token_matters_to_a_head_that_reads_it():
    subject, x = loaded(), batch()
    cut = subject.cut(x, layer="blocks.2")
    activation = cut.activation.requires_grad_()
    (gradient,) = torch.autograd.grad(cut.tail(activation).sum(), activation)
    assert not cut.on_grid(gradient).any()


def changed_stages(subject: VitSubject, other: VitSubject) -> list[bool]:
    own, new = subject.parameters(), other.parameters()
    return [
        any(not torch.equal(own[name], new[name]) for name in names) for names in subject.network.stages()
    ]


@pytest.mark.parametrize("stages", range(6))
def test_so_many_stages_from_the_head_are_random_and_no_other(stages):
    subject = loaded()
    assert subject.n_stages == 5
    changed = changed_stages(subject, subject.randomised(stages, seed=0))
    assert changed == [i < stages for i in range(5)]


def test_the_stages_hold_every_parameter_once():
    names = [name for stage in loaded(vit_state(registers=2)).network.stages() for name in stage]
    assert sorted(names) == sorted(loaded(vit_state(registers=2)).parameters())


def test_the_stages_begin_at_the_head():
    stages = loaded().network.stages()
    first = [{name.split(".")[0] + name.partition("blocks")[2][:2] for name in stage} for stage in stages]
    assert first == [
        {"head", "norm"},
        {"blocks.2"},
        {"blocks.1"},
        {"blocks.0"},
        {"cls_token", "pos_embed", "patch_embed"},
    ]


def test_random_weights_follow_the_seed_and_keep_scale_and_what_was_drawn_before():
    subject = loaded()
    first, again, more = (subject.randomised(n, seed=3).parameters() for n in (2, 2, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    for name in (name for stage in subject.network.stages()[:2] for name in stage):
        assert torch.equal(first[name], more[name])
    assert not torch.equal(first["head.weight"], subject.randomised(2, seed=4).parameters()["head.weight"])
    own, new = subject.parameters()["blocks.2.mlp.fc1.weight"], first["blocks.2.mlp.fc1.weight"]
    assert 0.8 < float(new.std() / own.std()) < 1.25


def test_the_subject_stays_as_it_is_when_weights_are_drawn():
    subject, x = loaded(), batch()
    before = subject.predict(x)
    subject.randomised(3, seed=0)
    assert torch.equal(subject.predict(x), before)


def samples(labels: Sequence[int], split: str = "val") -> ImageSamples:
    return ImageSamples(split, batch(len(labels)).x, np.array(labels))


def test_the_loss_is_the_cross_entropy_of_the_labelled_samples():
    subject = loaded()
    chosen = samples([0, 3, 1])
    logits = subject.predict(ImageBatch(chosen.x, torch.zeros(3, dtype=torch.int64))).double()
    expected = -logits.log_softmax(1)[range(3), [0, 3, 1]].mean()
    assert subject.objective(chosen, seed=0)(list(subject.parameters().values())) == pytest.approx(
        float(expected)
    )
    with pytest.warns(ResultWarning, match="split val: 1 of 4 samples have no class"):
        objective = subject.objective(
            ImageSamples("val", torch.cat([chosen.x, batch(1, seed=9).x]), np.array([0, 3, 1, -1])), seed=0
        )
    assert objective(list(subject.parameters().values())) == pytest.approx(float(expected))


def test_a_loss_of_classes_in_another_order_than_the_checkpoints_is_refused():
    subject = vit.load(vit_state(), hparams(**HEADS, class_names="a,b,c,d"))
    chosen = dataclasses.replace(samples([0, 1]), class_names=("b", "a", "c", "d"))
    with pytest.raises(AssayError, match="0 is 'a' there, 'b' here; 1 is 'b' there, 'a' here: name those"):
        subject.objective(chosen, seed=0)
    assert subject.objective(dataclasses.replace(chosen, class_names=("a", "b", "c", "d")), seed=0)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([-1, -1], "split val: no sample has a class"),
        ([0, 4], "split val has label 4; the head .* has 4 classes"),
    ],
)
def test_a_loss_without_labels_or_with_unknown_ones_is_refused(labels, words):
    with pytest.raises(AssayError, match=words):
        loaded().objective(samples(labels), seed=0)


def test_pixels_are_scaled_as_in_training():
    x, mean, std = batch(), [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    scaled = (x.x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    found = loaded(image_mean=mean, image_std=std).predict(x)
    close(found, loaded().predict(ImageBatch(scaled, x.y)).double(), 1e-5)
    assert torch.equal(
        loaded(image_mean=mean, image_std=std, do_normalize=False).predict(x), loaded().predict(x)
    )
    one = loaded(image_mean=0.5, image_std=0.5).predict(x)
    close(one, loaded().predict(ImageBatch(2 * x.x - 1, x.y)).double(), 1e-5)


def test_one_number_a_channel_is_said_in_the_sheet_as_in_a_list():
    x = batch()
    listed = loaded(image_mean=[0.5, 0, 1], image_std=[0.25, 0.5, 1]).predict(x)
    assert torch.equal(loaded(image_mean="0.5,0,1", image_std="0.25,.5,1").predict(x), listed)


def test_a_mean_of_0_is_a_mean():
    x = batch()
    assert torch.equal(
        loaded(image_mean=0, image_std=0.5).predict(x),
        loaded(image_mean=[0] * 3, image_std=[0.5] * 3).predict(x),
    )


def test_pixels_that_were_not_rescaled_are_those_of_0_to_255():
    x = batch()
    close(
        loaded(do_rescale=False, image_mean=[128] * 3, image_std=[64] * 3).predict(x),
        loaded().predict(ImageBatch((255 * x.x - 128) / 64, x.y)).double(),
        1e-5,
    )


def test_classes_have_the_names_of_the_checkpoint_or_their_numbers():
    assert loaded().class_names == ("0", "1", "2", "3")
    assert loaded(class_names="a, b,c,d").class_names == ("a", "b", "c", "d")
    assert loaded(id2label={"0": "x", "1": "y", "2": "z", "3": "w"}).class_names == ("x", "y", "z", "w")


def test_it_decides_by_the_largest_logit_and_no_class_is_benign():
    subject, images = loaded(class_names="a,b,c,d"), samples([0, 1, 2, 3, 0])
    (whole,) = images.batches(5)
    found = subject.detect(images, batch_size=2, seed=0)
    close(found.logits, subject.predict(whole).double())
    assert torch.equal(found.decisions, found.logits.argmax(1))
    assert (found.scores, found.class_names) == (None, ("a", "b", "c", "d"))


@pytest.mark.parametrize("answer", ["predict", "detect", "cut", "objective"])
def test_an_encoder_embeds_and_says_that_it_has_no_logits(answer):
    state = vit_state(classes=0)
    subject, x = loaded(state), batch()
    calls = {
        "predict": lambda: subject.predict(x),
        "detect": lambda: subject.detect(samples([0, 1]), batch_size=2, seed=0),
        "cut": lambda: subject.cut(x, layer="blocks.0"),
        "objective": lambda: subject.objective(samples([0, 1]), seed=0),
    }
    with pytest.raises(AssayError, match=r"an encoder without a head .* but no logits"):
        calls[answer]()
    assert subject.embed(x).shape == (2, 12)
    assert subject.class_names == ()
    assert vit.lacks(state, hparams()).keys() == {"detect", "explain", "loss", "predict"}
    assert vit.lacks(vit_state(), hparams()) == {}


BAD_IMAGES = [
    ((1, 32, 24), "images of 1 x 32 x 24 for a network of 3 channels"),
    ((3, 30, 24), "images of 3 x 30 x 24 for patches of 8 x 4"),
    ((3, 24, 24), "images of 3 x 6 patches for 25 positions"),
    ((3, 24), "images of 3 x 24 for a network of 3 channels"),
]


@pytest.mark.parametrize(("shape", "words"), BAD_IMAGES)
def test_images_that_do_not_fit_are_refused_with_both_sizes(shape, words):
    with pytest.raises(AssayError, match=words):
        loaded().embed(batch(2, shape))


def test_a_grid_turned_on_its_side_is_refused_where_the_size_of_training_is_known():
    with pytest.raises(AssayError, match=r"images of 6 x 4 patches .* on a grid of 4 x 6"):
        loaded(image_size=[32, 24]).embed(batch(2, (3, 48, 16)))
    assert loaded(image_size=[32, 24]).embed(batch(2, VIT_IMAGE)).shape == (2, 12)
    with pytest.raises(AssayError, match=r"on a grid of 4 x 6"):
        loaded(image_size="32,24").embed(batch(2, (3, 48, 16)))


def test_positions_are_stretched_to_other_grids_where_the_checkpoint_says_so():
    subject = loaded(vit_state(patch=(8, 8), positions=1 + 9), dynamic_img_size=True)
    other = loaded(vit_state(patch=(8, 8), positions=1 + 9))
    square = batch(2, (3, 24, 24))
    assert torch.equal(subject.embed(square), other.embed(square))
    assert subject.attend_tokens(batch(2, (3, 16, 40))).grid == (2, 5)
