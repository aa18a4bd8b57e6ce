"""PNG and JPEG files: what is read, and every way in which one is refused."""

import struct
import zlib

import numpy as np
import pytest
from data.image_files import noise, pixels, save, smooth
from PIL import Image

from assay.errors import Refused

EXIF_ORIENTATION = 0x0112
TURNS = {  # orientation -> the picture as it is to be seen, of the one that is stored
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).T,
    8: np.rot90,
}


def png_block(name: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", crc)


def png(height, width, *, bits, colour_type, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, 0)
    blocks = png_block(b"IHDR", header) + png_block(b"IDAT", zlib.compress(rows)) + png_block(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + blocks


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3)])
def test_a_png_is_read_to_the_bit_grey_as_grey_and_colour_as_colour(tmp_path, shape):
    image = noise(*shape)
    x = pixels(save(tmp_path / "a.png", image))
    assert x.dtype == np.uint8
    np.testing.assert_array_equal(x[0], image[None] if image.ndim == 2 else image.transpose(2, 0, 1))


def test_a_jpeg_is_read_as_it_was_compressed(tmp_path):
    image = smooth(40, 56, 3)
    x = pixels(save(tmp_path / "a.jpg", image, quality=95, subsampling=0))
    assert x.shape == (1, 3, 40, 56)
    assert np.abs(x[0].transpose(1, 2, 0).astype(int) - image).mean() < 2


def test_16_bits_of_grey_are_all_kept_as_0_to_1(tmp_path):
    image = np.random.default_rng(0).integers(0, 65536, (6, 5)).astype(np.uint16)
    image[0, :2] = 0, 65535
    x = pixels(save(tmp_path / "a.png", image))
    assert x.dtype == np.float32
    assert (x.min(), x.max()) == (0, 1)
    np.testing.assert_array_equal(np.rint(x[0, 0].astype(float) * 65535), image)


def test_16_bits_a_colour_are_refused_and_not_cut_to_8(tmp_path):
    rows = b"".join(b"\0" + bytes(5 * 6) for _ in range(4))
    (tmp_path / "a.png").write_bytes(png(4, 5, bits=16, colour_type=2, rows=rows))
    with pytest.raises(Refused, match=r"16 bits a colour, .* \(1\): .*a.png"):
        pixels(tmp_path / "a.png")


def test_a_palette_is_read_as_its_colours(tmp_path):
    image = Image.fromarray(smooth(20, 20, 3)).quantize(16)
    image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as kept:
        assert kept.mode == "P"
    np.testing.assert_array_equal(
        pixels(tmp_path / "a.png")[0].transpose(1, 2, 0), np.asarray(image.convert("RGB"))
    )


def test_one_bit_is_black_and_white(tmp_path):
    image = noise(6, 5) > 127
    Image.fromarray(image).save(tmp_path / "a.png")
    np.testing.assert_array_equal(pixels(tmp_path / "a.png")[0, 0], np.where(image, 255, 0))


@pytest.mark.parametrize("channels", [2, 4])
def test_opaque_pixels_are_read_without_their_alpha_and_others_are_refused(tmp_path, channels):
    image = noise(6, 5, channels)
    image[..., -1] = 255
    x = pixels(save(tmp_path / "a.png", image))
    np.testing.assert_array_equal(x[0].transpose(1, 2, 0), image[..., :-1])
    image[3, 3, -1] = 254
    with pytest.raises(Refused, match=r"transparent pixels; put them on a background \(1\): .*b.png"):
        pixels(save(tmp_path / "b.png", image))


def test_a_palette_is_read_where_its_colours_are_opaque_and_refused_where_one_is_not(tmp_path):
    image = Image.fromarray(smooth(20, 20, 3)).quantize(16)
    image.save(tmp_path / "b.png", transparency=bytes([255] * 16))
    np.testing.assert_array_equal(
        pixels(tmp_path / "b.png")[0].transpose(1, 2, 0), np.asarray(image.convert("RGB"))
    )
    image.save(tmp_path / "a.png", transparency=3)
    with pytest.raises(Refused, match="transparent pixels"):
        pixels(tmp_path / "a.png")


