"""A table of shares as a heat map with its numbers in the cells."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from assay.figures.style import GREY, HATCH, LIGHT, ink


def heat_table(
    axes: Axes,
    values: Float64[np.ndarray, "rows columns"],
    texts: Sequence[Sequence[str]],
    *,
    font_size: float,
) -> AxesImage:
    """Cells coloured on a scale from 0 to 1 that is the same in every figure, row 0 on top; NaN is hatched."""
    image = axes.imshow(np.ma.masked_invalid(values), vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(values.shape):
        defined = np.isfinite(values[row, column])
        if not defined:
            hatch_cell(axes, row, column)
        axes.text(
            column,
            row,
            texts[row][column],
            ha="center",
            va="center",
            fontsize=font_size,
            color=ink(*image.to_rgba(values[row, column])[:3]) if defined else "black",
        )
    axes.set_xticks(range(values.shape[1]))
    axes.set_yticks(range(values.shape[0]))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


def hatch_cell(axes: Axes, row: int, column: int) -> None:
    """Mark a cell as undefined."""
    axes.add_patch(
        Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=LIGHT, edgecolor=GREY, hatch=HATCH, linewidth=0)
    )
