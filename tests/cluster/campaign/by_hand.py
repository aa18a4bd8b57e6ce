"""A campaign's folder written by hand, and its pilots started by hand."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lab import ROOT, Lab

from assay.cluster.campaign import snapshot
from assay.cluster.campaign.folder import END, PILOT_MB, Array, Campaign, CampaignFolder

PILOT = """import sys
from assay.cluster.campaign.launch import launch
launch(sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""
CONFIG = "config/config.yaml"


@dataclass(frozen=True, slots=True)
class ByHand:
    """A campaign in a lab; its shares by array."""

    lab: Lab
    folder: CampaignFolder

    def start(self, array: str, pilot: int = 0, **environment: str) -> subprocess.Popen[bytes]:
        """A pilot, as a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-c", PILOT, str(self.folder.path), array, str(pilot)],
            cwd=self.lab.folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )

    def code(self, array: str, pilot: int = 0, **environment: str) -> int:
        """The exit code of a pilot that runs to its end; its log must not hang."""
        with self.start(array, pilot, **environment) as process:
            return process.wait(300)

    def sent(self, **jobs: str) -> None:
        """Say in campaign.json which jobs, or processes, the arrays are."""
        there = CampaignFolder(self.file(self.folder.path))
        campaign = there.read()
        there.write(replace(campaign, arrays=[replace(one, job=jobs[one.name]) for one in campaign.arrays]))

    def end(self, array: str, pilot: int, code: int) -> None:
        """Let a pilot have ended."""
        ended = self.file(self.folder.ended(array, pilot))
        ended.parent.mkdir(exist_ok=True)
        ended.write_text(f"{code}\n")

    def log(self, array: str, pilot: int = 0) -> str:
        """What a pilot and its children said."""
        return self.file(self.folder.log(array, pilot)).read_text()

    def file(self, path: Path | str) -> Path:
        """A path of the campaign, from anywhere."""
        return self.lab.folder / path


def by_hand(lab: Lab, shares: Mapping[str, Sequence[Sequence[str]]], **array: int) -> ByHand:
    """A campaign of the targets of each pilot of each array, on this host unless `executor` says otherwise."""
    executor = array.pop("executor", "local")
    folder = CampaignFolder(Path("results", ".campaigns", "c1"))
    before = Path.cwd()
    os.chdir(lab.folder)
    try:
        folder.running("any", 0).parent.mkdir(parents=True)
        code = snapshot.take(folder, CONFIG, snapshot.Sources.of(str(ROOT / "Snakefile")))
        for name, pilots in shares.items():
            for number, targets in enumerate(pilots):
                share = folder.share(name, number)
                share.parent.mkdir(exist_ok=True)
                share.write_text("".join(f"{target}\n" for target in targets))
        asked = {"gpus": 0, "cpus": 1, "mem_mb": PILOT_MB + 8000, "minutes": 60, **array}
        arrays = [Array(name, len(pilots), **asked) for name, pilots in shares.items()]
        end = Array(END, 1, 0, 1, 4000, 60)
        folder.write(Campaign("c1", time.time(), executor, CONFIG, code, arrays, end))
    finally:
        os.chdir(before)
    return ByHand(lab, folder)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for what must come true."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come true"
        time.sleep(0.05)