def test_cmyk_is_refused_by_name(tmp_path):
    Image.fromarray(noise(6, 5, 3)).convert("CMYK").save(tmp_path / "a.jpg")
    with pytest.raises(Refused, match=r"colours of mode CMYK; save grey or RGB \(1\): .*a.jpg"):
        pixels(tmp_path / "a.jpg")


@pytest.mark.parametrize("orientation", TURNS)
def test_a_picture_is_turned_as_exif_says(tmp_path, orientation):
    exif, image = Image.Exif(), noise(6, 5)
    exif[EXIF_ORIENTATION] = orientation
    x = pixels(save(tmp_path / "a.png", image, exif=exif))
    np.testing.assert_array_equal(x[0, 0], TURNS[orientation](image))


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(tmp_path, name, share):
    path = save(tmp_path / name, noise(60, 50, 3))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(Refused, match=rf"files that cannot be read \(1\): .*{name}: "):
        pixels(path)


def test_every_flipped_byte_of_a_png_is_refused(tmp_path):
    path = save(tmp_path / "a.png", smooth(20, 20, 3))
    content = path.read_bytes()
    for position in range(0, len(content), 11):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(Refused, match="files that cannot be read"):
            pixels(path)


def test_an_animated_picture_is_refused(tmp_path):
    frames = [Image.fromarray(noise(6, 5, seed=seed)) for seed in range(2)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(Refused, match=r"animated, or several pictures in one file \(1\): .*a.png"):
        pixels(tmp_path / "a.png")


def test_a_bomb_is_refused_by_its_header_and_the_limit_is_exact(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png(30_000, 30_000, bits=8, colour_type=0, rows=bytes(10)))
    with pytest.raises(Refused, match=r"more than max_pixels, 100,000,000, in a file \(1\): .*bomb.png"):
        pixels(tmp_path / "bomb.png")
    path = save(tmp_path / "a.png", noise(6, 5))
    assert pixels(path, max_pixels=30).shape == (1, 1, 6, 5)
    with pytest.raises(Refused, match="more than max_pixels, 29, in a file"):
        pixels(path, max_pixels=29)


def test_pillows_own_limit_stays_as_it_was(tmp_path):
    usual = Image.MAX_IMAGE_PIXELS
    with pytest.raises(Refused, match="max_pixels"):
        pixels(save(tmp_path / "a.png", noise(6, 5)), max_pixels=1)
    assert usual == Image.MAX_IMAGE_PIXELS


def test_another_format_under_the_suffix_of_a_png_is_refused(tmp_path):
    save(tmp_path / "a.gif", noise(6, 5))
    (tmp_path / "a.gif").rename(tmp_path / "a.png")
    with pytest.raises(Refused, match=r"files that cannot be read .*a.png"):
        pixels(tmp_path / "a.png")


def test_everything_that_is_wrong_is_said_at_once_with_counts_and_the_first_names(tmp_path):
    cut = [save(tmp_path / f"cut{i}.png", noise(6, 5)) for i in range(7)]
    for path in cut:
        path.write_bytes(path.read_bytes()[:60])
    see_through = save(tmp_path / "through.png", noise(6, 5, 4))
    with pytest.raises(Refused) as caught:
        pixels(*cut, save(tmp_path / "good.png", noise(6, 5)), see_through)
    first, second = str(caught.value).splitlines()
    assert first.startswith("files that cannot be read (7): ")
    assert [f"cut{i}.png" in first for i in range(7)] == [True] * 5 + [False] * 2
    assert first.endswith(" and 2 more.")
    assert second == f"transparent pixels; put them on a background (1): {see_through}."
