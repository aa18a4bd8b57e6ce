"""Warnings of a job, said on stderr and kept for its record."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from assay.errors import CountedWarning, ResultWarning


@contextmanager
def told_warnings() -> Iterator[list[str]]:
    """The ResultWarnings of the block, each once, also said on stderr; other warnings go where they always go.

    Counts of equal texts are summed model by model, and told at the end.
    """
    notes: list[str] = []
    counted = _Counts()
    usual = warnings.showwarning

    def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, ResultWarning):
            usual(message, category, *where, **more)
        elif isinstance(message, CountedWarning):
            counted.add(message)
        elif str(message) not in notes:
            notes.append(str(message))
            say([str(message)])

    with warnings.catch_warnings():
        warnings.simplefilter("always", ResultWarning)
        warnings.showwarning = show
        try:
            yield notes
        finally:
            sums = counted.told()
            notes += sums
            say(sums)


def say(notes: list[str]) -> None:
    """Each as a line of stderr."""
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)


class _Counts:
    """Sums over batches, by text and model."""

    def __init__(self) -> None:
        self._models: dict[int, object] = {}  # held, so that no other gets its number
        self._sums: dict[str, dict[int, int]] = {}

    def add(self, message: CountedWarning) -> None:
        model, sums = id(message.model), self._sums.setdefault(str(message), {})
        self._models[model] = message.model
        sums[model] = sums.get(model, 0) + message.n

    def told(self) -> list[str]:
        return [f"{text} ({_of_each(list(sums.values()))})" for text, sums in self._sums.items()]


def _of_each(sums: list[int]) -> str:
    first, *others = sums
    if not others:
        return f"{first} in all"
    return ", ".join([f"{first} in all of one model", *(f"{n} of another" for n in others)])
