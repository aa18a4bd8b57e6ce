"""save_record without a model, beside the flushes to disk that it needs and the bare writes of its files: milliseconds.

python benchmarks/record.py [records] [folder]
"""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from assay.record import save_record

HISTORY = {name: [1 / (epoch + 1) for epoch in range(200)] for name in ("train_loss", "val_loss")}


def main(n: int = 50, folder: str | None = None) -> None:
    root = Path(tempfile.mkdtemp(dir=folder))
    try:
        ours = [timed(lambda i=i: save(root, f"run{i}")) for i in range(n)]
        again = [timed(lambda i=i: save(root, f"run{i}")) for i in range(n)]
        contents = {file.name: file.read_bytes() for file in (root / "run0").iterdir()}
        flushed, flushes = without_flushes(lambda i: save(root, f"calm{i}"), n)
        bare = [timed(lambda i=i: write(root / f"bare{i}", contents)) for i in range(n)]
    finally:
        shutil.rmtree(root)
    print(f"{n} records of two histories of 200 epochs, {len(contents)} files; median (largest), ms")
    print(f"save_record              {shown(ours)}")
    print(f"an overwrite             {shown(again)}")
    print(f"without its {flushes:2d} flushes   {shown(flushed)}")
    print(f"the files written bare   {shown(bare)}")


def save(root: Path, name: str) -> None:
    save_record(
        name,
        root,
        history=HISTORY,
        metrics={"val_loss": 0.5},
        fit_config={"device": "cpu", "seed": 1},
        overwrite=True,
    )


def write(folder: Path, contents: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def without_flushes(call, n: int) -> tuple[list[float], int]:
    """Times of n calls with fsync doing nothing, and how often one asks for it."""
    fsync, asked = os.fsync, []
    os.fsync = asked.append
    try:
        return [timed(lambda i=i: call(i)) for i in range(n)], len(asked) // n
    finally:
        os.fsync = fsync


def timed(call) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def shown(times: list[float]) -> str:
    return f"{median(times):8.1f} ({max(times):.1f})"


if __name__ == "__main__":
    main(*(int(word) if word.isdigit() else word for word in sys.argv[1:]))
