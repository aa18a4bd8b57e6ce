"""The tables of config/README.md as the code says they must be; `python tests/docs/tables.py` prints them."""

from collections.abc import Iterable, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from assay.catalog import ARTIFACTS, SOURCES, Option
from assay.config import Config, IntakeSection, ResourceSection
from assay.datasets import DataSection

HEAD = ("key", "type", "default", "meaning")


def tables() -> dict[str, str]:
    """Every table by what it is of."""
    return {
        "config": _table(HEAD, _fields(Config, "")),
        "data": _table(HEAD, _fields(DataSection, "data.<name>.")),
        **{f"source {name}": _table(HEAD, _options(row.options)) for name, row in SOURCES.items()},
        **{f"artifact {name}": _table(HEAD, _options(row.options)) for name, row in ARTIFACTS.items()},
        "resources": _table(HEAD, _fields(ResourceSection, "resources.<artifact>.")),
        "cost": _table(("artifact", "gpu", "minutes", "mem_mb"), _costs()),
        "intake": _table(HEAD, _fields(IntakeSection, "intake.")),
    }


def _fields(section: type[BaseModel], prefix: str) -> Iterable[tuple[str, ...]]:
    for name, field in section.model_fields.items():
        kind = _kind(field.annotation) + "".join(f", {limit.ge} or more" for limit in field.metadata)
        yield f"`{prefix}{name}`", kind, _default(field.default), field.description or ""


def _kind(annotation: Any) -> str:
    words = {str: "text", int: "whole number", bool: "true or false", list: "list", dict: "map"}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "map"
    if annotation in words:
        return words[annotation]
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) in (list, dict):
        return f"{words[get_origin(annotation)]} of {_kind(parts[-1])}" if parts[-1] in words else "map"
    if all(isinstance(part, str) for part in parts):
        return f"one of {', '.join(parts)}"
    return " or ".join(_kind(part) for part in parts)


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "required"
    if value is None:
        return "of the table below"
    if isinstance(value, BaseModel):
        return "see below"
    return f"`{_shown(value)}`"


def _options(options: Mapping[str, Option]) -> Iterable[tuple[str, ...]]:
    for name, option in options.items():
        meaning = option.help[0].upper() + option.help[1:]
        yield f"`{name}`", _option_kind(option), f"`{_shown(option.default)}`", f"{meaning}."


def _option_kind(option: Option) -> str:
    words = {bool: "true or false", int: "whole number", float: "number", str: "text", tuple: "list of text"}
    if option.choices:
        return f"one of {', '.join(option.choices)}"
    kind = words[type(option.default)]
    if option.minimum is None:
        return kind
    return f"{kind}, {option.minimum} {'or more' if option.maximum is None else f'to {option.maximum}'}"


def _shown(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"[{', '.join(value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _costs() -> Iterable[tuple[str, ...]]:
    for name, row in ARTIFACTS.items():
        yield f"`{name}`", str(row.gpu), str(row.minutes), str(row.mem_mb)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(head)
    lines = [head, ["---"] * len(head), *rows]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return text.replace("| --- | --- | --- | --- |", "|---|---|---|---|")


if __name__ == "__main__":
    print("\n\n".join(f"{title}\n\n{table}" for title, table in tables().items()))
