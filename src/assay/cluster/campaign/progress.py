"""How far the targets of a share are, told by the times of files: no record is read."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

from assay.catalog import MAKERS, artifacts
from assay.cluster.campaign.folder import CampaignFolder
from assay.layout import Layout

DATA = "data"  # a folder of the results that is no checkpoint
FIGURES = "figures/"  # begins the names of jobs that draw
Listing = Mapping[str, float]  # name -> when it was written, seconds since 1970


@dataclass(frozen=True, slots=True)
class Mark:
    """A point on the way of a share."""

    n_made: int
    n_failed: int  # of what is not made; a target that failed fails once more without a change here
    n_parts: int  # finished parts of long artifacts that are not made yet


@dataclass(frozen=True, slots=True)
class Share:
    """The targets of one pilot; what is older than the share itself is still to be made."""

    targets: Sequence[str]
    layout: Layout
    since: float  # seconds since 1970, by the clock of the file system

    @classmethod
    def read(cls, folder: CampaignFolder, array: str, pilot: int) -> "Share":
        """The share of a pilot."""
        since = folder.share(array, pilot).stat().st_mtime
        return cls(folder.targets(array, pilot), Layout(folder.results), since)

    def left(self) -> list[str]:
        """The targets that are not made yet, in order."""
        made = self.made()
        return [target for target in self.targets if target not in made]

    def made(self) -> dict[str, float]:
        """The targets that are made, and when."""
        listed = cache(listing)
        found = {}
        for target in self.targets:
            folder, _, name = witness(self.layout, target).rpartition("/")
            if (at := listed(folder).get(name, 0.0)) >= self.since:
                found[target] = at
        return found

    def failed(self) -> dict[str, str]:
        """The targets that are not made and whose jobs said why since the share was written: file by target."""
        listed = cache(listing)
        found = {}
        for target in self.left():
            folder, _, name = failure_file(self.layout, target).rpartition("/")
            if listed(folder).get(name, 0.0) >= self.since:
                found[target] = f"{folder}/{name}"
        return found

    def turns(self) -> tuple[list[str], list[str]]:
        """What is left, in order: first what was not tried yet, then what failed and what needs that."""
        left, failed = self.left(), {job_of(self.layout, target) for target in self.failed()}
        late = dict.fromkeys(target for target in left if failed & _needed(*job_of(self.layout, target)))
        return [target for target in left if target not in late], list(late)

    def mark(self) -> Mark:
        """How far the share is."""
        left = self.left()
        n_parts = sum(1 for target in left for _ in _parts(target))
        return Mark(len(self.targets) - len(left), len(self.failed()), n_parts)


def furthered(before: Mark, after: Mark) -> bool:
    """Whether anything was made, a part too, or failed for the first time: no share is furthered for ever.

    Of what was made since, the parts and the failure are gone.
    """
    pairs = zip(astuple(before), astuple(after), strict=True)
    return any(now > then for then, now in pairs)


def witness(layout: Layout, target: str) -> str:
    """The file that is written last of a target: the record of an artifact, else the target itself."""
    checkpoint, job = job_of(layout, target)
    return layout.record(checkpoint, job) if job in artifacts() else target


def failure_file(layout: Layout, target: str) -> str:
    """The file in which the job that makes a target says why it failed."""
    checkpoint, job = job_of(layout, target)
    if checkpoint == DATA:
        return layout.data_failed(job)
    return layout.failed(checkpoint, job.replace(FIGURES, "figure_"))


def job_of(layout: Layout, target: str) -> tuple[str, str]:
    """Checkpoint and job: an artifact, `intake`, `training` or a figure's name; of data DATA and the data set."""
    checkpoint, _, file = target.removeprefix(f"{layout.results}/").partition("/")
    if checkpoint == DATA:
        return DATA, file.partition("/")[0]
    return checkpoint, _by_file().get(file) or Path(file).with_suffix("").as_posix()


def written(file: Path) -> float:
    """When a file was written, in seconds since 1970; 0 where it is not there."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def listing(folder: str) -> Listing:
    """The files of a folder by name; empty where there is none."""
    try:
        with os.scandir(folder) as entries:
            return dict(_times(entries))
    except OSError:
        return {}


def _times(entries: Iterator[os.DirEntry[str]]) -> Iterator[tuple[str, float]]:
    for entry in entries:
        try:
            yield entry.name, entry.stat(follow_symlinks=False).st_mtime
        except OSError:  # it went away meanwhile
            continue


def _needed(checkpoint: str, job: str) -> set[tuple[str, str]]:
    """A job, and those before it: of a figure its artifact; the intake; the artifact that others are made from."""
    return {(checkpoint, name) for name in (job, job.removeprefix(FIGURES), "intake", *MAKERS.values())}


def _parts(target: str) -> Iterator[Path]:
    return Path(f"{target}.parts").glob("*/*.npz")


@cache
def _by_file() -> dict[str, str]:
    return {row.file: name for name, row in artifacts().items()}
