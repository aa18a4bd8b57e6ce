"""Pictures in a frame: sizes against torch's antialiased resize, channels, and what stays as it is."""

import numpy as np
import pytest
import torch
from data.image_files import noise, pixels, save, smooth
from torch.nn.functional import interpolate

from assay.data.image_frame import Frame, framed, unit_range
from assay.data.image_problems import Unreadable
from assay.errors import AssayError, Refused


def resized(image, size, mode="bilinear"):
    """The oracle, in float64."""
    planes = torch.tensor(image, dtype=torch.float64).permute(2, 0, 1)[None]
    return interpolate(planes, size, mode=mode, antialias=True)[0].numpy()


def in_frame(image, **frame):
    return framed(image[None], Frame(**frame))[0]


@pytest.mark.parametrize("size", [(8, 12), (33, 20), (60, 90)])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_stretched_pictures_are_antialiased(size, mode):
    image = noise(40, 30, 3) // 2 + 64  # 8 bits are cut off after each axis, where bicubic overshoots
    found = in_frame(image, height=size[0], width=size[1], interpolation=mode)
    wanted = resized(image, size, mode)
    assert found.dtype == np.uint8
    assert np.abs(found - wanted).max() <= 1.01  # Pillow rounds after each axis
    as_floats = in_frame(unit_range(image), height=size[0], width=size[1], interpolation=mode)
    low, high = unit_range(image).min(axis=(0, 1)), unit_range(image).max(axis=(0, 1))
    wanted = resized(unit_range(image), size, mode).clip(low[:, None, None], high[:, None, None])
    np.testing.assert_allclose(as_floats, wanted, atol=2e-6)


def test_a_cropped_picture_is_the_centre_of_one_that_covers_the_frame():
    image = noise(40, 100, 1)
    found = in_frame(unit_range(image), height=20, width=20, resize="crop")
    np.testing.assert_allclose(found, resized(unit_range(image), (20, 50))[:, :, 15:35], atol=2e-6)
    tall = in_frame(unit_range(image.transpose(1, 0, 2)), height=20, width=20, resize="crop")
    np.testing.assert_allclose(tall[0], found[0].T, atol=2e-6)


def test_a_crop_fraction_leaves_the_rim_out():
    image = unit_range(noise(48, 64, 3))
    found = in_frame(image, height=28, width=28, resize="crop", crop_fraction=0.875)
    wanted = resized(image, (32, 42))[:, 2:30, 7:35]  # 32 * 64 // 48 = 42
    np.testing.assert_allclose(found, wanted, atol=2e-6)


def test_a_padded_picture_is_whole_with_zeros_around_it():
    image = unit_range(noise(40, 80, 3)) / 2 + 0.5
    found = in_frame(image, height=32, width=32, resize="pad")
    np.testing.assert_allclose(found[:, 8:24], resized(image, (16, 32)), atol=2e-6)
    assert not found[:, :8].any()
    assert not found[:, 24:].any()
    turned = in_frame(image.transpose(1, 0, 2), height=32, width=32, resize="pad")
    np.testing.assert_allclose(turned.transpose(0, 2, 1), found, atol=2e-6)


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_a_picture_of_the_right_size_is_not_touched(resize, mode):
    image = noise(20, 30, 3)
    found = in_frame(image, height=20, width=30, resize=resize, interpolation=mode)
    np.testing.assert_array_equal(found, image.transpose(2, 0, 1))


def test_bicubic_gives_no_float_that_the_picture_does_not_span():
    step = np.repeat([0.25, 0.75], 10).astype(np.float32)[:, None, None].repeat(20, axis=1)
    found = in_frame(step, height=60, width=60, interpolation="bicubic")
    assert (found.min(), found.max()) == (0.25, 0.75)


def test_grey_becomes_three_equal_channels_and_those_the_same_grey_again():
    image = noise(6, 5, 1)
    colour = in_frame(image, channels=3)
    assert (colour == image[..., 0]).all()
    np.testing.assert_array_equal(in_frame(colour.transpose(1, 2, 0), channels=1), colour[:1])


def test_colours_become_grey_as_bt_601_weighs_them_8_bits_as_floats():
    image = noise(20, 20, 3)
    wanted = image.astype(np.float64) @ [0.299, 0.587, 0.114]
    assert np.abs(in_frame(image, channels=1)[0] - wanted).max() <= 0.51
    np.testing.assert_allclose(in_frame(unit_range(image), channels=1)[0], wanted / 255, atol=1e-6)


@pytest.mark.parametrize(("has", "wanted"), [(5, 3), (1, 2), (2, 1)])
def test_other_channels_are_refused(has, wanted):
    with pytest.raises(Unreadable, match=f"{has} channels, of which no {wanted} can be made"):
        in_frame(noise(6, 5, has), channels=wanted)


def test_unit_range_divides_8_bits_exactly_and_leaves_floats():
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(unit_range(every), (every.astype(np.float64) / 255).astype(np.float32))
    floats = np.float32([-3, 500])
    assert unit_range(floats) is floats


def test_pictures_of_several_sizes_are_refused_until_a_size_is_set(tmp_path):
    files = [save(tmp_path / f"{i}.png", noise(6, 5 + i // 3)) for i in range(4)]
    said = r"of shape \[1, 6, 5\] beside others; set channels, or height and width \(3\): .*\n.*\[1, 6, 6\].*\(1\): .*3"
    with pytest.raises(Refused, match=said):
        pixels(*files)
    assert pixels(*files, height=4, width=7).shape == (4, 1, 4, 7)


def test_pictures_of_several_channels_are_refused_until_their_number_is_set(tmp_path):
    files = [save(tmp_path / "a.png", noise(6, 5)), save(tmp_path / "b.png", noise(6, 5, 3))]
    with pytest.raises(Refused, match=r"\[1, 6, 5\] beside others; set channels.*\n.*\[3, 6, 5\]"):
        pixels(*files)
    assert pixels(*files, channels=1).shape == (2, 1, 6, 5)


@pytest.mark.parametrize("options", [{"height": 224}, {"width": 224}])
def test_one_side_alone_is_an_error(tmp_path, options):
    with pytest.raises(AssayError, match="set both, or leave both at 0"):
        pixels(save(tmp_path / "a.png", smooth(6, 5)), **options)
