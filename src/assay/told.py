"""Warnings of a job, said on stderr and kept for its record."""

import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from assay.errors import CountedWarning, ResultWarning


@contextmanager
def told_warnings() -> Iterator[list[str]]:
    """The ResultWarnings of the block, each once, also said on stderr; other warnings go where they always go.

    Counts of equal texts are summed, and told at the end.
    """
    notes: list[str] = []
    counts: Counter[str] = Counter()
    usual = warnings.showwarning

    def show(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, ResultWarning):
            usual(message, category, *where, **more)
        elif isinstance(message, CountedWarning):
            counts[str(message)] += message.n
        elif str(message) not in notes:
            notes.append(str(message))
            say([str(message)])

    with warnings.catch_warnings():
        warnings.simplefilter("always", ResultWarning)
        warnings.showwarning = show
        try:
            yield notes
        finally:
            counted = [f"{text} ({n} in all)" for text, n in counts.items()]
            notes += counted
            say(counted)


def say(notes: list[str]) -> None:
    """Each as a line of stderr."""
    for note in notes:
        print(f"warning: {note}", file=sys.stderr)
