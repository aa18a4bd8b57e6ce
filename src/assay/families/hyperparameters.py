"""Typed and bounded reads of a checkpoint's hyper-parameters, which are untrusted."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, final

from assay.errors import Refused

_NUMBER = re.compile(r"-?(\d{1,15}\.?\d{0,15}|\.\d{1,15})(e-?\d{1,2})?")


@final
class HyperParameters:
    """Reads one key at a time; keeps every problem until `refuse_problems`, so that all are told at once.

    A read that finds a problem returns the default, or the least allowed value: never use what was read
    before `refuse_problems` has passed. A key that is absent or None takes its default.
    """

    def __init__(self, values: Mapping[str, Any], where: str = "hyper_parameters"):
        self._values = values
        self._where = where
        self._problems: list[str] = []

    def integer(self, key: str, *, default: int | None, least: int, most: int) -> int:
        """An integer from `least` to `most`; without a default the key is needed."""
        value = self._value(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.problem(key, value, f"an integer from {least} to {most}")
        return least

    def fraction(self, key: str, *, default: float) -> float:
        """A number from 0 to below 1."""
        value = self._value(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1:
            return float(value)
        self.problem(key, value, "a number from 0 to below 1")
        return default

    def flag(self, key: str, *, default: bool) -> bool:
        """True or False."""
        value = self._value(key, default)
        if isinstance(value, bool):
            return value
        self.problem(key, value, "True or False")
        return default

    def text(self, key: str, *, default: str) -> str:
        """A string."""
        value = self._value(key, default)
        if isinstance(value, str):
            return value
        self.problem(key, value, "a string")
        return default

    def choice(self, key: str, *, default: str, supported: tuple[str, ...]) -> str:
        """One of the supported strings."""
        value = self.text(key, default=default)
        if value in supported:
            return value
        self.problem(key, value, f"one of {', '.join(supported)}")
        return default

    def choices(self, key: str, *, supported: tuple[str, ...]) -> tuple[str, ...]:
        """A list of the supported strings; none where the key is absent."""
        values = self._value(key, [])
        if not isinstance(values, list | tuple):
            self.problem(key, values, "None or a list")
            return ()
        for value in values:
            if value not in supported:
                self.problem(key, value, f"a list of {', '.join(supported)}")
                return ()
        return tuple(values)

    def below(self, key: str) -> "HyperParameters":
        """The mapping under the key, whose problems are this one's too; an empty one where it is absent."""
        values = self._value(key, {})
        if not isinstance(values, Mapping):
            self.problem(key, values, "None or a mapping")
            values = {}
        below = HyperParameters(values, f"{self._where}.{key}")
        below._problems = self._problems
        return below

    def raw(self, key: str) -> Any:
        """Whatever the file holds under the key; None where it is absent."""
        return self._values.get(key)

    def listed(self, key: str) -> Any:
        """As `raw`, but text such as `0.5,0.25`, as the sheet has it, as a list of its numbers."""
        found = self.raw(key)
        words = found.split(",") if isinstance(found, str) else []
        if words and all(_NUMBER.fullmatch(word) for word in words):
            return [int(word) if word.isdigit() else float(word) for word in words]
        return found

    def refuse_other(self, sizes: Mapping[str, int]) -> None:
        """Keeps every key that is a whole number, but not the one that the tensors have."""
        for key, size in sizes.items():
            said = self.raw(key)
            if isinstance(said, int) and not isinstance(said, bool) and said != size:
                self.problem(key, said, f"{size}, as the tensors have")

    def problem(self, key: str, value: Any, allowed: str) -> None:
        """Keeps one problem of one key."""
        self._problems.append(f"{self._where}.{key} is {_shown(value)}; allowed: {allowed}")

    def unknown(self, key: str, known: Sequence[str]) -> None:
        """Keeps one key that means nothing to us."""
        self._problems.append(f"{self._where}.{key[:60]} is unknown; known: {', '.join(known)}")

    def not_yet(self, what: str) -> None:
        """Keeps one feature of the published class that is not supported."""
        self._problems.append(f"not supported yet: {what}")

    def refuse_problems(self) -> None:
        """Refuses the checkpoint where a read found a problem.

        Raises:
            Refused: every problem, one line each.
        """
        if self._problems:
            lines = "\n  ".join(self._problems)
            raise Refused(f"this checkpoint's hyper-parameters cannot be used:\n  {lines}")

    def _value(self, key: str, default: Any) -> Any:
        value = self._values.get(key)
        return default if value is None else value


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, int | float):
        return f"{value} ({type(value).__name__})"
    if isinstance(value, str):
        return ascii(value) if len(value) <= 60 else f"{value[:60]!a}... ({len(value)} characters)"
    return f"a {type(value).__name__}"
