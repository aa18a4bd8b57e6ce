"""Kills save_record before its first, second, ... call that touches the disk, half way through where that is a write.

python killed.py FOLDER [overwrite] [no-exchange]

Prints one JSON line a kill: the call, and what then stands under the name. Ends with the first run that is not killed.
"""

import io
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from assay.record import Normalizer, load_record, publishing, save_record, verify_record

CALLS = ("mkdir", "open", "rename", "replace", "fsync", "unlink", "rmdir")
CHECKPOINT = {"w": torch.arange(6.0)}
NORMALIZERS = {"X": Normalizer(np.zeros(3), np.ones(3))}


class Countdown:
    """Kills this process at its n-th step."""

    def __init__(self, n: int):
        self.left = n

    def step(self, name: str, before_the_kill=lambda: None) -> None:
        self.left -= 1
        if self.left == 0:
            before_the_kill()
            os.write(3, name.encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(self, name: str, call):
        def stepping(*arguments, **keywords):
            self.step(name)
            return call(*arguments, **keywords)

        return stepping

    def torn_file(self, descriptor: int, mode: str) -> io.FileIO:
        countdown = self

        class Torn(io.FileIO):
            def write(self, content) -> int:
                half = bytes(content)[: len(content) // 2]
                countdown.step("write", lambda: super(Torn, self).write(half))
                return super().write(content)

        return Torn(descriptor, mode)

    def arm(self) -> None:
        for name in CALLS:
            setattr(os, name, self.counted(name, getattr(os, name)))
        os.fdopen = self.torn_file
        publishing._exchanged_at_once = self.counted("exchange", publishing._exchanged_at_once)


def save(root: Path, which: str, *, overwrite: bool) -> None:
    save_record(
        "a",
        root,
        metrics={"which": which},
        checkpoint=CHECKPOINT,
        normalizers=NORMALIZERS,
        overwrite=overwrite,
    )


def run_to_its_end_or_to_a_kill(root: Path, n: int, *, overwrite: bool) -> str:
    """The call before which the n-th kill came; empty where the run ended before it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writer, 3)
        Countdown(n).arm()
        save(root, "new", overwrite=overwrite)
        os._exit(0)
    os.close(writer)
    status = os.waitpid(child, 0)[1]
    with os.fdopen(reader) as pipe:
        call = pipe.read()
    assert status == (signal.SIGKILL if call else 0), status
    return call


def under_the_name(path: Path) -> str:
    if not path.exists():
        return "nothing"
    problems = verify_record(path)
    return "; ".join(problems) or load_record(path).results["metrics"]["which"]


def main(folder: str, *ways: str) -> None:
    os.fsync = lambda descriptor: None  # a step like any other; a kill loses nothing of what was written
    overwrite = "overwrite" in ways
    if "no-exchange" in ways:
        publishing._exchanged_at_once = lambda folder, target: False
    n, call = 0, "start"
    while call:
        n += 1
        root = Path(folder, str(n))
        root.mkdir()
        if overwrite:
            save(root, "old", overwrite=False)
        call = run_to_its_end_or_to_a_kill(root, n, overwrite=overwrite)
        aside = [under_the_name(old) for old in root.glob(".a.*.old")]
        print(json.dumps({"call": call, "found": under_the_name(root / "a"), "aside": aside}))
        shutil.rmtree(root)


if __name__ == "__main__":
    main(*sys.argv[1:])
