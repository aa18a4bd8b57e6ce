"""A record drawn: how losses and other metrics went over the training, and the settings that it had."""

import math
from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator

from assay.artifacts.record import ExperimentRecord
from assay.figures.quantities import Line, quantities
from assay.figures.style import GREY, look, say, styled, titled_figure, wrapped

COLUMNS, MOST_PANELS = 3, 6
DECADES = 30.0  # an axis is logarithmic from this ratio of highest to lowest on
MOST_SETTINGS, SETTINGS_A_COLUMN, SETTING_CHARACTERS = 24, 8, 38
NO_HISTORY = "No history of metrics was found around the checkpoint."


@styled
def draw(result: ExperimentRecord) -> Figure:
    """A panel a metric, losses first, with its curves of training and validation; below them the settings."""
    panels = quantities(result.results["history"], result.results["history_at"])
    shown = dict(list(panels.items())[:MOST_PANELS])
    rows = max(1, -(-len(shown) // COLUMNS))
    heights = [2.2 * rows, 0.3 + 0.16 * SETTINGS_A_COLUMN]
    figure = titled_figure(_title(result), _notes(result, len(panels)), height_inches=0.9 + sum(heights))
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    if shown:
        _draw_panels(above, shown, result.results["summary"].get("best"))
    else:
        say(above.subplots(), NO_HISTORY, characters=60)
    _draw_settings(below.subplots(), result)
    return figure


def _title(result: ExperimentRecord) -> str:
    about = result.provenance["checkpoint"]
    epoch = result.results["summary"].get("epoch")
    reached = "" if epoch is None else f", epoch {epoch}"
    n = about["holds"]["n_parameters"]
    return f"Record of {about['name']}: {result.family} on {result.data}, n = {n:,} parameters{reached}"


def _notes(result: ExperimentRecord, n_panels: int) -> list[str]:
    notes = []
    if n_panels > MOST_PANELS:
        notes.append(f"{MOST_PANELS} of {n_panels} metrics are drawn, losses first.")
    not_finite = sum(None in values for values in result.results["history"].values())
    if not_finite:
        notes.append(f"Values that are not finite are gaps, in {not_finite} of the curves.")
    at = result.results["history_at"].items()
    if thinned := [name for name, of in at if of["n"] > len(of["epoch"])]:
        notes.append(f"Thinned, lowest and highest values kept: {len(thinned)} of the curves.")
    if best := result.results["summary"].get("best"):
        notes.append(f"Dotted: the lowest {best['metric']}, {best['value']:.4g}{_when(best)}.")
    return notes


def _when(best: Mapping[str, Any]) -> str:
    known = [f"{name} {best[name]}" for name in ("epoch", "step") if best[name] is not None]
    return f", at {', '.join(known)}" if known else ""


def _draw_panels(figure: SubFigure, panels: Mapping[str, list[Line]], best: Mapping[str, Any] | None) -> None:
    rows = -(-len(panels) // COLUMNS)
    axes = figure.subplots(rows, min(COLUMNS, max(2, len(panels))), squeeze=False)
    for panel in axes.flat[len(panels) :]:
        panel.set_visible(False)
    for panel, (quantity, lines) in zip(axes.flat, panels.items(), strict=False):
        panel.set_title(wrapped(quantity, 28))
        _draw_lines(panel, lines, best)


def _draw_lines(axes: Axes, lines: list[Line], best: Mapping[str, Any] | None) -> None:
    for i, line in enumerate(lines):
        marker = look(i).marker if len(line.y) < 30 else ""
        axes.plot(
            line.x,
            [math.nan if value is None else value for value in line.y],
            color=look(i).colour,
            linestyle=look(i).line,
            marker=marker,
            markersize=2.5,
            label=wrapped(line.name, 24),
        )
        if best is not None and best["metric"] == line.metric and best.get(line.axis) is not None:
            axes.axvline(best[line.axis], color=GREY, linestyle=":", linewidth=0.8)
    finite = [value for line in lines for value in line.y if value is not None]
    if finite and min(finite) > 0 and max(finite) / min(finite) >= DECADES:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=lines[0].axis, ylabel="value")
    axes.legend()


def _draw_settings(axes: Axes, result: ExperimentRecord) -> None:
    axes.set_axis_off()
    axes.set_title("settings", loc="left")
    found = settings(result.configs)
    shown = [f"{key} = {value}" for key, value in found.items()]
    if not shown:
        shown = ["Neither checkpoint nor run folder says any."]
    if len(shown) > MOST_SETTINGS:
        shown = [*shown[: MOST_SETTINGS - 1], f"and {len(shown) - MOST_SETTINGS + 1} more"]
    for i, text in enumerate(shown):
        column, row = divmod(i, SETTINGS_A_COLUMN)
        cut = text if len(text) <= SETTING_CHARACTERS else f"{text[: SETTING_CHARACTERS - 3]}..."
        axes.text(column / 3, 0.97 - row / SETTINGS_A_COLUMN, cut, va="top", fontsize=6.5)


def settings(configs: Mapping[str, Any]) -> dict[str, Any]:
    """The hyper-parameters of the model, then the other plain values of the configs, each by its last key."""
    model = configs["model"]
    parts = [model.get("hyper_parameters"), {**model, "hyper_parameters": None}]
    parts += [configs[name] for name in ("optimizer", "training", "data_loading", "dataset_prep")]
    found: dict[str, Any] = {}
    for part in parts:
        for key, value in _plain(part):
            found.setdefault(key, value)
    return {key: value for key, value in found.items() if key not in ("family", "class_path")}


def _plain(part: Any) -> list[tuple[str, Any]]:
    if not isinstance(part, Mapping):
        return []
    inner = [pair for value in part.values() for pair in _plain(value)]
    return [
        (key, value) for key, value in part.items() if isinstance(value, bool | int | float | str)
    ] + inner
