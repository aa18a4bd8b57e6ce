"""What every command costs on sheets of many checkpoints with nine artifacts each, made and not made yet.

python benchmarks/scale.py [CHECKPOINTS ...]    by default 100 and 1000; 10000 takes ten minutes and 5 GB
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labs.bare import write_bare
from labs.made import write_sheet

SNAKEFILE = str(Path(__file__).parents[1] / "Snakefile")
DRY_RUN = ("snakemake", "-n", "-q", "-s")
SPLIT = ("assay", "campaign", "--dry-run", "--no-probe", "--executor", "local", "--snakefile", SNAKEFILE)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one command: its own time and that of its children."""

    cpu_seconds: float
    seconds: float
    peak_mb: float


def new_lab(folder: Path, n: int) -> None:
    """A sheet of `n` checkpoints of which nothing was made, and the bare workflows beside it."""
    write_sheet(folder, n)
    write_bare(folder, n)


def make_all(folder: Path) -> None:
    """Write what jobs would have left."""
    measured(folder, sys.executable, str(Path(__file__).with_name("labs") / "made.py"))


def measured(folder: Path, *command: str, code: int = 0) -> Cost:
    """What a command costs, which must end with this exit code."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    python_path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PATH": path, "PYTHONPATH": python_path}
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        if process.returncode != code:
            raise RuntimeError(f"{command}: exit code {process.returncode}\n{said.read().decode()[-2000:]}")
    seconds = time.perf_counter() - began
    return Cost(usage.ru_utime + usage.ru_stime, seconds, usage.ru_maxrss / 1024)


def costs(folder: Path) -> Iterator[tuple[str, Cost]]:
    """Every command in turn: on a new lab, then on one where all is made, then after one change."""
    yield "empty workflow", measured(folder, *DRY_RUN, "Empty")
    yield "bare DAG of as many jobs", measured(folder, *DRY_RUN, "Bare")
    yield "dry run, nothing made", measured(folder, *DRY_RUN, SNAKEFILE)
    yield "campaign split, nothing made", measured(folder, *SPLIT)
    make_all(folder)
    yield "dry run, all made", measured(folder, *DRY_RUN, SNAKEFILE)
    yield "campaign split, all made, never listed", measured(folder, *SPLIT)
    yield "dry run of one named target", measured(folder, *DRY_RUN, SNAKEFILE, "--", "results/m1/cka.json")
    yield "assay check", measured(folder, "assay", "check")
    yield "assay why", measured(folder, "assay", "why", "m1", "cka")
    yield "assay list --check", measured(folder, "assay", "list", "--check")
    yield "assay manifest, the first", measured(folder, "assay", "manifest")
    yield "assay manifest, nothing changed", measured(folder, "assay", "manifest")
    yield "assay list", measured(folder, "assay", "list")
    yield "campaign split, all made", measured(folder, *SPLIT)
    os.utime(folder / "results/m1/records/cka.json")
    yield "assay list after one change", measured(folder, "assay", "list")
    os.utime(folder / "results/m1/records/cka.json")
    yield "assay manifest after one change", measured(folder, "assay", "manifest")


def table(sizes: Sequence[int], columns: Sequence[dict[str, Cost]]) -> Iterator[str]:
    """A row a command, for each size CPU seconds, seconds and MB; Markdown."""
    yield "| | " + " | ".join(f"{n:,}" for n in sizes) + " |"
    yield "|---|" + "---|" * len(sizes)
    for name in columns[0]:
        cells = [column[name] for column in columns]
        shown = (f"{cost.cpu_seconds:.2f} / {cost.seconds:.1f} / {cost.peak_mb:.0f}" for cost in cells)
        yield f"| {name} | " + " | ".join(shown) + " |"


def main(sizes: Sequence[int]) -> None:
    columns = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as name:
            new_lab(Path(name), n)
            columns.append({})
            for what, cost in costs(Path(name)):
                columns[-1][what] = cost
                print(
                    f"{n:6} {what:34} {cost.cpu_seconds:7.2f} CPU-s {cost.seconds:7.2f} s {cost.peak_mb:5.0f} MB",
                    flush=True,
                )
    print("\n".join(table(sizes, columns)))


if __name__ == "__main__":
    main([int(n) for n in sys.argv[1:]] or [100, 1000])
