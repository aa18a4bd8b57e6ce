"""What is said of a checkpoint that does not say how its pixels were normalised."""

from typing import Any

import pytest
import torch
from families.vision.examples import (
    AS_THEY_ARE,
    HEADS,
    RESNET_IMAGE,
    VIT_IMAGE,
    batch,
    plain_state,
    resnet_state,
    vit_state,
)
from torch import Tensor

from assay.errors import Refused, ResultWarning
from assay.families import cnn, vit

KINDS: dict[str, tuple[Any, dict[str, Tensor], dict[str, int], tuple[int, ...]]] = {
    "vit": (vit, vit_state(), HEADS, VIT_IMAGE),
    "plain cnn": (cnn, plain_state(), {"stride": 2}, RESNET_IMAGE),
    "resnet": (cnn, resnet_state(), {}, RESNET_IMAGE),
}
SAYS_NEITHER = "neither image_mean nor image_std; its pixels are not normalised"
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def kind(request):
    return request.param


def loaded(kind, **values):
    family, state, needed, _ = kind
    return family.load(state, {"class_path": None, "hyper_parameters": needed | values})


@pytest.mark.parametrize("values", [{}, {"do_normalize": True}, {"do_rescale": False}])
def test_a_checkpoint_that_says_no_scale_is_warned_of_with_the_words_that_say_one(kind, values):
    with pytest.warns(ResultWarning, match=f"{SAYS_NEITHER}.* image_mean=0 image_std=1 ") as said:
        loaded(kind, **values)
    assert len(said) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"image_mean": "0.485,0.456,0.406", "image_std": "0.229,0.224,0.225"},
        {"image_mean": IMAGENET["mean"], "image_std": IMAGENET["std"], "do_normalize": True},
        {"pretrained_cfg": IMAGENET},
        {"do_normalize": False},
        AS_THEY_ARE,
    ],
    ids=["sheet", "preprocessor", "timm", "not normalised", "as they are"],
)
def test_a_scale_that_is_said_or_said_to_be_none_needs_no_warning(kind, values):
    loaded(kind, **values)


def test_a_mean_of_0_and_a_deviation_of_1_change_no_bit(kind):
    x = batch(2, kind[3])
    expected = loaded(kind, do_normalize=False).predict(x)
    assert torch.equal(loaded(kind, **AS_THEY_ARE).predict(x), expected)


def test_signals_have_no_scale_that_could_be_missing():
    signals = vit_state(channels=1, patch=(1, 10), positions=61)
    loaded((vit, signals, HEADS, ()))


@pytest.mark.parametrize("shape", [{"channels": 1}, {"patch": (1, 4)}])
def test_a_grey_plane_or_a_patch_of_one_row_alone_makes_no_signal(shape):
    with pytest.warns(ResultWarning, match=SAYS_NEITHER):
        loaded((vit, vit_state(**shape), HEADS, ()))


def test_a_checkpoint_that_is_refused_is_not_warned_of(kind):
    family, state, needed, shape = kind
    with pytest.raises(Refused):
        loaded((family, {**state, "extra": torch.zeros(2)}, needed, shape))
