"""The one style of all figures: sizes, colours and markers that stay apart without colour vision, titles, reasons."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import offset_copy

Result = TypeVar("Result")

WIDTH = 7.2  # inches: two columns of a printed page, so that the sizes below are those on paper

STYLE: Mapping[str, Any] = {  # on top of matplotlib's defaults, and in force while a figure is saved, too
    "savefig.dpi": 200,
    "font.size": 8,
    "figure.titlesize": 9,
    "figure.titleweight": "bold",
    "figure.labelsize": 7,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.2,
    "hatch.linewidth": 0.5,
    "image.cmap": "cividis",
    "text.parse_math": False,  # a name may hold a dollar sign
}

BLACK, GREY, LIGHT = "#000000", "#666666", "#DDDDDD"
HATCH = "////"  # what is undefined or not finite

# Okabe and Ito 2008, without yellow, which is lost on white; benign comes first, attack second.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", BLACK)
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "p")
LINES = ("-", "--", "-.", ":")

_TITLE_CHARACTERS, _NOTE_CHARACTERS = 11.5, 18.0  # that surely fit into an inch, in their sizes
_LAYOUT_DIGITS = 9  # of the width or height of a figure
_LEGEND_POINTS = 26  # from the axes to a legend below their ticks and label


class RoundedLayout(ConstrainedLayoutEngine):
    """The constrained layout, the same in every process.

    Its solver adds up in the order of addresses in memory, so that the last digits change, and with them the ids of
    an SVG.
    """

    def execute(self, fig: Figure) -> None:
        """Lay the figure out, and round where its parts and axes stand."""
        super().execute(fig)
        for part in _parts(fig):
            part.bbox_relative.set_points(np.round(part.bbox_relative.get_points(), _LAYOUT_DIGITS))
        for axes in fig.axes:
            axes.set_position(np.round(axes.get_position(original=True).bounds, _LAYOUT_DIGITS).tolist())
            axes.set_in_layout(True)  # which a position of one's own ends


@dataclass(frozen=True, slots=True)
class Look:
    """What tells one class, type or split from the others; colour is never alone."""

    colour: str
    marker: str
    line: str


def look(i: int) -> Look:
    """The look of number i, 0 or more; colour and marker together repeat after 56."""
    return Look(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], LINES[i % len(LINES)])


def class_name(label: int) -> str:
    """The name of a class."""
    return {0: "benign", 1: "attack"}.get(label, f"class {label}")


def styled(draw: Callable[[Result], Figure]) -> Callable[[Result], Figure]:
    """`draw` under the style, whatever the user's matplotlibrc says."""

    @wraps(draw)
    def drawn(result: Result) -> Figure:
        with matplotlib.style.context(["default", dict(STYLE)]):
            return draw(result)

    return drawn


def titled_figure(
    title: str, notes: Sequence[str], *, height_inches: float, width_inches: float = WIDTH
) -> Figure:
    """An empty figure with its title above and its notes, one a line, below; long ones are wrapped."""
    figure = Figure(figsize=(width_inches, height_inches), layout=RoundedLayout())
    figure.suptitle(wrapped(title, int(width_inches * _TITLE_CHARACTERS)), x=0.01, ha="left")
    if notes:
        lines = [wrapped(note, int(width_inches * _NOTE_CHARACTERS)) for note in notes]
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", color=GREY)
    return figure


def _parts(figure: FigureBase) -> Iterator[SubFigure]:
    for part in figure.subfigs:
        yield part
        yield from _parts(part)


def say(axes: Axes, reason: str, *, characters: int = 30) -> None:
    """The reason why there is nothing to see, in place of it."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, wrapped(reason, characters), transform=axes.transAxes, ha="center", va="center")


def legend_below(axes: Axes, **options: Any) -> None:
    """The legend of the axes, below their ticks and label."""
    below = offset_copy(axes.transAxes, axes.get_figure(root=True), y=-_LEGEND_POINTS, units="points")
    options = {"ncols": 2, "handletextpad": 0.4, "columnspacing": 1.0, **options}
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), bbox_transform=below, **options)


def ink(red: float, green: float, blue: float) -> str:
    """Black or white, whichever is read better on a colour: the one of the larger WCAG contrast."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "white" if luminance < 0.179 else "black"


def wrapped(text: str, characters: int) -> str:
    """The text in lines of at most so many characters; a longer word is cut."""
    return textwrap.fill(text, characters)
