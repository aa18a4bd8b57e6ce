"""Hyper-parameters as plain JSON values; what has no plain value is described by name."""

import math
import re
import sys
from typing import Any

import numpy as np

from assay.errors import Refused
from assay.intake.placeholders import Placeholder

JSON = None | bool | int | float | str | list | dict

MAX_DEPTH = 100
MAX_SIZE = 4_000_000  # values and letters in all

_NUMBER = re.compile(r"[biuf][1248]|f16")


class PlainValues:
    """Turns what torch.load gives into JSON values, and keeps notes on what could not stay as it was."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.placeholders: dict[str, str] = {}  # where -> qualified name
        self._size = 0
        self._inside: list[int] = []

    def convert(self, value: Any, where: str) -> JSON:
        """The value as JSON.

        Numbers, text, None, lists and string-keyed dicts stay; tuples, sets and torch.Size become lists; NaN and
        infinities, dtypes, devices, complex numbers and bytes become text; numpy scalars become numbers; OmegaConf
        containers become what they contain; a tensor becomes its dtype and shape; any other placeholder becomes
        {"placeholder": qualified name, "args": [...], "state": {...}}.

        Raises:
            Refused: a key that is neither text nor a whole number, a value of no known type, or too many or too
                deeply nested values.
        """
        self._count(value, where)
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return (
                value
                if math.isfinite(value)
                else self._note(str(value), where, "is not finite; kept as text")
            )
        if id(value) in self._inside:
            return self._note("(itself)", where, "contains itself; cut there")
        self._inside.append(id(value))
        try:
            return self._compound(value, where)
        finally:
            self._inside.pop()

    def _compound(self, value: Any, where: str) -> JSON:
        if isinstance(value, dict):
            return self._dict(value, where)
        if isinstance(value, list | tuple):
            return [self.convert(item, f"{where}[{index}]") for index, item in enumerate(value)]
        if isinstance(value, set):
            return sorted((self.convert(item, where) for item in value), key=repr)
        if isinstance(value, Placeholder) or (isinstance(value, type) and issubclass(value, Placeholder)):
            return self._placeholder(value, where)
        torch = sys.modules.get("torch")  # where it was not imported, no value is one of its own
        if torch and isinstance(value, torch.Tensor):
            return {"tensor": {"dtype": str(value.dtype).removeprefix("torch."), "shape": list(value.shape)}}
        if isinstance(value, bytes):
            return value.hex()
        if isinstance(value, complex) or (torch and isinstance(value, torch.dtype | torch.device)):
            return str(value).removeprefix("torch.")
        raise Refused(f"{where} holds a {type(value).__name__}, expected numbers, text, lists and dicts.")

    def _dict(self, value: dict, where: str) -> JSON:
        plain: dict[str, JSON] = {}
        for key, item in dict.items(value):  # never value.items(): a pickle can replace it
            if not isinstance(key, str | int):
                raise Refused(f"{where} has a key of type {type(key).__name__}, expected text.")
            if str(key) in plain:
                raise Refused(f"{where} has two keys that read {str(key)!r}, expected one.")
            plain[str(key)] = self.convert(item, f"{where}.{key}")
        return plain

    def _placeholder(self, value: Any, where: str) -> JSON:
        name = value.qualified_name
        if isinstance(value, type):
            self.placeholders[where] = name
            return {"placeholder": name}
        number = _numpy_number(value)
        if number is not None:
            return self.convert(number, where)
        if name.startswith("omegaconf.") and isinstance(value.state, dict):
            content = value.state.get("_content", value.state.get("_val"))
            return self.convert(content, where)
        self.placeholders[where] = name
        described: dict[str, JSON] = {"placeholder": name}
        if value.args:
            described["args"] = self.convert(value.args, f"{where}.args")
        if value.state is not None:
            described["state"] = self.convert(value.state, f"{where}.state")
        return described

    def _count(self, value: Any, where: str) -> None:
        self._size += 1 + (len(value) if isinstance(value, str | bytes) else 0)
        if self._size > MAX_SIZE or len(self._inside) > MAX_DEPTH:
            raise Refused(
                f"{where[:80]} is too large, expected at most {MAX_SIZE:,} values and letters in {MAX_DEPTH} levels."
            )

    def _note(self, text: str, where: str, what: str) -> str:
        self.notes.append(f"{where} {what}")
        return text


def _numpy_number(value: Placeholder) -> bool | int | float | None:
    """The number in numpy's `scalar(dtype, bytes)`; None where the placeholder is none."""
    match value.qualified_name, value.args:
        case (
            "numpy._core.multiarray.scalar" | "numpy.core.multiarray.scalar",
            (Placeholder() as dtype, bytes(raw)),
        ):
            return _decoded(dtype, raw)
    return None


def _decoded(dtype: Placeholder, raw: bytes) -> bool | int | float | None:
    match dtype.args, dtype.state:
        case (str(code), *_), (int(), "<" | ">" | "|" as order, *_) if _NUMBER.fullmatch(code):
            kind = np.dtype(order + code)
            return np.frombuffer(raw, kind)[0].item() if len(raw) == kind.itemsize else None
    return None
