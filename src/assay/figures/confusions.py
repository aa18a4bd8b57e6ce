"""Confusion matrices, one a split: counts, and shares of the row as colour."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure

from assay.artifacts.evaluation import NO_THRESHOLD, SplitMetrics
from assay.figures.heat_table import heat_table
from assay.figures.style import class_name, say, wrapped

MOST_COUNTED = 20  # classes that a panel names and whose counts it holds
LONGEST_NAME = 20  # characters


def confusions_inches(splits: Mapping[str, SplitMetrics], class_names: Sequence[str]) -> float:
    """The height that the matrices of all splits need."""
    n_classes = _n_classes(splits)
    names = _names(n_classes, class_names) if n_classes <= MOST_COUNTED else []
    below = 0.06 * max(map(len, names), default=0) if _upright(names) else 0.0
    return -(-len(splits) // _columns(splits)) * (0.9 + below + max(1.0, 0.3 * min(n_classes, MOST_COUNTED)))


def draw_confusions(
    figure: SubFigure, splits: Mapping[str, SplitMetrics], class_names: Sequence[str]
) -> None:
    """A panel a split; beyond 20 classes colours alone, and classes by number. Empty `class_names`: by number, too."""
    columns = _columns(splits)
    panels = figure.subplots(-(-len(splits) // columns), columns, squeeze=False)
    for panel in panels.flat[len(splits) :]:
        panel.set_visible(False)
    for panel, (split, metrics) in zip(panels.flat, splits.items(), strict=False):
        panel.set_title(wrapped(split, 28))
        if metrics.confusion is None:
            say(panel, NO_THRESHOLD, characters=24)
            continue
        panel.set(xlabel="predicted", ylabel="true")
        counts = np.array(metrics.confusion)
        if len(counts) > MOST_COUNTED:
            _draw_shares(panel, counts)
            continue
        _draw_counts(panel, counts, _names(len(counts), class_names))


def confusions_note(splits: Mapping[str, SplitMetrics]) -> str:
    """What the panels show."""
    if _n_classes(splits) > MOST_COUNTED:
        return "Confusion: classes by number; a white row is a class that does not occur."
    return "Confusion: counts, and shares of the row as colour."


def _n_classes(splits: Mapping[str, SplitMetrics]) -> int:
    return max(len(metrics.class_counts) for metrics in splits.values())


def _columns(splits: Mapping[str, SplitMetrics]) -> int:
    """Wider panels for more classes; one panel alone takes half the width, but for many."""
    n_classes = _n_classes(splits)
    if n_classes > 10:
        return 1
    return 2 if n_classes > 4 else min(3, max(2, len(splits)))


def _names(n_classes: int, class_names: Sequence[str]) -> list[str]:
    """Where none are known: names of two classes, numbers of more, as 2 and up have no name."""
    if class_names:
        half = LONGEST_NAME // 2
        return [
            name if len(name) <= LONGEST_NAME else f"{name[: half - 3]}...{name[-half:]}"
            for name in class_names
        ]
    return [class_name(c) for c in range(2)] if n_classes == 2 else [str(c) for c in range(n_classes)]


def _upright(names: Sequence[str]) -> bool:
    """Whether names would cover each other side by side."""
    return len(names) * max(map(len, names), default=0) > 20


def _draw_shares(panel: Axes, counts: np.ndarray) -> None:
    shares = np.ma.masked_invalid(_row_shares(counts))
    image = panel.imshow(shares, vmin=0, vmax=1, interpolation="none")
    panel.figure.colorbar(image, ax=panel, label="share of the row")


def _draw_counts(panel: Axes, counts: np.ndarray, names: Sequence[str]) -> None:
    heat_table(panel, _row_shares(counts), _cells(counts), font_size=7.0 if len(counts) <= 4 else 5.0)
    panel.set_xticks(range(len(names)), labels=names, rotation=90 if _upright(names) else 0)
    panel.set_yticks(range(len(names)), labels=names)


def _row_shares(counts: np.ndarray) -> Float64[np.ndarray, "classes classes"]:
    """Shares of each true class; NaN where it does not occur."""
    sums = counts.sum(1, keepdims=True)
    return np.where(sums > 0, counts / np.maximum(sums, 1), np.nan)


def _cells(counts: np.ndarray) -> Sequence[Sequence[str]]:
    shares = _row_shares(counts)
    if len(counts) > 4:
        return [[str(count) for count in row] for row in counts]
    return [
        [
            str(count) if np.isnan(share) else f"{count}\n{share:.0%}"
            for count, share in zip(*row, strict=True)
        ]
        for row in zip(counts, shares, strict=True)
    ]
