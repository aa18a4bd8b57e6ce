"""Names of records and classes as names of files."""

import re
from collections.abc import Sequence

LONGEST = 100  # characters; file systems allow 255 bytes


def file_names(names: Sequence[str]) -> list[str]:
    """Names that every file system takes, in the same order, no two alike; a safe name that is taken once stays.

    What is not a letter of English, a digit, `.`, `_` or `-` becomes `_`; a name that is taken gets a number.
    """
    taken: set[str] = set()
    return [_free(_safe(name), taken) for name in names]


def _safe(name: str) -> str:
    words = re.sub(r"[^A-Za-z0-9._-]", "_", name)[:LONGEST].strip(".")
    return words or "_"


def _free(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while free.lower() in taken:  # some file systems do not tell capitals apart
        number += 1
        free = f"{name}~{number}"
    taken.add(free.lower())
    return free
