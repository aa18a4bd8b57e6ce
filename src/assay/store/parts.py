"""The finished parts of a long job, in `<target>.parts/`: a killed job goes on where it was."""

import shutil
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from tqdm import tqdm

from assay.errors import Refused
from assay.files import publish, publish_json, read_json

HEARTBEAT_SECONDS = 30.0
Part = Float64[np.ndarray, " m"]


class KeptParts:
    """Answers `assay.protocols.Parts`. Parts of other inputs, options, code or versions are thrown away."""

    def __init__(self, target: Path, key: str):
        self.folder = target.with_name(f"{target.name}.parts")
        self._key = {"key": key}

    def gather(self, n: int, part: Callable[[int], Part]) -> list[Part]:
        """`part(0)` to `part(n - 1)`; each is kept as soon as it is finished."""
        if _read_key(self.folder / "key.json") != self._key:
            self.remove()
            publish_json(self.folder / "key.json", self._key)
        return [self._part(i, part) for i in _progress(n, self.folder.stem)]

    def remove(self) -> None:
        """Throw all parts away; nothing where there are none."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _part(self, i: int, part: Callable[[int], Part]) -> Part:
        path = self.folder / f"{i:06d}.npz"
        try:
            with path.open("rb") as file:
                return np.load(file, allow_pickle=False)["part"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # not made yet, or damaged
            values = part(i)
            publish(path, lambda file: np.savez(file, allow_pickle=False, part=values))
            return values


def _read_key(path: Path) -> dict[str, str]:
    try:
        return read_json(path)
    except (FileNotFoundError, Refused):
        return {}


def _progress(n: int, what: str) -> Iterator[int]:
    """0 to n - 1, with a bar on a terminal and now and then a line in a log."""
    started = told = time.monotonic()
    for i in tqdm(range(n), desc=what, disable=None, leave=False):
        yield i
        if not sys.stderr.isatty() and time.monotonic() - told >= HEARTBEAT_SECONDS:
            told = time.monotonic()
            print(f"{what}: {i + 1} of {n} after {told - started:.0f} s", file=sys.stderr, flush=True)
