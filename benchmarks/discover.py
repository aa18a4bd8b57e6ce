"""assay discover on run folders of Lightning with sparse checkpoints: seconds and peak memory, beside a bare walk.

python benchmarks/discover.py [runs] [MB of a checkpoint] [folder]
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import torch

BLOCK = 4096
HPARAMS = "dataset: screen\nlr: 0.001\nmodel:\n  hidden: 64\n"
METRICS = "epoch,step,val_loss\n" + "".join(
    f"{epoch},{10 * epoch},{1 / (epoch + 1)}\n" for epoch in range(100)
)

# In a process without torch, as a child's peak memory begins with that of the process that it was forked from.
MEASURE = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
)


def main(n: int = 2000, megabytes: int = 50, folder: str | None = None) -> None:
    root = Path(tempfile.mkdtemp(dir=folder))
    try:
        blocks, size = checkpoint_blocks(megabytes * 10**6)
        for i in range(n):
            make_run(root / "runs" / f"mlp_{i // 10}" / f"version_{i % 10}", blocks, size)
        walked, n_files = timed(lambda: sum(len(files) for _, _, files in os.walk(root)))
        seconds, (rows, cpu_seconds, peak_mib) = timed(lambda: discover(root))
    finally:
        shutil.rmtree(root)
    print(f"{n} runs, {n_files} files, a checkpoint of {size / 1e6:.1f} MB each: {rows} rows")
    print(f"assay discover           {seconds:8.2f} s, {1000 * seconds / n:.1f} ms a run")
    print(f"CPU of its two processes {cpu_seconds:8.2f} s")
    print(f"a walk of the folders    {walked:8.2f} s")
    print(f"peak memory of one of its two processes, MiB {peak_mib:8.0f}")


def checkpoint_blocks(n_bytes: int) -> tuple[list[tuple[int, bytes]], int]:
    """The blocks of a Lightning checkpoint of zeros that are not all zeros, and its size."""
    state = {"network.0.weight": torch.zeros(n_bytes // 4 // 64, 64)}
    for layer in range(2, 80, 2):
        state |= {f"network.{layer}.weight": torch.ones(4, 4), f"network.{layer}.bias": torch.ones(4)}
    content = {"state_dict": state, "hyper_parameters": {"lr": 1e-3}, "epoch": 3, "global_step": 30}
    file = BytesIO()
    torch.save(content, file)
    whole = file.getvalue()
    pieces = ((place, whole[place : place + BLOCK]) for place in range(0, len(whole), BLOCK))
    return [(place, piece) for place, piece in pieces if any(piece)], len(whole)


def make_run(version: Path, blocks: list[tuple[int, bytes]], size: int) -> None:
    (version / "checkpoints").mkdir(parents=True)
    (version / "hparams.yaml").write_text(HPARAMS)
    (version / "metrics.csv").write_text(METRICS)
    with (version / "checkpoints" / "epoch=3-step=30.ckpt").open("wb") as file:
        for place, piece in blocks:
            file.seek(place)
            file.write(piece)
        file.truncate(size)


def discover(root: Path) -> tuple[int, float, float]:
    """Run the command; returns the rows that it wrote, its seconds of CPU, and its peak memory in MiB."""
    sheet = root / "sheet.tsv"
    command = [sys.executable, "-m", "assay", "discover", str(root / "runs"), "-o", str(sheet)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], check=True, capture_output=True, text=True
    )
    cpu_seconds, peak_kib = map(float, done.stdout.split()[-2:])
    return len(sheet.read_text().splitlines()) - 1, cpu_seconds, peak_kib / 1024


def timed(call) -> tuple[float, int]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


if __name__ == "__main__":
    main(*(int(word) if word.isdigit() else word for word in sys.argv[1:]))
