"""Pictures in the channels and the size that a model takes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Shaped
from PIL import Image

from assay.data.image_problems import Unreadable

INTERPOLATIONS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow weighs 8-bit colours


@dataclass(frozen=True, slots=True)
class Frame:
    """The size and channels that all pictures get; 0 leaves them as they are."""

    height: int = 0
    width: int = 0
    channels: int = 0
    resize: str = "stretch"
    interpolation: str = "bilinear"
    crop_fraction: float = 1.0


def framed(pixels: Shaped[np.ndarray, "n h w c"], frame: Frame) -> Shaped[np.ndarray, "n c2 h2 w2"]:
    """The pictures in the frame, uint8 as uint8 and float32 as float32, channels first.

    Raises:
        Unreadable: there is no way from these channels to those of the frame.
    """
    planes = np.moveaxis(_with_channels(pixels, frame.channels), -1, 1)  # (n, c, h, w)
    if frame.height == 0:
        return np.ascontiguousarray(planes)
    return np.stack([np.stack([_in_size(plane, frame) for plane in picture]) for picture in planes])


def unit_range(x: Shaped[np.ndarray, "*any"]) -> Float32[np.ndarray, "*any"]:
    """8-bit values as 0 to 1; float32 values as they are."""
    return x / np.float32(255) if x.dtype == np.uint8 else x


def _with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    has = pixels.shape[-1]
    if channels in (0, has):
        return pixels
    if (has, channels) == (1, 3):
        return pixels.repeat(channels, axis=-1)
    if (has, channels) == (3, 1):
        return np.stack([_grey(picture) for picture in pixels])[..., None]
    raise Unreadable(f"{has} channels, of which no {channels} can be made")


def _grey(picture: np.ndarray) -> np.ndarray:
    if picture.dtype == np.uint8:
        return np.asarray(Image.fromarray(picture).convert("L"))
    return picture @ np.array(LUMA, np.float32)


def _in_size(plane: np.ndarray, frame: Frame) -> np.ndarray:
    if frame.resize == "stretch":
        return _resized(plane, (frame.height, frame.width), frame)
    if frame.resize == "crop":
        return _cropped(plane, frame)
    return _padded(plane, frame)


def _cropped(plane: np.ndarray, frame: Frame) -> np.ndarray:
    """The centre of the picture after its size was made to cover frame / crop_fraction."""
    height, width = (round(side / frame.crop_fraction) for side in (frame.height, frame.width))
    h, w = plane.shape
    size = (height, height * w // h) if height * w >= width * h else (width * h // w, width)
    top, left = round((size[0] - frame.height) / 2), round((size[1] - frame.width) / 2)
    return _resized(plane, size, frame)[top : top + frame.height, left : left + frame.width]


def _padded(plane: np.ndarray, frame: Frame) -> np.ndarray:
    """The whole picture in the centre, zeros around it."""
    height, width = frame.height, frame.width
    h, w = plane.shape
    size = (height, max(1, height * w // h)) if height * w <= width * h else (max(1, width * h // w), width)
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    canvas = np.zeros((height, width), plane.dtype)
    canvas[top : top + size[0], left : left + size[1]] = _resized(plane, size, frame)
    return canvas


def _resized(plane: np.ndarray, size: tuple[int, int], frame: Frame) -> np.ndarray:
    """Where it shrinks, Pillow widens the kernel, so that nothing is aliased."""
    picture = Image.fromarray(np.ascontiguousarray(plane))
    resized = np.asarray(picture.resize(size[::-1], INTERPOLATIONS[frame.interpolation]))
    if plane.dtype == np.uint8:
        return resized
    return resized.clip(plane.min(), plane.max())  # bicubic overshoots; 8-bit values Pillow clips itself
