"""A record and a map over it: images as images, signals as lines."""

from typing import Literal

import numpy as np
from jaxtyping import Float, Float32
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from assay.figures.style import COLOURS, GREY, say

OPACITY = 0.7  # of the strongest evidence over an image
MOST_AXES = 2  # of space, that can be drawn
VOLUMES = "Volumes are not drawn."
LONG = 4.0  # sides apart by more than this are drawn as a square


def show_record(axes: Axes, image: Float32[np.ndarray, "channels *space"], *, pale: bool = False) -> None:
    """The record without ticks; values outside 0 .. 1 are stretched to it. A pale one, grey, is to be drawn over."""
    _bare(axes)
    if image.ndim == 2:
        _show_signal(axes, image, pale=pale)
    elif image.ndim == 3:
        shown = _drawable(image)
        shown = 0.4 + 0.6 * shown.reshape(*shown.shape[:2], -1).mean(2) if pale else shown
        axes.imshow(shown, cmap="gray", vmin=0, vmax=1, aspect=_aspect(image))
    else:
        say(axes, VOLUMES, characters=14)


def show_map(
    axes: Axes, heat: Float[np.ndarray, "*space"], *, top: float = 1.0, over: bool = False
) -> AxesImage:
    """The map from 0 to `top`; `over` a record it is stretched to it, the more transparent the weaker."""
    rows = heat if heat.ndim == 2 else heat.reshape(1, -1)
    opacity = OPACITY * (rows / top).clip(0, 1) if over else None
    where = (*axes.get_xlim(), *axes.get_ylim()) if over else None
    aspect = _kept_aspect(axes) if over else _aspect(rows[None])
    _bare(axes)
    return axes.imshow(rows, vmin=0, vmax=top, alpha=opacity, extent=where, aspect=aspect, zorder=1.5)


def _drawable(image: Float32[np.ndarray, "channels rows columns"]) -> Float[np.ndarray, "rows columns *rgb"]:
    low, high = float(np.nanmin(image)), float(np.nanmax(image))
    shown = image if low >= 0 and high <= 1 else (image - low) / max(high - low, 1e-12)
    return shown.transpose(1, 2, 0) if len(image) == 3 else shown.mean(0)


def _show_signal(axes: Axes, signal: Float32[np.ndarray, "channels time"], *, pale: bool) -> None:
    """One line a channel in a row of its own, the first on top, all at one scale."""
    step = float(np.ptp(signal, axis=1).max()) or 1.0
    for i, channel in enumerate(signal):
        middle = (channel.max() + channel.min()) / 2
        axes.plot((channel - middle) / step - i, color=GREY if pale else COLOURS[0], linewidth=0.6)
    axes.set(xlim=(-0.5, signal.shape[1] - 0.5), ylim=(0.5 - len(signal), 0.5))


def _aspect(image: Float[np.ndarray, "channels rows columns"]) -> Literal["auto", "equal"]:
    rows, columns = image.shape[1:]
    return "auto" if max(rows, columns) > LONG * min(rows, columns) else "equal"


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _kept_aspect(axes: Axes) -> Literal["auto", "equal"]:
    return "auto" if axes.get_aspect() == "auto" else "equal"
