import numpy as np
import pytest
import torch
from data.image_files import DEFAULTS
from demo.rings import loaded
from safetensors.numpy import save_file

from assay.data import images as source
from assay.demo.digits import N_VAL, write_digits
from assay.demo.mri import THIRDS, write_mri
from assay.demo.train_images import TRAINED, images_at
from assay.demo.training import checkpoint_bytes
from assay.families import cnn, vit

FAMILIES = pytest.mark.parametrize("family", [vit, cnn], ids=["vit", "cnn"])


def fitted(family, images, *, epochs=1, seed=1):
    name = family.__name__.rpartition(".")[2]
    return TRAINED[name](images, width=16, layers=2, stride=2, epochs=epochs, seed=seed)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    assert write_digits(folder, 0) == 1797
    return folder


def test_the_splits_share_no_image_and_miss_none(digits):
    ids = [np.load(digits / f"{split}.npz")["record_id"] for split in ("train", "val")]
    assert [len(of_split) for of_split in ids] == [1797 - N_VAL, N_VAL]
    assert len(np.unique(np.concatenate(ids))) == 1797


def test_the_source_reads_the_pixels_as_they_are_trained_on(digits):
    prepared = source.prepare({"val": (digits / "val.npz",)}, **DEFAULTS)
    batch, trained_on = prepared.splits["val"].batch("cpu"), images_at(digits / "val.npz").batch("cpu")
    torch.testing.assert_close(batch.x, trained_on.x)
    assert torch.equal(batch.y, trained_on.y)
    assert trained_on.x.min() == 0
    assert trained_on.x.max() == 1


@FAMILIES
def test_the_same_seed_gives_the_same_bytes_and_leaves_the_global_state(family, digits):
    images, before = images_at(digits / "train.npz").select(np.arange(64)), torch.get_rng_state()
    same = [checkpoint_bytes(fitted(family, images).checkpoint) for _ in range(2)]
    assert same[0] == same[1] != checkpoint_bytes(fitted(family, images, seed=2).checkpoint)
    assert torch.equal(torch.get_rng_state(), before)


@FAMILIES
def test_the_checkpoint_passes_the_border_and_tells_digits_that_it_has_not_seen(family, digits, tmp_path):
    result = fitted(family, images_at(digits / "train.npz"), epochs=4)
    subject, val = loaded(family, result.checkpoint, tmp_path), images_at(digits / "val.npz").batch("cpu")
    assert (subject.predict(val).argmax(1) == val.y).float().mean() > 0.4


@pytest.fixture(scope="module")
def slices(tmp_path_factory):
    """The MRI slices as the demo's data set prepares them."""
    folder = tmp_path_factory.mktemp("mri")
    assert write_mri(folder) == 48
    files = sorted(folder.iterdir())
    return source.prepare({"val": files, "train": files}, **DEFAULTS | {"height": 48, "width": 64})


def test_the_slices_of_a_head_are_labelled_by_the_third_of_the_stack_and_split_by_time(slices):
    assert slices.facts["class_names"] == list(THIRDS)
    for split, time in (("train", "t0"), ("val", "t1")):
        part = slices.splits[split]
        assert part.y.tolist() == [0] * 8 + [1] * 8 + [2] * 8
        assert part.record_id.tolist() == [f"slice {number} at {time}" for number in range(24)]


def test_the_slices_stand_upright(slices):
    """A head is longer from front to back than it is wide, and its two halves are alike."""
    head = slices.splits["val"].x[12, 0] > 0.15
    rows, columns = np.flatnonzero(head.any(1)), np.flatnonzero(head.any(0))
    assert np.ptp(rows) > np.ptp(columns)
    inside = head[:, columns[0] : columns[-1] + 1]
    assert (inside == inside[:, ::-1]).mean() > 0.9


def test_the_same_slices_are_written_again(slices, tmp_path):
    for folder in ("one", "two"):
        write_mri(tmp_path / folder)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_a_network_of_slices_knows_its_classes_by_name_and_tells_them_two_seconds_later(slices, tmp_path):
    save_file(slices.splits["train"].arrays(), tmp_path / "train.safetensors")
    images = images_at(tmp_path / "train.safetensors")
    result = TRAINED["vit"](images, width=32, layers=2, stride=8, epochs=40, seed=0)
    subject, val = loaded(vit, result.checkpoint, tmp_path), slices.splits["val"].batch("cpu")
    assert subject.class_names == THIRDS
    assert (subject.predict(val).argmax(1) == val.y).float().mean() > 0.8
