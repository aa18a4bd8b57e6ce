"""What an artifact costs beside its own computing, on a real Slurm: jobs of their own, groups, pilots.

python benchmarks/campaign.py [ARTIFACTS]    by default 16; needs what `make test-slurm` needs
"""

import os
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from lab import ROOT
from slurm.campaigns import with_checkpoints
from slurm.clusters import Cluster, new_cluster, wait_for
from slurm.study import Study, cpu_seconds, new_template, study_of
from slurm.table import reason_against

USUAL = 16
PILOTS = 2
PATIENCE_SECONDS = 60  # for each artifact
LOCAL = "--executor local --profile none --workflow-profile none --nolock --scheduler greedy -c 1 --"


def each_a_job(study: Study, names: list[str]) -> None:
    study.snakemake("--jobs", "4", names=tuple(names))
    assert study.ended(PATIENCE_SECONDS * len(names)) == 0, study.told()


def groups_of_eight(study: Study, names: list[str]) -> None:
    study.snakemake("--jobs", "4", "--groups", "probe=light", names=tuple(names))
    assert study.ended(PATIENCE_SECONDS * len(names)) == 0, study.told()


def pilots_without_a_fork_server(study: Study, names: list[str]) -> None:
    """What a pilot runs, in jobs of our own: a pilot always starts a server."""
    snakemake = f"{sys.executable} -m snakemake -s {ROOT / 'Snakefile'} {LOCAL}"
    for share in (names[number::PILOTS] for number in range(PILOTS)):
        command = f"ASSAY_SERVER= {snakemake} {shlex.join(f'results/{name}/probe.json' for name in share)}"
        study.sbatch("--mem", "4000", "--wrap", command)


def pilots(study: Study, names: list[str]) -> None:
    asked = ("--pilots", str(PILOTS), "--cpus", "1", "--no-probe", "--snakefile", str(ROOT / "Snakefile"))
    run = study.assay("campaign", *asked)
    assert run.code == 0, run.text


WAYS: list[Callable[[Study, list[str]], None]] = [
    each_a_job,
    groups_of_eight,
    pilots_without_a_fork_server,
    pilots,
]


def costs(n: int, cluster: Cluster, folder: Path) -> Iterator[tuple[str, float, float, float]]:
    """Way, CPU-seconds an artifact in Slurm's jobs, those outside of them, and seconds an artifact."""
    names = [f"c{number}" for number in range(n)]
    template = new_template(folder / "template")
    for way in WAYS:
        study = study_of(template, folder / way.__name__, cluster, ())
        with_checkpoints(study, names)
        before, outside, began = cpu_seconds(cluster), _outside(), time.monotonic()
        way(study, names)
        wait_for("all artifacts", lambda study=study: _all_made(study, names), PATIENCE_SECONDS * n)
        seconds = time.monotonic() - began
        study.check_right(*names)
        spent, elsewhere = cpu_seconds(cluster) - before, _outside() - outside
        yield way.__name__.replace("_", " "), spent / n, elsewhere / n, seconds / n


def _all_made(study: Study, names: list[str]) -> bool:
    return all((study.lab.folder / f"results/{name}/records/probe.json").exists() for name in names)


def _outside() -> float:
    """CPU-seconds of the commands that we started and waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main(n: int) -> int:
    """Print a line for each way."""
    if refusal := reason_against():
        print(f"not measured: {refusal}")
        return 0
    cluster = new_cluster(ACCT="dbd")
    try:
        with tempfile.TemporaryDirectory(prefix="assay-bench-", ignore_cleanup_errors=True) as folder:
            print(f"{n} light artifacts: CPU-seconds each in jobs, outside of them, and seconds each")
            for way, inside, outside, seconds in costs(n, cluster, Path(folder)):
                print(f"{way:<30} {inside:7.2f} {outside:7.2f} {seconds:7.2f}", flush=True)
    finally:
        cluster.down()
    return 0


if __name__ == "__main__":
    os.environ.pop("SNAKEMAKE_PROFILE", None)
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else USUAL))
