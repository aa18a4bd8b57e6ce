"""Which identifiers a model knows, and their numbers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from jaxtyping import Int64

UNKNOWN = 0


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Identifiers by their number, from 1; 0 is every identifier that is not here."""

    entries: Mapping[str, int]

    @property
    def num_ids(self) -> int:
        """How many numbers there are, 0 among them."""
        return len(self.entries) + 1

    def digest(self) -> str:
        """sha256 of the JSON list of [identifier, number], by number."""
        return sha256(json.dumps([list(entry) for entry in self.entries.items()]).encode()).hexdigest()

    def numbers(self, ids: Sequence[str]) -> Int64[np.ndarray, " n"]:
        """The number of each identifier."""
        return np.array([self.entries.get(text, UNKNOWN) for text in ids], np.int64)

    def facts(self) -> dict[str, object]:
        """The published vocab.json."""
        return {"digest": self.digest(), "unk_index": UNKNOWN, "entries": dict(self.entries)}


def vocabulary(ids: Iterable[str]) -> Vocabulary:
    """Distinct identifiers, numbered from 1: by value where all are decimal, else as text."""
    distinct = set(ids)
    decimal = all(text.isascii() and text.isdigit() for text in distinct)
    ordered = sorted(distinct, key=_by_value if decimal else None)
    return Vocabulary({text: number for number, text in enumerate(ordered, 1)})


def _by_value(text: str) -> tuple[int, str, str]:
    digits = text.lstrip("0")
    return len(digits), digits, text
