"""What a fork server imports before its first job, and whether that is still what lies on the disk."""

import os
import site
import sys
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from assay.catalog import ARTIFACTS, FAMILIES, READERS, SOURCES
from assay.cluster.wire import inherited

LIBRARIES = (
    "numpy",
    "scipy.stats",
    "pandas",
    "pyarrow.parquet",
    "torch",
    "torch_geometric",
    "matplotlib.figure",
)
JOBS = ("assay.feeding", "assay.job", "assay.drawing", "assay.provenance.status")

Stamp = tuple[int, int, int]  # mtime, size, inode


@dataclass(frozen=True, slots=True)
class Preloaded:
    """Imported modules, by the files that they came from, and what they were imported under."""

    stamps: dict[str, Stamp]
    inherited: dict[str, Any]  # see `wire`; of the time before: libraries set variables of their own
    n_threads: int  # of torch where the environment asks for no number

    @classmethod
    def now(cls) -> Self:
        """Import the libraries and all of Assay's own table. No thread is started, no GPU is touched."""
        before = inherited()
        ours = {row.module for table in (FAMILIES, SOURCES, ARTIFACTS) for row in table.values()}
        drawn = {row.figure for row in ARTIFACTS.values() if row.figure}
        for module in (*LIBRARIES, *sorted(ours | drawn | set(READERS.values())), *JOBS):
            import_module(module)
        stamps = {path: stamp(path) for path in _witnesses()}
        return cls(stamps, before, sys.modules["torch"].get_num_threads())

    def changed(self) -> str:
        """The first file or folder that is not as it was; empty where all are."""
        return next((path for path, before in self.stamps.items() if stamp(path) != before), "")


def stamp(path: str) -> Stamp:
    """What changes with a file or folder; zeros where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)


def _witnesses() -> list[str]:
    """Assay's own files, and the folders that change when a package is installed or removed."""
    within = partial(str.startswith, str(Path(__file__).parents[1]))
    own = [
        file
        for module in sys.modules.values()
        if (file := getattr(module, "__file__", None)) and within(file)
    ]
    return [*own, *(folder for folder in (*site.getsitepackages(), site.getusersitepackages()))]
