"""What a convolutional network answers, held against its equations in float64 and published numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch
from families.vision.examples import RESNET_IMAGE, batch, hparams, plain_state, resnet_state
from families.vision.oracle import resnet_maps
from families.vision.samples import ImageSamples
from torch import Tensor

from assay.errors import AssayError
from assay.families import cnn
from assay.families.cnn import CnnSubject
from assay.protocols import ImageBatch

REFERENCE = Path(__file__).parents[2] / "reference" / "saliency"


def resnet(**changes) -> CnnSubject:
    return cnn.load(resnet_state(**changes), hparams())


def images(n: int = 2) -> ImageBatch:
    return batch(n, RESNET_IMAGE)


def close(found: Tensor, expected: Tensor, tolerance: float = 2e-5) -> None:
    torch.testing.assert_close(found.double(), expected, atol=tolerance, rtol=tolerance)


@pytest.fixture
def published() -> tuple[CnnSubject, ImageBatch, Tensor]:
    arrays = np.load(REFERENCE / "cnn.npz")
    state = torch.load(REFERENCE / "cnn.pt", weights_only=True)
    x = ImageBatch(torch.tensor(arrays["x"]), torch.zeros(2, dtype=torch.int64))
    return cnn.load(state, hparams(stride=2)), x, torch.tensor(arrays["logits"])


def test_the_published_network_has_the_published_logits(published):
    subject, x, logits = published
    close(subject.predict(x), logits.double(), 1e-6)
    assert subject.layer_names == tuple(f"f.{i}" for i in range(8))
    assert subject.default_layer == "f.7"


def test_its_last_layer_is_the_map_of_5_by_7(published):
    subject, x, _ = published
    cut = subject.cut(x, layer="f.7")
    assert cut.on_grid(cut.activation).shape == (2, 16, 5, 7)
    assert (cut.activation >= 0).all()


@pytest.mark.parametrize("bottleneck", [False, True])
def test_logits_of_a_resnet_are_those_of_the_equations(bottleneck):
    state, x = resnet_state(bottleneck=bottleneck, depths=(2, 1, 2, 1)), images()
    features = resnet_maps(state, x.x).mean((2, 3))
    subject = cnn.load(state, hparams())
    close(subject.embed(x), features)
    close(subject.predict(x), features @ state["fc.weight"].double().T + state["fc.bias"].double())


@pytest.mark.parametrize(("groups", "inner"), [(1, 24), (4, 8), (4, 24), (8, 8)])
def test_the_width_and_the_groups_of_a_bottleneck_are_read_from_its_tensors(groups, inner):
    """Of a wide ResNet the 3 x 3 convolution is wider, of a ResNeXt it is grouped."""
    state, x = resnet_state(bottleneck=True, groups=groups, inner=inner, depths=(2, 1, 1, 1)), images()
    assert state["layer1.0.conv2.weight"].shape == (inner, inner // groups, 3, 3)
    subject = cnn.load(state, hparams())
    close(subject.embed(x), resnet_maps(state, x.x).mean((2, 3)))


def test_a_resnet_of_more_than_ten_blocks_in_a_stage_has_them_in_order():
    state, x = resnet_state(depths=(1, 12)), images()
    subject = cnn.load(state, hparams())
    assert subject.layer_names[-3:] == ("layer2.9", "layer2.10", "layer2.11")
    close(subject.embed(x), resnet_maps(state, x.x).mean((2, 3)))


@pytest.mark.parametrize(
    ("depths", "bottleneck"),
    [
        ((2, 2, 2, 2), False),
        ((3, 4, 6, 3), False),
        ((3, 4, 6, 3), True),
        ((3, 4, 23, 3), True),
        ((3, 8, 36, 3), True),
    ],
    ids=["18", "34", "50", "101", "152"],
)
def test_the_published_depths_are_read_from_the_names(depths, bottleneck):
    subject = resnet(depths=depths, bottleneck=bottleneck)
    blocks = [f"layer{stage}.{i}" for stage, depth in enumerate(depths, 1) for i in range(depth)]
    assert subject.layer_names == ("conv1", "bn1", "relu", "maxpool", *blocks)
    assert subject.default_layer == f"layer4.{depths[-1] - 1}"


def test_the_layers_are_means_after_the_first_relu_and_every_block():
    subject, x = resnet(), images()
    layers = subject.layers(x)
    assert [layer.shape[1] for layer in layers] == [8, 8, 12, 12, 16, 20]
    assert torch.equal(layers[-1], subject.embed(x))
    cut = subject.cut(x, layer="layer2.0")
    assert torch.equal(layers[2], cut.activation.mean((2, 3)))


def test_an_embedding_of_a_layer_is_the_mean_of_its_maps():
    subject, x = resnet(), images()
    for pooling in ("auto", "mean", "gap"):
        found = subject.pooled(pooling=pooling, layer="layer2.0").embed(x)
        assert torch.equal(found, subject.layers(x)[2])
    assert torch.equal(subject.pooled(pooling="gap", layer="auto").embed(x), subject.embed(x))


@pytest.mark.parametrize(("option", "value"), [("pooling", "cls"), ("layer", "layer5.0")])
def test_a_pooling_or_layer_that_is_not_there_is_refused_with_those_that_are(option, value):
    with pytest.raises(AssayError, match=rf"{option} is '{value}'; this checkpoint has auto, "):
        resnet().pooled(**{"pooling": "auto", "layer": "auto", option: value})


@pytest.mark.parametrize("layer", ["conv1", "bn1", "relu", "maxpool", "layer1.0", "layer2.1", "layer4.0"])
def test_behind_every_layer_the_tail_gives_the_logits_and_the_gradient_of_a_hook(layer):
    subject, x = resnet(), images()
    cut = subject.cut(x, layer=layer)
    activation = cut.activation.requires_grad_()
    logits = cut.tail(activation)
    close(logits, subject.predict(x).double(), 1e-6)
    (found,) = torch.autograd.grad(logits[:, 1].sum(), activation)
    kept: list[Tensor] = []
    module = subject.network.trunk.get_submodule(layer)
    hook = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    logits = subject.network(ImageBatch(x.x.clone().requires_grad_(), x.y))
    hook.remove()
    (expected,) = torch.autograd.grad(logits[:, 1].sum(), kept)
    close(found, expected.double(), 1e-6)


def test_a_batch_of_one_is_the_sample_of_a_batch_of_sixteen():
    subject, x = resnet(), images(16)
    together = subject.predict(x)
    largest = together.abs().max()
    for i in range(16):
        alone = subject.predict(ImageBatch(x.x[i : i + 1], x.y[i : i + 1]))[0]
        close(alone / largest, (together[i] / largest).double(), 1e-6)


@pytest.mark.parametrize("stages", range(7))
def test_so_many_stages_from_the_head_are_random_and_no_other(stages):
    subject = resnet()
    own, new = subject.parameters(), subject.randomised(stages, seed=0).parameters()
    changed = [
        any(not torch.equal(own[name], new[name]) for name in names) for names in subject.network.stages()
    ]
    assert changed == [i < stages for i in range(6)]  # the head, four stages, and the first convolution
    assert subject.n_stages == 6


def test_the_stages_of_a_plain_network_are_its_convolutions_with_their_norms():
    subject = cnn.load(plain_state(), hparams(stride=2))
    stages = [{name.rsplit(".", 1)[0] for name in names} for names in subject.network.stages()]
    assert stages == [{"head"}, {"trunk.f.3"}, {"trunk.f.1", "trunk.f.0"}]


def test_the_loss_is_the_cross_entropy():
    subject, x = resnet(), images(4)
    expected = -subject.predict(x).double().log_softmax(1)[range(4), x.y].mean()
    objective = subject.objective(ImageSamples("val", x.x, x.y.numpy()), seed=0)
    assert objective(list(subject.parameters().values())) == pytest.approx(float(expected), rel=1e-6)


def test_the_stride_of_a_plain_network_decides_its_maps():
    x = batch(2, (3, 24, 16))
    shapes = [
        cnn.load(plain_state(), hparams(stride=stride)).cut(x, layer="f.4").activation.shape[2:]
        for stride in (1, 2)
    ]
    assert shapes == [(24, 16), (6, 4)]


def test_a_first_convolution_of_another_kernel_takes_its_stride_and_pool_from_the_hyper_parameters():
    state = resnet_state()
    state["conv1.weight"] = state["conv1.weight"][..., 2:5, 2:5].contiguous()
    subject = cnn.load(state, hparams(stem_stride=1, stem_pool=False))
    assert subject.cut(images(), layer="relu").activation.shape[2:] == (40, 56)
    assert "maxpool" not in subject.layer_names


def test_pixels_are_scaled_as_in_training():
    x, mean, std = images(), [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    scaled = (x.x - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    found = cnn.load(resnet_state(), hparams(image_mean=mean, image_std=std)).predict(x)
    close(found, resnet().predict(ImageBatch(scaled, x.y)).double(), 1e-5)


def test_it_decides_by_the_largest_logit_and_no_class_is_benign():
    x, subject = images(3), cnn.load(resnet_state(), hparams(class_names="a,b,c,d"))
    found = subject.detect(ImageSamples("val", x.x, x.y.numpy()), batch_size=2, seed=0)
    close(found.logits, subject.predict(x).double())
    assert torch.equal(found.decisions, found.logits.argmax(1))
    assert (found.scores, found.class_names) == (None, ("a", "b", "c", "d"))


@pytest.mark.parametrize("answer", ["predict", "detect", "cut", "objective"])
def test_an_encoder_embeds_and_says_that_it_has_no_logits(answer):
    state = resnet_state(classes=0)
    subject, x = cnn.load(state, hparams()), images()
    calls = {
        "predict": lambda: subject.predict(x),
        "detect": lambda: subject.detect(ImageSamples("val", x.x, x.y.numpy()), batch_size=2, seed=0),
        "cut": lambda: subject.cut(x, layer="layer1.0"),
        "objective": lambda: subject.objective(ImageSamples("val", x.x, x.y.numpy()), seed=0),
    }
    with pytest.raises(AssayError, match=r"an encoder without a head .* but no logits"):
        calls[answer]()
    assert subject.embed(x).shape == (2, 20)
    assert cnn.lacks(state, hparams()).keys() == {"detect", "explain", "loss", "predict"}
    assert cnn.lacks(resnet_state(), hparams()) == {}


@pytest.mark.parametrize("shape", [(1, 40, 56), (3, 500)])
def test_images_that_do_not_fit_are_refused_with_both_sizes(shape):
    text = f"samples of {' x '.join(map(str, shape))} for a network of 3 channels"
    with pytest.raises(AssayError, match=text):
        resnet().embed(batch(2, shape))
