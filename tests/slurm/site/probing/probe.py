"""Probe: a small artifact whose job writes down when it starts and ends, and whether another one lives."""

import fcntl
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Probe:
    """What an honest job would say."""

    n: int
    mean_logit: float


def compute(subject, data, *, hold_seconds, mib) -> Probe:
    """The mean logit of the split val.

    The first start holds its `mib` MiB for `hold_seconds`, or until there is a file `<checkpoint>.release`; every start
    holds them as long as there is a file `<checkpoint>.hold`.
    """
    name = sys.argv[2]  # of `assay make CHECKPOINT probe`
    journal, lock = Path(f"{name}.journal"), os.open(f"{name}.lock", os.O_RDWR | os.O_CREAT)
    first = not journal.exists()
    _write(
        journal, f"start job={os.environ.get('SLURM_JOB_ID')} gpus={os.environ.get('CUDA_VISIBLE_DEVICES')}"
    )
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _write(journal, "overlap")
    held = bytearray(b"x") * (mib << 20)
    until = time.monotonic() + (hold_seconds if first else 0)
    release, hold = Path(f"{name}.release"), Path(f"{name}.hold")
    while hold.exists() or (time.monotonic() < until and not release.exists()):
        time.sleep(0.1)
    samples = data.draw("val", max_samples=None, seed=0)
    logits = [subject.predict(batch) for batch in samples.batches(64)]
    _write(journal, f"end {len(held)}")
    return Probe(sum(len(part) for part in logits), float(sum(part.double().sum() for part in logits)))


def _write(journal, line):
    with journal.open("a") as file:
        file.write(f"{line}\n")
