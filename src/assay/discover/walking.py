"""The folders below the roots, walked once, whatever their links and however they change meanwhile."""

import os
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MAX_DEPTH = 60
MAX_FOLDERS = 500_000
MAX_FILES = 2_000_000
CHECKPOINTS = (".ckpt", ".pt", ".pth", ".pt.tar", ".pth.tar", ".safetensors")
BESIDE = (".bin", ".csv", ".json", ".npz", ".parquet", ".yaml", ".yml")  # what layouts look for
ENTERED = (".hydra",)  # of hidden folders
NOT_ENTERED = ("__pycache__", "node_modules", "site-packages")


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that gives no row, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Folder:
    """The names in one folder: of its folders, and of its files that may matter."""

    path: Path
    files: frozenset[str]
    folders: frozenset[str]


@dataclass(frozen=True, slots=True)
class Tree:
    """All folders by path, parents before children, and what was not entered."""

    folders: Mapping[Path, Folder]
    skipped: Sequence[Skipped]

    def above(self, path: Path) -> Iterator[Folder]:
        """The folders that hold `path`, nearest first, as far as they were walked."""
        for parent in path.parents:
            if (folder := self.folders.get(parent)) is None:
                return
            yield folder

    def below(self, folder: Folder) -> Iterator[Folder]:
        """The folder and those in it, at any depth."""
        waiting = [folder]
        while waiting:
            yield (one := waiting.pop())
            inside = (self.folders.get(one.path / name) for name in sorted(one.folders))
            waiting += [each for each in inside if each is not None]


@dataclass(slots=True)
class _Walk:
    folders: dict[Path, Folder] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)
    n_files: int = 0

    def enter(self, path: Path, depth: int) -> list[Path]:
        """Read one folder; returns the folders in it that are to be entered."""
        try:
            state = path.stat()
            if (state.st_dev, state.st_ino) in self.seen:
                return []
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.skip(path, f"cannot be read ({error.strerror})")
            return []
        self.seen.add((state.st_dev, state.st_ino))
        names: dict[bool, list[str]] = {True: [], False: []}
        for entry in found:
            if (is_folder := self._is_folder(entry)) is not None:
                names[is_folder].append(entry.name)
        self.n_files += len(names[False])
        self.folders[path] = Folder(path, frozenset(names[False]), frozenset(names[True]))
        if depth == MAX_DEPTH and names[True]:
            self.skip(path, f"is {MAX_DEPTH} folders deep; those below it were not entered")
            return []
        return [path / name for name in names[True]]

    def skip(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(shown(path), reason))

    def _is_folder(self, entry: os.DirEntry[str]) -> bool | None:
        """Whether it is a folder to enter, or a file that may matter; None of what is neither."""
        path = Path(entry.path)
        try:
            if entry.is_dir(follow_symlinks=False):
                return self._is_entered(path) or None
            matters = entry.name.lower().endswith((*CHECKPOINTS, *BESIDE))
            if entry.is_symlink() and entry.is_dir():
                self.skip(path, "is a link to a folder; links are not followed, name the folder itself")
            elif matters and stat.S_ISREG(entry.stat().st_mode):
                return False
            elif matters:
                self.skip(path, "is a device or a pipe")
        except OSError as error:
            if entry.name.lower().endswith(CHECKPOINTS):
                self.skip(path, f"cannot be read ({error.strerror})")
        return None

    def _is_entered(self, path: Path) -> bool:
        if path.name in ENTERED or not (path.name.startswith(".") or path.name in NOT_ENTERED):
            return True
        self.skip(path, "is a hidden folder or one of installed code")
        return False


def walk(roots: Sequence[Path], *, without: Collection[Path] = ()) -> Tree:
    """The folders below the roots, each once; links to folders are not followed.

    `without` are resolved folders that are not entered.
    """
    done = _Walk()
    waiting = [(root, 0) for root in reversed(roots)]
    while waiting:
        path, depth = waiting.pop()
        if path.resolve() in without:
            done.skip(path, "is the folder of results")
            continue
        if len(done.folders) >= MAX_FOLDERS or done.n_files >= MAX_FILES:
            done.skip(path, f"more than {MAX_FOLDERS:,} folders or {MAX_FILES:,} files; name smaller folders")
            break
        waiting += [(folder, depth + 1) for folder in reversed(done.enter(path, depth))]
    return Tree(done.folders, done.skipped)


def shown(path: Path | str) -> str:
    """The path as text that can be printed on one line, whatever its bytes."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
