"""Names of records and of their files: one plain step below a folder."""

import unicodedata
from typing import Any

MOST_BYTES = 200  # leaves room for what a name gets while it is written, of the 255 that file systems allow


def checked_name(name: Any, what: str) -> str:
    """`name`, where it is a plain file name; `what` it names is said in errors.

    Raises:
        TypeError: it is no text.
        ValueError: it is empty, too long, opens with a dot, or holds a separator, `..` or a control character.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} is {name!r}; allowed: text.")
    if reason := _reason_against(name):
        raise ValueError(f"{what} {name!r} {reason}. Allowed: a plain file name, such as baseline_1.")
    return name


def _reason_against(name: str) -> str:
    if not name.strip():
        return "is empty"
    if "/" in name or "\\" in name:
        return "holds a separator"
    if name.startswith("."):
        return "opens with a dot"
    if ".." in name:
        return "holds two dots in a row"
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name):
        return "holds a control character"
    if len(name.encode()) > MOST_BYTES:
        return f"is longer than {MOST_BYTES} bytes"
    return ""
