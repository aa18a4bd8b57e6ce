"""A checkpoint whose family is known, on its way to a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.discover.choosing import Trained
from assay.discover.documents import Plain
from assay.discover.families import Guess
from assay.discover.finding import Candidate


@dataclass(frozen=True, slots=True)
class Model:
    """A checkpoint whose family is known."""

    trained: Trained
    guess: Guess
    config: Mapping[str, Plain]  # of the run, and the checkpoint's own
    because: str = ""
    stands_for_run: bool = True  # where its run is named, this one is meant

    @property
    def candidate(self) -> Candidate:
        """Its file and its run."""
        return self.trained.candidate

    @property
    def key(self) -> str:
        """What it is known by until it has a name."""
        return str(self.candidate.path)

    @property
    def wanted_name(self) -> str:
        """The name of its run, and the file's where another stands for the run."""
        run = self.candidate.run.name or self.candidate.run.folder.name
        return run if self.stands_for_run else f"{run}_{self.candidate.stem}"

    @property
    def near(self) -> tuple[Path, ...]:
        """The folders from which its run may have named paths."""
        run = self.candidate.run.folder
        return (self.candidate.path.parent, run, run.parent)
