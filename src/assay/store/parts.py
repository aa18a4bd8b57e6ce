"""The finished parts of a long job, in `<target>.parts/`: a killed job goes on where it was."""

import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from assay.files import publish

HEARTBEAT_SECONDS = 30.0
Part = Float[np.ndarray, " m"]


class KeptParts:
    """Answers `assay.protocols.Parts`.

    Parts lie in a folder named by the sha256 of what decides their bytes, so that those of other inputs, options,
    code or versions are never taken; they are thrown away, as far as a job that still runs does not put them back.
    """

    def __init__(self, target: Path, key: str):
        self.folder = target.with_name(f"{target.name}.parts")
        self._own = self.folder / key

    def gather(self, n: int, part: Callable[[int], Part]) -> list[Part]:
        """`part(0)` to `part(n - 1)`; each is kept as soon as it is finished."""
        for other in self.folder.glob("*"):
            if other != self._own:
                shutil.rmtree(other, ignore_errors=True)
        return [self._part(i, part) for i in _progress(n, self.folder.stem)]

    def remove(self) -> None:
        """Throw all parts away; nothing where there are none."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _part(self, i: int, part: Callable[[int], Part]) -> Part:
        path = self._own / f"{i:06d}.npz"
        try:
            with path.open("rb") as file:
                return np.load(file, allow_pickle=False)["part"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # not made yet, or damaged
            values = part(i)
            publish(path, lambda file: np.savez(file, allow_pickle=False, part=values))
            return values


def _progress(n: int, what: str) -> Iterator[int]:
    """0 to n - 1, with a bar on a terminal and now and then a line in a log."""
    started = told = time.monotonic()
    for i in tqdm(range(n), desc=what, disable=None, leave=False):
        yield i
        if not sys.stderr.isatty() and time.monotonic() - told >= HEARTBEAT_SECONDS:
            told = time.monotonic()
            print(f"{what}: {i + 1} of {n} after {told - started:.0f} s", file=sys.stderr, flush=True)
