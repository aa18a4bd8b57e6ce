import numpy as np
import pytest
import torch
from demo.rings import loaded

from assay.data import images as source
from assay.demo.digits import N_VAL, write_digits
from assay.demo.train_images import TRAINED, digits_at
from assay.demo.training import checkpoint_bytes
from assay.families import cnn, vit
from assay.protocols import ImageBatch

FAMILIES = pytest.mark.parametrize("family", [vit, cnn], ids=["vit", "cnn"])


def fitted(family, images, *, epochs=1, seed=1):
    name = family.__name__.rpartition(".")[2]
    return TRAINED[name](images, width=16, layers=2, epochs=epochs, seed=seed)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    assert write_digits(folder, 0) == 1797
    return folder


def part(images: ImageBatch, rows: slice) -> ImageBatch:
    return ImageBatch(images.x[rows], images.y[rows])


def test_the_splits_share_no_image_and_miss_none(digits):
    ids = [np.load(digits / f"{split}.npz")["record_id"] for split in ("train", "val")]
    assert [len(of_split) for of_split in ids] == [1797 - N_VAL, N_VAL]
    assert len(np.unique(np.concatenate(ids))) == 1797


def test_the_source_reads_the_pixels_as_they_are_trained_on(digits):
    options = {"height": 0, "width": 0, "channels": 0, "resize": "stretch", "crop_fraction": 1.0}
    more = {"interpolation": "bilinear", "intensities": "window", "slice_axis": 2, "slices": "all"}
    files = {"val": (digits / "val.npz",)}
    prepared = source.prepare(files, **options, **more, class_names=(), max_pixels=10**6, num_workers=0)
    batch, trained_on = prepared.splits["val"].batch("cpu"), digits_at(digits / "val.npz")
    torch.testing.assert_close(batch.x, trained_on.x)
    assert torch.equal(batch.y, trained_on.y)
    assert trained_on.x.min() == 0
    assert trained_on.x.max() == 1


@FAMILIES
def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_state(family, digits):
    images, before = part(digits_at(digits / "train.npz"), slice(64)), torch.get_rng_state()
    same = [checkpoint_bytes(fitted(family, images).checkpoint) for _ in range(2)]
    assert same[0] == same[1] != checkpoint_bytes(fitted(family, images, seed=2).checkpoint)
    assert torch.equal(torch.get_rng_state(), before)


@FAMILIES
def test_the_checkpoint_passes_the_border_and_tells_digits_that_it_has_not_seen(family, digits, tmp_path):
    result = fitted(family, digits_at(digits / "train.npz"), epochs=4)
    subject, val = loaded(family, result.checkpoint, tmp_path), digits_at(digits / "val.npz")
    assert (subject.predict(val).argmax(1) == val.y).float().mean() > 0.4
