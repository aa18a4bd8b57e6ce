"""What jobs of this run ran out of; a retry asks for twice as much of it, and of nothing else."""

from collections import Counter
from collections.abc import Mapping
from typing import Literal

Kind = Literal["mem_mb", "runtime"]

_SEEN: Counter[tuple[Kind, str, frozenset[tuple[str, str]]]] = Counter()


def note(kind: Kind, rule: str, wildcards: Mapping[str, str]) -> None:
    """One attempt of a job ended for lack of memory or time."""
    _SEEN[kind, rule, frozenset(wildcards.items())] += 1


def factor(kind: Kind, rule: str, wildcards: Mapping[str, str]) -> int:
    """What the job's usual amount is multiplied by: 1, then 2, 4, ..."""
    return 1 << _SEEN[kind, rule, frozenset(wildcards.items())]
