"""Hyper-parameters that a family can do without are taken where the run says them."""

import pytest
from discover import trees
from families.vision.examples import hparams, plain_state, resnet_state, vit_state

from assay.discover.config_keys import hparams_of
from assay.discover.families import family_of

SCALE = ["image_mean", "image_std"]
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


@pytest.mark.parametrize("state", [vit_state, resnet_state, plain_state])
def test_the_scale_of_pixels_is_taken_where_a_checkpoint_of_images_does_not_say_it(state):
    header = trees.header(state())
    assert family_of(header, {}).takes[-2:] == ("image_mean", "image_std")
    says = {**header, "hyper_parameters": hparams()["hyper_parameters"]}
    assert not {"image_mean", "image_std"} & set(family_of(says, {}).takes)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"data.image_mean": 0.5, "data.image_std": 0.25}, {"image_mean": "0.5", "image_std": "0.25"}),
        ({"image_mean": 0.5}, {}),
        ({"image_std": 0.5}, {}),
        ({"image_mean": 0, "a.image_std": 1, "b.image_std": 2}, {}),
        ({"image_mean": 0, "activation": "gelu"}, {"activation": "gelu"}),
    ],
)
def test_a_mean_without_a_deviation_or_the_reverse_is_left_out(config, said):
    assert hparams_of(config, ["activation", *SCALE]) == said


def test_a_deviation_completes_the_mean_of_the_checkpoint():
    assert hparams_of({"image_std": 0.5}, ["image_std"]) == {"image_std": "0.5"}


def test_a_row_has_the_scale_that_its_run_was_trained_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trees.project(tmp_path)
    trees.state("resnet", tmp_path / "runs" / "resnet.pth")
    trees.written(tmp_path / "runs" / "config.yaml", {"dataset": "x", "transform": IMAGENET})
    found = trees.discovered("runs", "--config", "config.yaml")["rows"]["runs/resnet.pth"]
    assert found["row"]["hparams"] == "image_mean=0.485,0.456,0.406 image_std=0.229,0.224,0.225"
