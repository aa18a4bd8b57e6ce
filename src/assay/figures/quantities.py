"""Metrics of a history side by side: which are the same quantity of training and of validation."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_STAGE = re.compile(
    r"(?:^|(?<=[_/.-]))(train|training|val|valid|validation|eval|test)(?=[_/.-]|$)", re.IGNORECASE
)
_RATE = re.compile(r"_(epoch|step)$")  # how often Lightning logged it


@dataclass(frozen=True, slots=True)
class Line:
    """One metric over `axis`: epoch, step, or entry, its place in the history."""

    metric: str
    name: str  # beside others of its quantity
    axis: str
    x: Sequence[int | float]
    y: Sequence[float | None]


def quantities(
    history: Mapping[str, Sequence[float | None]], at: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[Line]]:
    """The lines of each quantity, losses first; those of one quantity share their axis."""
    groups: dict[str, list[str]] = {}
    for metric in history:
        groups.setdefault(_quantity(metric), []).append(metric)
    ordered = sorted(groups, key=lambda quantity: ("loss" not in quantity.lower(), quantity))
    return {quantity: _lines(groups[quantity], history, at) for quantity in ordered}


def _lines(metrics: Sequence[str], history: Mapping[str, Any], at: Mapping[str, Any]) -> list[Line]:
    axis = next(
        (axis for axis in ("epoch", "step") if all(_serves(at[name][axis]) for name in metrics)), "entry"
    )
    return [
        Line(
            metric=name,
            name=_name(name),
            axis=axis,
            x=list(range(len(history[name]))) if axis == "entry" else at[name][axis],
            y=history[name],
        )
        for name in sorted(metrics, key=lambda name: (_name(name) != "train", _name(name)))
    ]


def _serves(places: Sequence[int | float | None]) -> bool:
    """Whether every value has a place of its own."""
    return None not in places and len(set(places)) == len(places)


def _quantity(metric: str) -> str:
    bare = _STAGE.sub("", _RATE.sub("", metric)).strip("_/.- ")
    return re.sub(r"[_/.-]{2,}", "_", bare) or metric


def _name(metric: str) -> str:
    """Its stage, and how often it was logged where the name says so."""
    rate = _RATE.search(metric)
    stages = [
        {"training": "train", "valid": "val", "validation": "val"}.get(s.lower(), s.lower())
        for s in _STAGE.findall(metric)
    ]
    stage = stages[0] if stages else ("train" if _quantity(metric) == "loss" else metric)
    return f"{stage}, each {rate[1]}" if rate else stage
