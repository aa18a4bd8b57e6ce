"""Values of a training script as JSON, in the style of the published records."""

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import PurePath
from typing import Any

ALLOWED = (
    "text, numbers, true, false, None, lists, tuples, mappings, dataclass instances, paths, and arrays and "
    "tensors of real numbers"
)
MOST_LEVELS = 100
NUMPY_KINDS = "biufUO"  # of an array of objects each is looked at

Replaced = dict[str, str]  # JSON pointer (RFC 6901) -> NaN, Infinity or -Infinity


def plain(value: Any, document: str) -> tuple[Any, Replaced]:
    """`value` as JSON values, and where a null stands for a number that is not finite.

    Dataclass instances become objects, tuples lists, paths text, arrays and tensors nested lists, float32 the
    same number in float64. `document` is named in errors.

    Raises:
        TypeError: a value that JSON cannot hold, by its place.
        ValueError: two keys become the same text, or values are nested too deeply or in themselves.
    """
    replaced: Replaced = {}
    return _Place(document).plain(value, replaced), replaced


def record_json(value: Any) -> bytes:
    """JSON as the published records have it: sorted keys, indent 4, ASCII, a final newline."""
    return (json.dumps(value, sort_keys=True, indent=4, allow_nan=False) + "\n").encode()


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a document: its JSON pointer and how deep it lies."""

    document: str
    pointer: str = ""
    depth: int = 0

    def __str__(self) -> str:
        return f"{self.document}: {self.pointer or 'the whole'}"

    def below(self, key: str) -> "_Place":
        step = key.replace("~", "~0").replace("/", "~1")
        return _Place(self.document, f"{self.pointer}/{step}", self.depth + 1)

    def plain(self, value: Any, replaced: Replaced) -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return self._finite(float(value), replaced)
        if isinstance(value, PurePath):
            return str(value)
        if self.depth > MOST_LEVELS:
            raise ValueError(f"{self} is nested more than {MOST_LEVELS} levels deep, perhaps in itself.")
        return self._compound(value, replaced)

    def _compound(self, value: Any, replaced: Replaced) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            return self._mapping({f.name: getattr(value, f.name) for f in fields(value)}, replaced)
        if isinstance(value, Mapping):
            return self._mapping(value, replaced)
        if isinstance(value, list | tuple):
            return [self.below(str(i)).plain(inner, replaced) for i, inner in enumerate(value)]
        return self.plain(self._nested(value), replaced)

    def _mapping(self, value: Mapping[Any, Any], replaced: Replaced) -> dict[str, Any]:
        converted: dict[str, Any] = {}
        for key, inner in value.items():
            name = self._key(key)
            if name in converted:
                raise ValueError(f"{self} has two keys that become {name!r} as text.")
            converted[name] = self.below(name).plain(inner, replaced)
        return converted

    def _key(self, key: Any) -> str:
        if type(key).__str__ is object.__str__ and type(key).__repr__ is object.__repr__:
            raise TypeError(f"{self} has a key of type {type(key).__name__}, which has no text of its own.")
        return str(key)

    def _nested(self, value: Any) -> Any:
        """An array, tensor or scalar of a library that the caller has loaded, as lists and numbers."""
        numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
        if numpy and isinstance(value, numpy.ndarray | numpy.generic):
            if value.dtype.kind not in NUMPY_KINDS or value.dtype == numpy.longdouble:
                raise self._unsuitable(f"{value.dtype} of numpy")
            return value.tolist()
        if torch and isinstance(value, torch.Tensor):
            try:
                return value.detach().cpu().tolist()
            except RuntimeError:  # sparse, meta, quantised
                raise self._unsuitable(f"tensor of {value.layout} on {value.device}") from None
        if isinstance(value, type) and is_dataclass(value):
            raise self._unsuitable(f"dataclass {value.__name__} itself, not an instance of it")
        raise self._unsuitable(type(value).__name__)

    def _unsuitable(self, what: str) -> TypeError:
        return TypeError(f"{self} is a {what}, which a record cannot hold. Allowed: {ALLOWED}.")

    def _finite(self, value: float, replaced: Replaced) -> float | None:
        if math.isfinite(value):
            return value
        replaced[self.pointer] = json.dumps(value)
        return None
