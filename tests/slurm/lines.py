"""What the profile asks of sbatch: one line for each rule and group, recorded by a stand-in.

python tests/slurm/lines.py > tests/slurm/lines.txt accepts a change.
"""

import csv
import io
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from lab import ROOT, Lab, Run

GOLDEN = Path(__file__).with_name("lines.txt")
STAND_INS = Path(__file__).with_name("recorded")
ALONE = ("--group-components", "intake=1", "light=1", "figures=1")
PARTITIONS = ("--slurm-partition-config", "slurm/partitions.yaml")
HEADINGS = {
    "every rule, each job alone": ALONE,
    "groups as shipped, with partitions.yaml: eight checkpoints, a GPU for each embedding": PARTITIONS,
}
CHANGING = re.compile(r"--(job-name|output|comment) \S+ |-D \S+")


def lines() -> Iterator[str]:
    """The lines of all rules of the demo, and those of groups, under headings."""
    with tempfile.TemporaryDirectory() as folder:
        for number, (heading, arguments) in enumerate(HEADINGS.items()):
            study = Recorder(Path(folder, str(number)))
            study.fill(eight=arguments != ALONE)
            yield f"# {heading}"
            yield from study.lines(arguments)


@dataclass(frozen=True, slots=True)
class Recorder:
    """The demo, or eight checkpoints of one family, of which nothing is made but empty files."""

    folder: Path
    commands: list[str] = field(default_factory=lambda: [str(STAND_INS)])  # the last one leads PATH

    def fill(self, *, eight: bool) -> None:
        """Lay out config, sheet and profile."""
        for name in ("config", "profiles"):
            shutil.copytree(ROOT / name, self.folder / name)
        (self.folder / "slurm").symlink_to("profiles/slurm")
        path = self.folder / "config/config.yaml"
        config = yaml.safe_load(path.read_text())
        config.setdefault("artifacts", {})["dqn_policy"] = True
        if eight:
            config["resources"] = {"embeddings": {"gpu": 1}}
            rows = [f"c{i}\tgat\tresults/demo/gat_v2.ckpt\tcan_demo\tembeddings" for i in range(8)]
            head = "checkpoint\tfamily\tpath\tdata\tartifacts"
            (self.folder / "config/checkpoints.tsv").write_text("\n".join([head, *rows, ""]))
        path.write_text(yaml.safe_dump(config))

    def lines(self, arguments: Sequence[str]) -> list[str]:
        """A line for every rule or group of rules that is sent."""
        self.snakemake(*arguments)
        calls = (self.folder / "sbatch.jsonl").read_text().splitlines()
        return sorted({_line(**json.loads(call)) for call in calls})

    def snakemake(self, *arguments: str) -> Run:
        """Run with the profile; no job is ever more than empty files."""
        (self.folder / "outputs.json").write_text(json.dumps(self._outputs()))
        (self.folder / "sbatch.jsonl").write_text("")
        quickly = ("--max-jobs-per-timespan", "900/1s", "--slurm-init-seconds-before-status-checks", "1")
        return self._run(*arguments, "--profile", "slurm", *quickly)

    def _outputs(self) -> dict[str, list[str]]:
        """Files by rule and checkpoint."""
        said = self._run("--detailed-summary").out
        found: dict[str, list[str]] = {}
        for row in csv.DictReader(io.StringIO(said[said.index("output_file") :]), delimiter="\t"):
            of_all = row["rule"].startswith(("demo_", "data_", "manifest"))
            checkpoint = "" if of_all else row["output_file"].split("/")[1]
            found.setdefault(f"{row['rule']}:{checkpoint}", []).append(row["output_file"])
        return found

    def _run(self, *arguments: str) -> Run:
        own = {
            "SBATCH_RECORD": str(self.folder / "sbatch.jsonl"),
            "PATH": os.pathsep.join([*reversed(self.commands), os.environ["PATH"]]),
        }
        return Lab(self.folder, own)._run("snakemake", "-s", str(ROOT / "Snakefile"), *arguments)


def _line(rules: list[str], options: list[str]) -> str:
    """The options without what differs from run to run, the rules in front."""
    counted = ", ".join(f"{rules.count(rule)} {rule}" for rule in sorted(set(rules)))
    return f"{counted}: {' '.join(CHANGING.sub('', ' '.join(options)).split())}"


if __name__ == "__main__":
    print("\n".join(lines()))
