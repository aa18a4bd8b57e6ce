"""PNG and JPEG files, read by Pillow."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import Shaped
from PIL import Image, ImageOps

from assay.data.image_problems import Unreadable
from assay.data.image_volumes import Pictures, Reading

FORMATS = ("PNG", "JPEG")
GREY = {"1", "L", "LA"}
COLOUR = {"RGB", "RGBA", "P", "PA"}


def pictures(file: Path, reading: Reading) -> Pictures:
    """The picture, turned as its EXIF data say; uint8 of 8-bit files, 0 to 1 of 16-bit grey.

    Raises:
        Unreadable: more pixels than allowed, several frames, pixels that are not opaque, or colours that would
            be changed by reading them.
        Exception: whatever Pillow raises, or warns of, for a file that is damaged.
    """
    with warnings.catch_warnings(), _limited(reading.max_pixels):
        warnings.simplefilter("error")
        with Image.open(file, formats=FORMATS) as image:
            image.verify()  # the sums of all blocks of a PNG, to its end
        with Image.open(file, formats=FORMATS) as image:
            _refuse_frames(image)
            _refuse_deep_colours(image)
            return Pictures(_pixels(ImageOps.exif_transpose(image))[None], ("",))


@contextmanager
def _limited(max_pixels: int) -> Iterator[None]:
    """Pillow's own guard, which looks at the header alone, with our limit."""
    usual = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as bomb:
        raise Unreadable(f"more than max_pixels, {max_pixels:,}, in a file", str(bomb).rstrip(".")) from None
    finally:
        Image.MAX_IMAGE_PIXELS = usual


def _refuse_frames(image: Image.Image) -> None:
    if getattr(image, "n_frames", 1) > 1:
        raise Unreadable("animated, or several pictures in one file")


def _refuse_deep_colours(image: Image.Image) -> None:
    if not image.mode.startswith("I") and any("16" in str(tile.args) for tile in getattr(image, "tile", [])):
        raise Unreadable("16 bits a colour, of which only 8 would be read; save grey, 8 bits, or an npz file")


def _pixels(image: Image.Image) -> Shaped[np.ndarray, "h w c"]:
    if image.mode.startswith("I;16"):
        return (np.asarray(image).astype(np.float32) / np.float32(65535))[..., None]
    if image.mode not in GREY | COLOUR:
        raise Unreadable(f"colours of mode {image.mode}; save grey or RGB")
    mode = "L" if image.mode in GREY else "RGB"
    if image.has_transparency_data:
        image = _opaque(image)
    return np.atleast_3d(np.asarray(image.convert(mode)))


def _opaque(image: Image.Image) -> Image.Image:
    coloured = image.convert("RGBA")
    if np.asarray(coloured)[..., 3].min() < 255:
        raise Unreadable("transparent pixels; put them on a background")
    return coloured.convert("RGB")
