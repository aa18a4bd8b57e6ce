"""Images and signals in npz files: what they may hold, and every way in which one is refused."""

import numpy as np
import pytest
from data.image_files import DEFAULTS, noise, prepared, save

from assay.data.images import prepare
from assay.errors import Refused


def npz(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("shape", [(4, 6, 5), (4, 6, 5, 3)])
def test_8_bit_images_are_kept_to_the_bit_channels_first(tmp_path, shape):
    images = noise(*shape)
    found = prepared(npz(tmp_path / "a.npz", images=images)).splits["val"]
    assert found.x.dtype == np.uint8
    wanted = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(found.x, wanted)
    assert (found.record_id.tolist(), found.y.tolist()) == (list("0123"), [-1] * 4)


def test_16_bits_become_0_to_1_and_floats_keep_their_units(tmp_path):
    deep = np.array([[[0, 65535, 13107]]], np.uint16)
    np.testing.assert_array_equal(
        prepared(npz(tmp_path / "a.npz", images=deep)).splits["val"].x, np.float32([[[[0, 1, 0.2]]]])
    )
    floats = np.array([[[-3.5, 16.0]]])
    found = prepared(npz(tmp_path / "b.npz", images=floats)).splits["val"].x
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 0], floats)


def test_signals_are_kept_channels_by_time(tmp_path):
    signals = np.random.default_rng(0).normal(size=(3, 12, 250))
    found = prepared(npz(tmp_path / "a.npz", signals=signals))
    np.testing.assert_array_equal(found.splits["val"].x, signals.astype(np.float32))
    assert (found.facts["channels"], found.facts["space"]) == (12, [250])


def test_images_of_arrays_get_the_frame(tmp_path):
    file = npz(tmp_path / "a.npz", images=noise(4, 8, 8))
    assert prepared(file, height=4, width=6, channels=3).splits["val"].x.shape == (4, 3, 4, 6)


def test_ids_labels_and_class_names_are_read(tmp_path):
    file = npz(
        tmp_path / "a.npz",
        images=noise(3, 6, 5),
        labels=np.array([2, 0, -1]),
        record_id=np.array(["p7", "p5", "p6"]),
        class_names=np.array(["well", "mild", "sick"]),
    )
    found = prepared(file)
    assert found.splits["val"].record_id.tolist() == ["p7", "p5", "p6"]
    assert found.splits["val"].y.tolist() == [2, 0, -1]
    assert found.facts["class_names"] == ["well", "mild", "sick"]


def test_class_names_that_differ_between_files_are_refused(tmp_path):
    files = {
        name: [
            npz(
                tmp_path / f"{name}.npz", images=noise(1, 6, 5), labels=[0], class_names=np.array([name, "z"])
            )
        ]
        for name in ("val", "test")
    }
    with pytest.raises(Refused, match=r"class_names differ between files.*\('test', 'z'\), \('val', 'z'\)"):
        prepare(files, **DEFAULTS)
    with pytest.raises(Refused, match="class_names differ"):
        prepare({"val": files["val"]}, **DEFAULTS | {"class_names": ("a", "b")})


def test_a_class_name_given_twice_is_refused(tmp_path):
    file = npz(tmp_path / "a.npz", images=noise(1, 6, 5))
    with pytest.raises(Refused, match=r"class_names given more than once \(1\): a"):
        prepared(file, class_names=("a", "b", "a"))


WRONG = {
    r"has unknown fields: pictures; allowed: images, signals": {"pictures": noise(3, 6, 5)},
    r"must hold images or signals; got labels": {"labels": np.zeros(3)},
    r"must hold images or signals; got images, signals": {
        "images": noise(3, 6, 5),
        "signals": noise(3, 6, 5),
    },
    r"images is int64 \[3, 6, 5\]; allowed: \[n, h, w\]": {"images": noise(3, 6, 5).astype(np.int64)},
    r"images is uint8 \[6, 5\]; allowed": {"images": noise(6, 5)},
    r"images is uint8 \[0, 6, 5\]; allowed": {"images": noise(0, 6, 5)},
    r"signals is uint8 \[3, 6, 5, 4\]; allowed: \[n, channels, time\]": {"signals": noise(3, 6, 5, 4)},
    r"NaN or infinite values \(1 of 30\)": {
        "images": np.where(np.arange(30) == 7, np.nan, 1).reshape(1, 6, 5)
    },
    r"labels is float64 \[3\]; allowed: whole numbers or text \[3\]": {
        "images": noise(3, 6, 5),
        "labels": np.zeros(3),
    },
    r"record_id is <U1 \[2\]; allowed: whole numbers or text \[3\]": {
        "images": noise(3, 6, 5),
        "record_id": np.array(["a", "b"]),
    },
}


@pytest.mark.parametrize(("message", "arrays"), WRONG.items())
def test_wrong_arrays_are_refused(tmp_path, message, arrays):
    with pytest.raises(Refused, match=message) as caught:
        prepared(npz(tmp_path / "a.npz", **arrays))
    assert str(caught.value).startswith(str(tmp_path / "a.npz"))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_with_their_channels_first_are_refused(tmp_path, channels):
    file = npz(tmp_path / "a.npz", images=noise(2, channels, 20, 24))
    with pytest.raises(
        Refused, match=rf"\[2, {channels}, 20, 24\], channels first; .* \[n, h, w, channels\]"
    ):
        prepared(file)


def test_images_of_many_channels_are_read(tmp_path):
    file = npz(tmp_path / "a.npz", images=noise(2, 20, 24, 13))
    assert prepared(file).splits["val"].x.shape == (2, 13, 20, 24)


def test_a_size_for_signals_is_refused(tmp_path):
    with pytest.raises(Refused, match="signals, which have no height, width or channels to set"):
        prepared(npz(tmp_path / "a.npz", signals=noise(3, 12, 50)), height=8, width=8)


def test_arrays_beside_other_files_are_refused(tmp_path):
    file = npz(tmp_path / "a.npz", images=noise(3, 6, 5))
    with pytest.raises(Refused, match="split val has 2 files; allowed: 1 npz file, or images"):
        prepared(file, save(tmp_path / "a.png", noise(6, 5)))


def test_a_split_of_arrays_stands_beside_one_of_files_of_the_same_shape(tmp_path):
    array = npz(tmp_path / "a.npz", images=noise(3, 6, 5))
    files = {"val": [array], "test": [save(tmp_path / "a.png", noise(6, 5))]}
    assert {name: len(split) for name, split in prepare(files, **DEFAULTS).splits.items()} == {
        "val": 3,
        "test": 1,
    }
    files["test"] = [save(tmp_path / "b.png", noise(6, 6))]
    with pytest.raises(Refused, match=r"of shape \[1, 6, 5\] beside others.*: split val\.\n.*: split test"):
        prepare(files, **DEFAULTS)
