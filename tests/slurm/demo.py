"""The demo without Slurm and on a real one, of the same trained checkpoints: are all products equal, byte for byte?

python tests/slurm/demo.py prints what was made, and how long it took.
"""

import csv
import os
import shutil
import sys
import tempfile
import time
from difflib import unified_diff
from itertools import islice
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab import ROOT, Lab
from slurm.clusters import Cluster, new_cluster
from slurm.study import Study, products
from slurm.table import reason_against

AT_ONCE = 4  # jobs: the nodes are all one machine
PATIENCE_SECONDS = 4 * 3600
MOST_LINES = 20  # of what differs, of each file


def main() -> int:
    """0 where every product is equal, 1 where not, 2 where Slurm cannot be started here."""
    if refusal := reason_against():
        print(f"make demo-slurm: {refusal}", file=sys.stderr)
        return 2
    cluster = new_cluster(ACCT="dbd")
    try:
        with tempfile.TemporaryDirectory(prefix="assay-demo-") as folder:
            return compared(cluster, Path(folder))
    finally:
        cluster.down()


def compared(cluster: Cluster, folder: Path) -> int:
    """Make the demo twice, and say what differs."""
    trained = trained_demo(folder / "trained")
    print(f"trained: {len(checkpoints(trained))} checkpoints", flush=True)
    here, there = (Lab(trained.copy(folder / name).folder, trained.environment) for name in ("here", "there"))
    started = time.monotonic()
    run = here.snakemake()
    if run.code:
        sys.exit(f"without Slurm: exit {run.code}\n{run.text[-5000:]}")
    print(f"without Slurm: {len(products(here))} files in {time.monotonic() - started:.0f} s", flush=True)
    study, started = Study(there, cluster), time.monotonic()
    study.snakemake("--jobs", str(AT_ONCE), names=())
    code = study.ended(PATIENCE_SECONDS)
    if code:
        sys.exit(f"on Slurm: exit {code}\n{study.told()}")
    seconds, sent = time.monotonic() - started, len(study.jobs())
    print(f"on Slurm: {len(products(there))} files in {seconds:.0f} s, {sent} sbatch", flush=True)
    different = differing(here, there)
    print("\n".join(["every product is equal" if not different else "DIFFERENT:", *different]))
    for name in (name for name in different if not name.endswith(".png")):
        print("\n".join(first_lines(here.folder / name, there.folder / name)))
    return 1 if different else 0


def trained_demo(folder: Path) -> Lab:
    """The demo as it is shipped, on the CPU, with its checkpoints trained and nothing made of them."""
    for name in ("config", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "slurm").symlink_to("profiles/slurm")
    config = folder / "config/config.yaml"
    config.write_text(yaml.safe_dump({**yaml.safe_load(config.read_text()), "device": "cpu"}))
    lab = Lab(folder, {"PYTHONPATH": str(ROOT / "src"), "ASSAY_SERVER": ""})
    run = lab.snakemake("--", *checkpoints(lab))
    if run.code:
        sys.exit(f"training: exit {run.code}\n{run.text[-5000:]}")
    return lab


def checkpoints(lab: Lab) -> list[str]:
    """The checkpoint files that the sheet names."""
    with (lab.folder / "config/checkpoints.tsv").open() as sheet:
        return [row["path"] for row in csv.DictReader(sheet, delimiter="\t")]


def differing(here: Lab, there: Lab) -> list[str]:
    """The products that only one has, or whose bytes differ."""
    ours, theirs = (
        {p.relative_to(lab.folder): p.read_bytes() for p in products(lab)} for lab in (here, there)
    )
    return sorted(str(name) for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))


def first_lines(here: Path, there: Path) -> list[str]:
    """Where two texts begin to differ."""
    ours, theirs = (
        path.read_text(errors="replace").splitlines() if path.exists() else [] for path in (here, there)
    )
    return [line[:200] for line in islice(unified_diff(ours, theirs, str(here), str(there), n=0), MOST_LINES)]


if __name__ == "__main__":
    os.environ.pop("SNAKEMAKE_PROFILE", None)
    sys.exit(main())
