"""What is wrong with raw images: found file by file, refused all at once."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from assay.errors import Refused

SHOWN = 5


class Problem(NamedTuple):
    """What is wrong, in words that fit many files, and with which one."""

    what: str
    name: str


class Unreadable(Exception):
    """A file that gives no images: what is wrong, in words that fit many files, and what is so of this one."""

    def __init__(self, what: str, detail: str = ""):
        super().__init__(what, detail)  # all arguments, so that it can be sent between processes
        self.what = what
        self.detail = detail


def refuse_all(problems: Iterable[Problem]) -> None:
    """Raises Refused where there is a problem: a line for each kind, with its count and the first names."""
    kinds: dict[str, list[str]] = {}
    for problem in problems:
        kinds.setdefault(problem.what, []).append(problem.name)
    if kinds:
        raise Refused("\n".join(f"{what} ({len(names)}): {_first(names)}." for what, names in kinds.items()))


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
