"""Siblings, the checkpoints of one family and one data set: in which settings their records differ."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.config import Plan
from assay.discover.documents import flat
from assay.files import read_json
from assay.layout import Layout

RECORD = "record"  # the artifact
CONFIGS = "configs.json"


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting by its dotted key, and what each sibling says; None where it says nothing."""

    family: str
    data: str
    setting: str
    values: Mapping[str, Any]  # by checkpoint


def differences(plan: Plan, checkpoints: Sequence[str]) -> Iterator[Difference]:
    """The settings that siblings among the checkpoints do not share; those without a record are left out.

    Raises:
        Refused: a record is damaged.
    """
    groups: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for name in checkpoints:
        row = plan.row(name)
        if (settings := _settings(plan, name)) is not None:
            groups.setdefault((row.family, row.data), {})[name] = settings
    for (family, data), held in groups.items():
        for setting in sorted({key for settings in held.values() for key in settings}):
            values = {name: settings.get(setting) for name, settings in held.items()}
            if len({repr(value) for value in values.values()}) > 1:
                yield Difference(family, data, setting, values)


def without_record(plan: Plan, checkpoints: Sequence[str]) -> list[str]:
    """The checkpoints whose record was not made yet."""
    return [name for name in checkpoints if not _configs(plan, name).exists()]


def _settings(plan: Plan, checkpoint: str) -> dict[str, Any] | None:
    path = _configs(plan, checkpoint)
    return flat(read_json(path)) if path.exists() else None


def _configs(plan: Plan, checkpoint: str) -> Path:
    return Path(Layout(plan.results).target(checkpoint, RECORD)).with_name(CONFIGS)
