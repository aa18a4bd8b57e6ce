"""Which files and folders of a tree are checkpoints, and the run that each belongs to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from assay.discover.layouts import RUNS, hugging_face, record, wandb
from assay.discover.runs import Run
from assay.discover.walking import CHECKPOINTS, Folder, Skipped, Tree, shown
from assay.errors import Refused

RESULTS = ("intake.json", "weights.safetensors")  # a checkpoint that was taken in: our own
_STAGE = re.compile(
    r"(?:^|[-_.])(?:best|last|final|latest|model|checkpoint|ckpt|weights|state[-_]?dict|"
    r"(?:epoch|step|iter)[-_=]?\d+|[\w/]*(?:val|loss|acc|auc|f1|mae|mse|score)\w*=-?[\d.]+)(?:-v\d+)?(?=[-_.]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint, by its file or its model folder, and its run."""

    path: Path
    run: Run
    group: tuple[str, ...]  # the same of all checkpoints of one training


@dataclass(slots=True)
class Finder:
    """Finds the checkpoints of one tree; a run is read once, and only where it has a checkpoint."""

    tree: Tree
    skipped: list[Skipped] = field(default_factory=list)
    _runs: dict[Path, Run] = field(default_factory=dict)
    _by_id: dict[str, Folder] = field(default_factory=dict)

    def candidates(self) -> list[Candidate]:
        """All of them, each file once, sorted by path."""
        matches = {wandb.RUN.fullmatch(path.name): folder for path, folder in self.tree.folders.items()}
        self._by_id = {match[1]: folder for match, folder in matches.items() if match}
        found = [candidate for folder in self.tree.folders.values() for candidate in self._inside(folder)]
        for run in {id(candidate.run): candidate.run for candidate in found}.values():
            self.skipped += run.skipped
        return sorted(self._each_once(found), key=lambda candidate: str(candidate.path))

    def _inside(self, folder: Folder) -> Iterator[Candidate]:
        if set(RESULTS) <= folder.files:
            self._skip(folder.path, "is a result of Assay")
        elif record.is_record(folder):
            yield from self._record(folder)
        elif hugging_face.is_model(folder):
            run = hugging_face.read(folder)
            yield Candidate(folder.path, run, ("hugging_face", str(run.folder)))
        else:
            yield from self._files(folder)

    def _record(self, folder: Folder) -> Iterator[Candidate]:
        try:
            run, model = record.read(folder)
        except Refused as refusal:
            self._skip(folder.path, str(refusal).removeprefix(f"{folder.path} "))
            return
        yield Candidate(model, run, ("record", str(folder.path)))

    def _files(self, folder: Folder) -> Iterator[Candidate]:
        for name in sorted(folder.files):
            if not name.lower().endswith(CHECKPOINTS):
                continue
            path = folder.path / name
            run = self._run_of(path)
            if run is None:
                core = core_of(path.stem)
                plain = Run("plain", folder.path, core or folder.path.name)
                yield Candidate(path, plain, ("plain", str(folder.path), core))
            elif run.refused:
                self._skip(path, run.refused)
            else:
                yield Candidate(path, run, (run.layout, str(run.folder)))

    def _run_of(self, path: Path) -> Run | None:
        """The nearest run above a file; W&B's loggers keep checkpoints in `<project>/<id>`, away from the run."""
        for folder in self.tree.above(path):
            for layout in RUNS:
                if layout.claims(folder, self.tree):
                    return self._read(layout, folder)
            if folder.path.name in self._by_id:
                return self._read(wandb, self._by_id[folder.path.name])
        return None

    def _read(self, layout: ModuleType, folder: Folder) -> Run:
        if folder.path not in self._runs:
            self._runs[folder.path] = layout.read(folder, self.tree)
        return self._runs[folder.path]

    def _each_once(self, found: list[Candidate]) -> Iterator[Candidate]:
        """Links to files that are there themselves are left out."""
        first: dict[tuple[int, int], Path] = {}
        for candidate in sorted(found, key=lambda candidate: candidate.path.is_symlink()):
            try:
                state = candidate.path.stat()
            except OSError as error:
                self._skip(candidate.path, f"cannot be read ({error.strerror})")
                continue
            same = first.setdefault((state.st_dev, state.st_ino), candidate.path)
            if same == candidate.path:
                yield candidate
            else:
                self._skip(candidate.path, f"is the same file as {shown(same)}")

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped.append(Skipped(shown(path), reason))


def core_of(stem: str) -> str:
    """A file's name without the words that tell the checkpoints of one training apart, as best or epoch=3."""
    while (shorter := _STAGE.sub("", stem)) != stem:
        stem = shorter
    return stem.strip("-_. ")
