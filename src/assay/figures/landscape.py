"""A loss landscape drawn: contours, a surface, and the two slices through the checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter
from mpl_toolkits.mplot3d import Axes3D

from assay.artifacts.landscape import Landscape
from assay.figures.style import COLOURS, GREY, HATCH, LIGHT, say, styled, titled_figure

LEVELS = 15
WIDE = 100.0  # a ratio of the largest to the smallest loss from which heights are logarithms
ROUNDING = 1e-9  # a range of losses below this share of them is no range
CENTRE: Mapping[str, Any] = {
    "marker": "*",
    "color": COLOURS[1],
    "markersize": 9,
    "markeredgecolor": "white",
    "markeredgewidth": 0.6,
}


@styled
def draw(result: Landscape) -> Figure:
    """Loss over the plane theta + x d1 + y d2; where it is not finite the plane is hatched."""
    plane = _plane(result)
    reason = _reason_against(plane)
    figure = titled_figure(_title(result), _notes(result), height_inches=3.2 if reason else 6.2)
    grid = figure.add_gridspec(2, 2, height_ratios=[0.1 if reason else 1.5, 1])
    if reason:
        say(figure.add_subplot(grid[0, :]), reason, characters=80)
    else:
        _draw_plane(figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1], projection="3d"), plane)
    for column, along in enumerate(("x", "y")):
        _draw_slice(figure.add_subplot(grid[1, column]), plane, result.loss_at_checkpoint, along=along)
    return figure


@dataclass(frozen=True, slots=True)
class _Plane:
    """The losses on their grid; NaN where they are not finite."""

    x: Float64[np.ndarray, " xs"]
    y: Float64[np.ndarray, " ys"]
    loss: Float64[np.ndarray, "xs ys"]

    @property
    def finite(self) -> Float64[np.ndarray, " finite"]:
        """The losses that are finite."""
        return self.loss[np.isfinite(self.loss)]

    @property
    def wide(self) -> bool:
        """Whether losses are so different that heights are better drawn as logarithms."""
        return len(self.finite) > 0 and bool(0 < self.finite.min() < self.finite.max() / WIDE)


def _contour_levels(finite: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, " levels"]:
    """Levels at equal ratios, from the lowest to the highest loss.

    Where losses reach 0 or below: at equal ratios of what they exceed the lowest by, from 1/100 of the range.
    """
    low, high = float(finite.min()), float(finite.max())
    if low > 0:
        return np.geomspace(low, high, LEVELS)
    return low + np.concatenate([[0], (high - low) * np.geomspace(1e-2, 1, LEVELS - 1)])


def _title(result: Landscape) -> str:
    return (
        f"Loss landscape of {result.family} on {result.data}, split {result.split}: n = {result.n_samples}, "
        f"{result.resolution} x {result.resolution} points"
    )


def _notes(result: Landscape) -> list[str]:
    caveats = {
        f"{result.n_not_finite} of {len(result.loss)} losses are not finite: hatched, crosses.": result.n_not_finite,
        f"Not moved, since zero throughout: {len(result.zero_norm)} parameters.": result.zero_norm,
        f"Directions leave out: {result.ignore}.": result.ignore != "none",
        "Losses as published, which depend on the batches.": result.compat != "none",
    }
    shown = f"Two random filter-normalised directions, seed {result.seed}. Star: the checkpoint."
    return [" ".join([shown, *(text for text, holds in caveats.items() if holds)])]


def _plane(result: Landscape) -> _Plane:
    side = result.resolution
    loss = np.where(np.isfinite(result.loss), result.loss, np.nan).reshape(side, side)
    return _Plane(result.x.reshape(side, side)[:, 0], result.y.reshape(side, side)[0], loss)


def _reason_against(plane: _Plane) -> str:
    if plane.loss.size == 1:
        return "One grid point: there is nothing to contour."
    if not len(plane.finite):
        return "No loss on the grid is finite."
    low, high = plane.finite.min(), plane.finite.max()
    if high - low <= ROUNDING * max(abs(low), abs(high)):
        return f"The loss is the same at every finite point: {low:.9g}."
    return ""


def _draw_plane(flat: Axes, deep: Axes3D, plane: _Plane) -> None:
    """The plane as contours and as a surface, in the same colours."""
    levels = _contour_levels(plane.finite)
    scale = np.log10 if levels[0] > 0 else np.array  # where losses are orders apart, contours stay smooth
    filled = _draw_contours(flat, plane, scale(plane.loss), scale(levels))
    bar = flat.figure.colorbar(filled, ax=[flat, deep], location="bottom", shrink=0.7, aspect=40)
    bar.set_label("loss")
    bar.set_ticks(scale(levels)[::2].tolist(), labels=[_plain(level) for level in levels[::2]], minor=False)
    bar.minorticks_off()
    _draw_surface(deep, plane, levels)


def _draw_contours(
    axes: Axes, plane: _Plane, heights: Float64[np.ndarray, "xs ys"], levels: Float64[np.ndarray, " levels"]
) -> ContourSet:
    ground = Rectangle((0, 0), 1, 1, transform=axes.transAxes, facecolor=LIGHT, edgecolor=GREY, hatch=HATCH)
    axes.add_patch(ground).set_zorder(-1)
    filled = axes.contourf(plane.x, plane.y, heights.T, levels, norm=BoundaryNorm(levels, 256))
    axes.contour(plane.x, plane.y, heights.T, levels[1:-1], colors="black", linewidths=0.3, linestyles="-")
    bad = np.argwhere(np.isnan(heights))
    axes.plot(plane.x[bad[:, 0]], plane.y[bad[:, 1]], "x", color="black", markersize=3, markeredgewidth=0.6)
    axes.plot(0, 0, **CENTRE)
    axes.set(xlabel="x (multiples of direction 1)", ylabel="y (multiples of direction 2)")
    axes.set(xlim=_limits(plane.x), ylim=_limits(plane.y), title="levels at equal ratios", aspect="equal")
    axes.locator_params(nbins=5)
    return filled


def _limits(positions: Float64[np.ndarray, " n"]) -> tuple[float, float]:
    return float(positions.min()), float(positions.max())


def _draw_surface(axes: Axes3D, plane: _Plane, levels: Float64[np.ndarray, " levels"]) -> None:
    scale = np.log10 if plane.wide else np.array
    x, y = np.meshgrid(plane.x, plane.y, indexing="ij")
    colours = {"cmap": rcParams["image.cmap"], "norm": BoundaryNorm(scale(levels), 256)}
    axes.plot_surface(x, y, scale(plane.loss), rcount=60, ccount=60, rasterized=True, **colours)
    what = "log10 loss" if plane.wide else "loss"
    axes.set(xlabel="x", ylabel="y", zlabel=what, title=f"surface of the {what}")
    axes.view_init(elev=35, azim=-60)
    axes.set_box_aspect(None, zoom=0.85)
    axes.locator_params(nbins=4)
    axes.tick_params(pad=0)


def _draw_slice(axes: Axes, plane: _Plane, at_checkpoint: float, *, along: str) -> None:
    across = "y" if along == "x" else "x"
    positions, others = (plane.x, plane.y) if along == "x" else (plane.y, plane.x)
    nearest = int(np.abs(others).round(9).argmin())  # of two as near, the lower
    losses = plane.loss[:, nearest] if along == "x" else plane.loss[nearest]
    axes.plot(positions, losses, marker=".", markersize=3, color=COLOURS[0])
    bad = positions[np.isnan(losses)]
    at_the_top = axes.get_xaxis_transform()
    axes.plot(bad, np.full(len(bad), 0.97), "x", color="black", markersize=3, transform=at_the_top)
    if np.isfinite(at_checkpoint):
        axes.axhline(at_checkpoint, color=GREY, linestyle="--", linewidth=0.8, zorder=0)
        axes.plot(0, at_checkpoint, **CENTRE)
    if plane.wide and at_checkpoint > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    where = f"{across} = {_plain(others[nearest])}" + ("" if others[nearest] == 0 else ", the nearest to 0")
    axes.set(xlabel=f"{along} (multiples of direction {'1' if along == 'x' else '2'})", ylabel="loss")
    axes.set_title(f"along {along} at {where}")


def _plain(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
