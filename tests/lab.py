"""A small lab to run the real thing in: two checkpoints, CAN logs, a config, a sheet, and both commands."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
REFERENCE = Path(__file__).parent / "reference"
STUDENT = REFERENCE / "graphids" / "gat_student.ckpt"

CONFIG = {
    "checkpoints": "sheet.tsv",
    "device": "cpu",
    "figures": False,
    "artifacts": {"attention_weights": False, "landscape": False, "record": False},
    "data": {
        "can": {
            "source": "can_bus",
            "path": ["runs/can/train_norm", "runs/can/train_att"],
            "splits": {"test": "runs/can/test_01"},
            "window": 50,
            "stride": 50,
        }
    },
}
SHEET = """checkpoint\tfamily\tpath\tdata\tteacher
big\tgat\truns/big.ckpt\tcan\t
small\tgat\truns/small.ckpt\tcan\tbig
"""
ALL_JOBS = {"data_can": 1, "intake": 2, "embeddings": 2, "cka": 1, "evaluation": 2, "manifest": 1, "all": 1}


@dataclass(frozen=True)
class Run:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Everything said, in the order of the streams."""
        return self.out + self.err

    @property
    def jobs(self) -> dict[str, int]:
        """Snakemake's job counts; empty where there is nothing to be done."""
        table = re.search(r"^job +count\n-+ +-+\n(.*?)^total ", self.text, re.DOTALL | re.MULTILINE)
        return (
            {name: int(n) for name, n in re.findall(r"^(\S+) +(\d+)$", table[1], re.MULTILINE)}
            if table
            else {}
        )


@dataclass
class Lab:
    """One working folder."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def snakemake(self, *arguments: str, cores: int = 2) -> Run:
        """Run Snakemake here, with the project's Snakefile."""
        snakefile = str(ROOT / "Snakefile")
        return self._run("snakemake", "-s", snakefile, "-c", str(cores), "--rerun-incomplete", *arguments)

    def planned(self, *arguments: str) -> dict[str, int]:
        """The jobs of a dry run, the manifest and `all` left out."""
        run = self.snakemake("-n", *arguments)
        assert run.code == 0, run.text
        return {name: n for name, n in run.jobs.items() if name not in ("manifest", "all")}

    def assay(self, *arguments: str) -> Run:
        """Run `assay` here."""
        return self._run("assay", *arguments)

    def configure(self, **keys: object) -> None:
        """Change keys of the config; a dotted key reaches inside."""
        config = yaml.safe_load((self.folder / "config/config.yaml").read_text())
        for key, value in keys.items():
            place = config
            *path, last = key.split("__")
            for part in path:
                place = place.setdefault(part, {})
            place[last] = value
        (self.folder / "config/config.yaml").write_text(yaml.safe_dump(config))

    def replace(self, name: str, content: bytes, mtime: float | None = None) -> None:
        """Put another file in the place of one, as `mv` does."""
        target = self.folder / name
        other = target.with_suffix(".incoming")
        other.write_bytes(content)
        if mtime is not None:
            os.utime(other, (mtime, mtime))
        other.replace(target)

    def sheet(self, *rows: str, more: str = "") -> None:
        """Put another sheet in the place of this one, cells between spaces; `more` columns behind the teacher's."""
        lines = (f"checkpoint family path data teacher {more}", *rows)
        self.replace("sheet.tsv", "".join("\t".join(line.split()) + "\n" for line in lines).encode())

    def own_source(self) -> Path:
        """A copy of the package that this lab alone uses from now on."""
        source = self.folder / "src"
        shutil.copytree(ROOT / "src", source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        self.environment["PYTHONPATH"] = str(source)
        return source / "assay"

    def copy(self, folder: Path) -> "Lab":
        """The same lab, times and Snakemake's memory included, in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        return Lab(folder)

    def _run(self, *command: str) -> Run:
        environment = {**os.environ, **self.environment, "OMP_NUM_THREADS": "1"}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        return Run(done.returncode, done.stdout, done.stderr)


def new_lab(folder: Path) -> Lab:
    """A lab in which nothing was made yet."""
    (folder / "config").mkdir(parents=True)
    (folder / "runs").mkdir()
    shutil.copytree(REFERENCE / "can" / "raw", folder / "runs" / "can")
    for name in ("big", "small"):
        shutil.copy(STUDENT, folder / "runs" / f"{name}.ckpt")
    (folder / "runs/big.ckpt").write_bytes(other_checkpoint(1))
    (folder / "config/config.yaml").write_text(yaml.safe_dump(CONFIG))
    (folder / "sheet.tsv").write_text(SHEET)
    return Lab(folder)


def other_checkpoint(seed: int) -> bytes:
    """The reference checkpoint with other weights."""
    import io

    import torch

    content = torch.load(STUDENT, weights_only=True)
    generator = torch.Generator().manual_seed(seed)
    for tensor in content["state_dict"].values():
        if tensor.is_floating_point():
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=generator))
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
