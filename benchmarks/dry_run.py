"""Dry runs of Assay beside bare Snakemake workflows of the same jobs and files, in CPU seconds of whole processes.

python benchmarks/dry_run.py [CHECKPOINTS]
"""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

SNAKEFILE = Path(__file__).parents[1] / "Snakefile"
EMPTY = "rule all:\n    input: []\n"
BARE = """
N = {n}
ARTIFACTS = {{"embeddings": "npz", "cka": "json", "evaluation": "json"}}
rule all:
    input: "bare/manifest.json"
rule intake:
    input: "runs/{{c}}.ckpt"
    output: "bare/{{c}}/intake.json", "bare/{{c}}/weights.safetensors", "bare/{{c}}/hparams.json"
    log: "logs/{{c}}/intake.log"
    shell: "touch {{output}}"
rule data:
    input: "runs/graphs.npz"
    output: "bare/data/graphs/data.json", "bare/data/graphs/val.safetensors"
    shell: "touch {{output}}"
for name, suffix in ARTIFACTS.items():
    rule:
        name: name
        input: "bare/{{c}}/intake.json", "bare/data/graphs/data.json", ["bare/m0/intake.json"] if name == "cka" else []
        output: f"bare/{{{{c}}}}/{{name}}.{{suffix}}", f"bare/{{{{c}}}}/records/{{name}}.json"
        log: f"logs/{{{{c}}}}/{{name}}.log"
        shell: "touch {{output}}"
rule manifest:
    input: [f"bare/m{{i}}/{{a}}.{{s}}" for i in range(N) for a, s in ARTIFACTS.items() if i or a != "cka"]
    output: "bare/manifest.json"
    shell: "touch {{output}}"
"""


def write_lab(folder: Path, n: int) -> None:
    """A sheet of `n` checkpoints that all have the first one as their teacher, and the bare workflows beside it."""
    (folder / "config").mkdir()
    (folder / "runs").mkdir()
    (folder / "runs/graphs.npz").touch()
    rows = ["checkpoint\tfamily\tpath\tdata\tteacher"]
    for i in range(n):
        (folder / f"runs/m{i}.ckpt").touch()
        rows.append(f"m{i}\tgat\truns/m{i}.ckpt\tgraphs\t{'m0' if i else ''}")
    (folder / "config/checkpoints.tsv").write_text("\n".join(rows) + "\n")
    (folder / "config/config.yaml").write_text(
        "checkpoints: config/checkpoints.tsv\n"
        "data:\n  graphs: {source: graphs, path: runs/graphs.npz}\n"
        "artifacts: {attention_weights: false, landscape: false, record: false}\nfigures: false\n"
    )
    (folder / "Empty").write_text(EMPTY)
    (folder / "Bare").write_text(BARE.format(n=n))


def cpu_seconds(command: list[str], folder: Path) -> float:
    """The user and system time of a command."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def dry_run_seconds(folder: Path, *snakefiles: Path | str, repeats: int = 3) -> list[float]:
    """CPU seconds of `snakemake -n` of each Snakefile, in turns, so that a noisy machine disturbs all alike."""
    turns = [
        [cpu_seconds(["snakemake", "-s", str(snakefile), "-n", "-q"], folder) for snakefile in snakefiles]
        for _ in range(repeats)
    ]
    return [min(times) for times in zip(*turns, strict=True)]


def main(n: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_lab(folder, n)
        empty, bare, ours = dry_run_seconds(folder, "Empty", "Bare", SNAKEFILE)
        target = cpu_seconds(["snakemake", "-s", str(SNAKEFILE), "results/m1/cka.json", "-n", "-q"], folder)
        listed = cpu_seconds(["assay", "list"], folder)
    print(f"empty workflow              {empty:6.2f} CPU-s")
    print(f"bare DAG, {n} checkpoints {bare:6.2f} CPU-s")
    print(f"Assay, the same             {ours:6.2f} CPU-s, {ours / bare:.2f} of bare")
    print(f"Assay, one named target     {target:6.2f} CPU-s, {target / empty:.2f} of empty")
    print(f"assay list                  {listed:6.2f} CPU-s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
