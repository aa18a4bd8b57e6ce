"""Which files and folders of a tree are checkpoints, and the run that each belongs to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.discover.layouts import RUNS, hugging_face, plain, record, wandb
from assay.discover.runs import Run
from assay.discover.walking import CHECKPOINTS, Folder, Skipped, Tree, shown
from assay.errors import Refused

RESULTS = ("intake.json", "weights.safetensors")  # a checkpoint that was taken in: our own
_STAGE = re.compile(
    r"(?:^|[-_. ])(?:best|last|final|latest|model|weights|state[-_]?dict|(?:checkpoint|ckpt)(?:[-_=]?\d+)?|"
    r"(?:epoch|step|iter)[-_=]?\d+|[\w/]*(?:val|loss|acc|auc|f1|mae|mse|score)\w*=-?[\d.]+)(?:-v\d+)?(?=[-_. ]|$)",
    re.IGNORECASE,
)
_USUAL = re.compile(
    r"check_?points?|ckpts?|(?:saved_?)?models?|weights|artifacts|files|data|states?|logs|outputs?|results",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint, by its file or its model folder, and its run."""

    path: Path
    run: Run
    group: tuple[str, ...]  # the same of all checkpoints of one training

    @property
    def stem(self) -> str:
        """The file's name without its ending, or the folder's."""
        return stem_of(self.path.name)


@dataclass(slots=True)
class Finder:
    """Finds the checkpoints of one tree; a run is read once, and only where it has a checkpoint."""

    tree: Tree
    skipped: list[Skipped] = field(default_factory=list)
    _runs: dict[Path, Run | None] = field(default_factory=dict)
    _beside: dict[Path, Run] = field(default_factory=dict)  # what lies beside checkpoints of no run
    _by_id: dict[str, Folder] = field(default_factory=dict)

    def candidates(self) -> list[Candidate]:
        """All of them, each file once, sorted by path."""
        matches = {wandb.RUN.fullmatch(path.name): folder for path, folder in self.tree.folders.items()}
        self._by_id = {match[1]: folder for match, folder in matches.items() if match}
        found = [candidate for folder in self.tree.folders.values() for candidate in self._inside(folder)]
        self.skipped += dict.fromkeys(skipped for candidate in found for skipped in candidate.run.skipped)
        return sorted(self._each_once(found), key=lambda candidate: str(candidate.path))

    def _inside(self, folder: Folder) -> Iterator[Candidate]:
        if set(RESULTS) <= folder.files:
            self._skip(folder.path, "is a result of Assay")
        elif record.is_record(folder):
            yield from self._record(folder)
        elif hugging_face.is_model(folder):
            run = self._within(hugging_face.read(folder), folder)
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
        names = sorted(name for name in folder.files if name.lower().endswith(CHECKPOINTS))
        run = self._run_above(folder.path / names[0]) if names else None
        for path in (folder.path / name for name in names):
            if run is None:
                yield self._plain(folder, path)
            elif run.refused:
                self._skip(path, run.refused)
            else:
                yield Candidate(path, run, (run.layout, str(run.folder), *_parts(folder.path, run.folder)))

    def _plain(self, folder: Folder, path: Path) -> Candidate:
        home = folder.path.parent if _USUAL.fullmatch(folder.path.name) else folder.path
        if folder.path not in self._beside:
            self._beside[folder.path] = plain.read(folder, self.tree.folders.get(home, folder))
        core = core_of(stem_of(path.name))
        words = (core,) if re.search("[A-Za-z]", core) else (home.name, core)
        run = replace(self._beside[folder.path], name="_".join(filter(None, words)))
        return Candidate(path, run, ("plain", str(folder.path), core))

    def _run_above(self, path: Path, *, other_than: Run | None = None) -> Run | None:
        """The nearest run that a file or folder lies in."""
        found = (self._run_at(folder) for folder in self.tree.above(path))
        return next((run for run in found if run and run is not other_than), None)

    def _run_at(self, folder: Folder) -> Run | None:
        """The run that a folder is; W&B's checkpoints may lie away from theirs."""
        if folder.path not in self._runs:
            layout = next((layout for layout in RUNS if layout.claims(folder, self.tree)), None)
            if layout:
                self._runs[folder.path] = run = layout.read(folder, self.tree)
                self._within(run, folder)
            else:
                home = self._by_id.get(wandb.run_id(folder.path.name))
                self._runs[folder.path] = self._run_at(home) if home else None
        return self._runs[folder.path]

    def _within(self, run: Run, folder: Folder) -> Run:
        """The run with what the run around it says, too."""
        if around := self._run_above(folder.path, other_than=run):
            run.lie_in(around)
        return run

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


def stem_of(name: str) -> str:
    """A file's name without the ending of a checkpoint."""
    endings = (ending for ending in CHECKPOINTS if name.lower().endswith(ending))
    return name[: len(name) - len(max(endings, key=len, default=""))]


def core_of(stem: str) -> str:
    """A file's name without the words that tell the checkpoints of one training apart, as best or epoch=3."""
    while (shorter := _STAGE.sub("", stem)) != stem:
        stem = shorter
    return stem.strip("-_. ")


def _parts(folder: Path, run: Path) -> tuple[str, ...]:
    """The folders inside a run that tell its trainings apart, as fold_1; those that any run may have do not."""
    inside = folder.relative_to(run).parts if folder.is_relative_to(run) else ()
    return tuple(part for part in inside if core_of(part) and not _USUAL.fullmatch(part))
