"""Prepared images: there and back, draws, batches, and what is no array of images."""

import numpy as np
import pytest
import torch
from data.image_files import noise

from assay.data.image_splits import Images, open_data
from assay.errors import Refused
from assay.protocols import Data, ImageBatch, ImageSamples


def images(n=5, *, names=("cat", "dög")):
    ids = np.array([f"p{i}" for i in range(n)])
    y = np.arange(n) % 3 - 1
    return Images(noise(n, 3, 6, 5), y, ids, np.array(names, np.str_))


def opened(split):
    return open_data("pets", lambda _: split.arrays(), splits=("val",), attack_names={}, device="cpu")


@pytest.mark.parametrize("names", [(), ("cat", "dög")])
def test_what_is_saved_is_read_back(names):
    one = images(names=names)
    other = Images.from_arrays(one.arrays(), "here")
    for name in ("x", "y", "record_id", "class_names"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_opened_images_answer_the_protocols():
    data = opened(images())
    assert isinstance(data, Data)
    drawn = data.draw("val", max_samples=3, seed=0)
    assert isinstance(drawn, ImageSamples)
    assert drawn.class_names == ("cat", "dög")
    assert drawn.record_id.tolist() == [f"p{i}" for i in drawn.index]
    assert opened(images(names=())).draw("val", max_samples=3, seed=0).class_names == ()


def test_a_batch_has_the_images_from_0_to_1_in_the_order_of_the_draw():
    split = images()
    drawn = opened(split).draw("val", max_samples=3, seed=1)
    batches = list(drawn.batches(2))
    assert all(isinstance(batch, ImageBatch) for batch in batches)
    x = torch.cat([batch.x for batch in batches])
    assert x.dtype == torch.float32
    wanted = (split.x[drawn.index].astype(np.float64) / 255).astype(np.float32)
    np.testing.assert_array_equal(x.numpy(), wanted)
    assert torch.cat([batch.y for batch in batches]).tolist() == drawn.labels.tolist()


def test_a_batch_of_one_is_that_of_many():
    drawn = opened(images()).draw("val", max_samples=None, seed=0)
    one = torch.cat([batch.x for batch in drawn.batches(1)])
    assert torch.equal(one, next(drawn.batches(99)).x)


def test_floats_keep_their_units_and_a_batch_has_its_own_memory():
    signals = np.random.default_rng(0).normal(size=(4, 12, 50)).astype(np.float32)
    split = Images(signals, np.full(4, -1), np.array(list("abcd")), np.array([], np.str_))
    batch = split.batch("cpu")
    np.testing.assert_array_equal(batch.x.numpy(), signals)
    batch.x.zero_()
    assert split.x.all()


WRONG = {
    "lacks record_id, y, so that it holds no images": {"y": None, "record_id": None},
    r"x is int64 \[5, 3, 6, 5\], no array of images": {"x": images().x.astype(np.int64)},
    r"x is uint8 \[5, 3\], no array": {"x": noise(5, 3)},
    r"y is int32 \[5\]": {"y": np.zeros(5, np.int32)},
    r"x is uint8 \[4, 3, 6, 5\]": {"x": noise(4, 3, 6, 5)},
    r"time is float64 \[5\], no array": {"time": np.zeros(5)},
}


@pytest.mark.parametrize(("message", "changes"), WRONG.items())
def test_other_arrays_are_refused(message, changes):
    arrays = {**images().arrays(), **changes}
    with pytest.raises(Refused, match=f"here: {message}"):
        Images.from_arrays({name: array for name, array in arrays.items() if array is not None}, "here")


def test_counts_are_of_labels():
    assert images().counts() == {"n_samples": 5, "labels": {"-1": 2, "0": 2, "1": 1}}
