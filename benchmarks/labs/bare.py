"""A bare Snakemake workflow of as many jobs, edges and files as a lab of `made.py`."""

from pathlib import Path

from labs.made import ARTIFACTS, FAMILIES

NAMES = sorted({name for row in ARTIFACTS.values() for name in row.split(",")})
BARE = """
OF = {of!r}
DATA = ("digits", "scans")
def has(i):
    return [a for a in OF[i % 2] if i or a != "cka"]
def data(wildcards):
    return "bare/data/" + DATA[int(wildcards.c[1:]) % 2] + "/data.json"
rule all:
    input: "bare/manifest.json"
rule intake:
    input: "runs/{{c}}/last.pt"
    output: "bare/{{c}}/intake.json", "bare/{{c}}/weights.safetensors", "bare/{{c}}/hparams.json"
    log: "logs/{{c}}/intake.log"
    shell: "touch {{output}}"
rule training:
    input: "runs/{{c}}/last.pt"
    output: "bare/{{c}}/training.json", "bare/{{c}}/run.json"
    log: "logs/{{c}}/training.log"
    shell: "touch {{output}}"
rule data:
    input: "runs/{{d}}.npz"
    output: "bare/data/{{d}}/data.json", "bare/data/{{d}}/val.safetensors"
    shell: "touch {{output}}"
for name in {names!r}:
    extra = {{"cka": "bare/m0/intake.json", "record": "bare/{{c}}/training.json"}}
    rule:
        name: name
        input: "bare/{{c}}/intake.json", data, extra.get(name, [])
        output: f"bare/{{{{c}}}}/{{name}}.out", f"bare/{{{{c}}}}/records/{{name}}.json"
        log: f"logs/{{{{c}}}}/{{name}}.log"
        shell: "touch {{output}}"
rule manifest:
    input: [f"bare/m{{i}}/{{a}}.out" for i in range({n}) for a in has(i)]
    output: "bare/manifest.json"
    shell: "touch {{output}}"
"""


def write_bare(folder: Path, n: int) -> None:
    """The Snakefile `Bare` for `n` checkpoints, and an empty one beside it."""
    of = [ARTIFACTS[family].split(",") for family in FAMILIES]
    (folder / "Bare").write_text(BARE.format(of=of, names=NAMES, n=n))
    (folder / "Empty").write_text("rule all:\n    input: []\n")
