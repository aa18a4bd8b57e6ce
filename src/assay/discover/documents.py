"""The small files beside checkpoints, read within limits: YAML without tags or aliases, strict JSON, tables."""

import csv
import io
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from assay.errors import Refused
from assay.files import parse_json

MAX_BYTES = 2**20
MAX_TABLE_BYTES = 2**26
MAX_EVENTS = 100_000  # of YAML: values, and begins and ends of lists and maps
MAX_DEPTH = 50

Plain = bool | int | float | str


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML of plain values; a key may stand once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise yaml.MarkedYAMLError(problem=f"key {twice!r} occurs twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def yaml_map(path: Path) -> dict[str, Any]:
    """The map in a YAML file; a file without content is an empty one.

    Raises:
        Refused: it is too large, no YAML, no map, or has tags, aliases or a key twice.
    """
    value = yaml_value(path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"holds a {type(value).__name__}, expected a map of keys")
    return value


def yaml_value(path: Path) -> Any:
    """The plain value in a YAML file.

    Raises:
        Refused: it is too large, no YAML, or has tags, aliases or a key twice.
    """
    text = text_of(path)
    try:
        _check_events(text)
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError, TypeError) as error:
        raise Refused(f"is no valid YAML: {' '.join(str(error).split())[:200]}") from None


def json_map(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        Refused: it is too large, no JSON object, repeats a key, or holds a number that is not finite.
    """
    try:
        return parse_json(text_of(path).encode(), Path(path.name), advice="")
    except Refused as refusal:
        raise Refused(str(refusal).removeprefix(f"{path.name} ").strip()) from None


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file by the names of its columns.

    Raises:
        Refused: it is too large, no text, or no CSV.
    """
    try:
        return list(csv.DictReader(io.StringIO(text_of(path, MAX_TABLE_BYTES), newline="")))
    except csv.Error as error:
        raise Refused(f"is no CSV: {error}") from None


def text_of(path: Path, most: int = MAX_BYTES) -> str:
    """The text of a small file.

    Raises:
        Refused: it cannot be read, is larger than `most` bytes, or is not UTF-8.
    """
    try:
        if not path.is_file():
            raise Refused("is no file")
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise Refused(f"has more than {most:,} bytes")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("is no UTF-8 text") from None
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror})") from None


def flat(config: Any, prefix: str = "", depth: int = 0) -> dict[str, Plain]:
    """The plain values of nested maps and lists by dotted key, as `model.heads` and `layers.0`."""
    if isinstance(config, Mapping):
        pairs = [(str(key), value) for key, value in config.items()]
    elif isinstance(config, list):
        pairs = [(str(index), value) for index, value in enumerate(config)]
    else:
        return {prefix: config} if isinstance(config, Plain) else {}
    if depth == MAX_DEPTH:
        return {}
    found: dict[str, Plain] = {}
    for key, value in pairs:
        found |= flat(value, f"{prefix}.{key}" if prefix else key, depth + 1)
    return found


def number(text: Any) -> float | None:
    """The finite number that a text or value is; None where it is none."""
    try:
        value = float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _check_events(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, _Loader)):
        if isinstance(event, yaml.AliasEvent):
            raise Refused("holds a YAML alias (*name), which can unfold without end")
        tag = getattr(event, "tag", None)
        if tag is not None and not re.match(r"tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$", tag):
            raise Refused(f"holds the YAML tag {tag[:80]!r}, which may stand for an object of code")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or count > MAX_EVENTS:
            raise Refused(f"has more than {MAX_DEPTH} levels or {MAX_EVENTS:,} values")
