"""Which checkpoint a text in a config means: a path, as it was where the run was made, or the name of a run."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath


@dataclass(slots=True)
class References:
    """Checkpoints by path, by folder and by name; a key is what the caller knows a checkpoint by."""

    _exact: dict[str, str] = field(default_factory=dict)
    _ends: dict[tuple[str, ...], list[tuple[tuple[str, ...], str]]] = field(
        default_factory=lambda: defaultdict(list)
    )  # by the last two parts
    _names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, key: str, path: Path, names: Iterable[str] = ()) -> None:
        """A checkpoint, or the folder of a run, whose checkpoint `key` is."""
        absolute = _absolute(path)
        self._exact.setdefault(absolute, key)
        parts = PurePath(absolute).parts
        self._ends[parts[-2:]].append((parts, key))
        for name in names:
            self._names[name].add(key)

    def meant(self, text: str, near: Iterable[Path]) -> str:
        """The key of the checkpoint that a text means, seen from the folders `near`; empty where none or several."""
        said = os.path.expandvars(text)
        for folder in (Path(), *near):
            if key := self._exact.get(_absolute(folder / said)):
                return key
        named = self._names.get(text, set()) | self._names.get(PurePath(said).stem, set())
        if len(self._names.get(text, ())) == 1 or len(named) == 1:
            return next(iter(self._names.get(text) or named))
        return self._by_end(PurePath(said))

    def _by_end(self, said: PurePath) -> str:
        """The checkpoint whose path ends as the text does, in two parts at least, and no other in as many."""
        scores: dict[str, int] = {}
        for parts, key in self._ends.get(said.parts[-2:], ()):
            scores[key] = max(scores.get(key, 0), _equal_parts(parts, said.parts))
        most = max(scores.values(), default=0)
        found = [key for key, score in scores.items() if score == most]
        return found[0] if len(found) == 1 else ""


def acyclic(teachers: Mapping[str, str]) -> dict[str, str]:
    """The teachers by checkpoint, without those that would close a circle."""
    kept: dict[str, str] = {}
    for student, teacher in teachers.items():
        above = teacher
        while above in kept and above != student:
            above = kept[above]
        if above != student:
            kept[student] = teacher
    return kept


def _equal_parts(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    n = 0
    while n < min(len(one), len(other)) and one[-1 - n] == other[-1 - n]:
        n += 1
    return n


def _absolute(path: Path) -> str:
    return os.path.normpath(Path.cwd() / path)
