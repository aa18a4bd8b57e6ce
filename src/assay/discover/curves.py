"""Metrics over a training: rows as loggers write them -> curves, thinned where they are long."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

MOST_CURVES = 100
MOST_POINTS = 8000  # of all curves together
COUNTS = ("epoch", "step", "global_step")
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

Row = Mapping[str, Any]


class CurvePoint(NamedTuple):
    """A value of a metric, and when it was taken; None where that is not known."""

    value: float | str  # text where it is not finite: NaN, Infinity or -Infinity
    epoch: int | float | None
    step: int | float | None


Curves = dict[str, list[CurvePoint]]  # by metric


def curves(rows: Iterable[Row]) -> Curves:
    """The curves of rows {epoch, step, metric: value}, in which what was not logged is empty."""
    found: Curves = {}
    for row in rows:
        epoch, step = _count(row.get("epoch")), _count(row.get("step", row.get("global_step")))
        for name, given in row.items():
            value = _value(given) if isinstance(name, str) and name not in COUNTS else None
            if value is not None:
                found.setdefault(name, []).append(CurvePoint(value, epoch, step))
    return found


def as_json(found: Curves, left_out: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Columns `value`, `epoch` and `step` of each metric, and how many points it had before it was thinned.

    Losses come first where there are too many metrics; of a long one the first, last, lowest and highest values
    stay, and others evenly.
    """
    names = sorted(found, key=lambda name: ("loss" not in name, name))
    if len(names) > MOST_CURVES:
        left_out["curves"] = f"{len(names) - MOST_CURVES} of {len(names)} metrics; {MOST_CURVES} are kept"
    kept = names[:MOST_CURVES]
    most = max(4, MOST_POINTS // max(1, len(kept)))
    return {name: _columns(_thinned(found[name], most), len(found[name])) for name in kept}


def _columns(points: list[CurvePoint], n: int) -> dict[str, Any]:
    return {
        "value": [point.value for point in points],
        "epoch": [point.epoch for point in points],
        "step": [point.step for point in points],
        "n": n,
    }


def _thinned(points: list[CurvePoint], most: int) -> list[CurvePoint]:
    n = len(points)
    if n <= most:
        return points
    finite = {i: point.value for i, point in enumerate(points) if isinstance(point.value, float)}
    extremes = {min(finite, key=finite.__getitem__), max(finite, key=finite.__getitem__)} if finite else set()
    even = {round(i * (n - 1) / (most - 3)) for i in range(most - 2)}
    return [points[i] for i in sorted(even | extremes)]


def _value(given: Any) -> float | str | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        value = float(given)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else NOT_FINITE[str(value)]


def _count(given: Any) -> int | float | None:
    """A whole one as an int."""
    value = _value(given)
    if not isinstance(value, float):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
