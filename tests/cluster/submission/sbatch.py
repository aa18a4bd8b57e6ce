"""A stand-in for sbatch: job 7 of a recorded cluster, which runs on this machine at once or never."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster.preflight.fakes import FakeSlurm, new_slurm

SBATCH = """/bin/cp "$1" {folder}/sent.sh
[ -e {folder}/held ] && {{ echo Submitted batch job 7; exit 0; }}
out=$(/bin/sed -n 's/^#SBATCH --output=//p' "$1" | /bin/sed s/%j/7/)
(SLURM_JOB_ID=7 /bin/bash "$1" || /bin/touch {folder}/failed) >> "$out" 2>&1 &
echo Submitted batch job 7"""


@dataclass
class JobSlurm(FakeSlurm):
    """A cluster that takes jobs."""

    def hold(self) -> None:
        """Jobs never start."""
        (self.folder / "held").touch()

    def says(self, state: str, reason: str = "") -> None:
        """What squeue says of the job until it fails; nothing where `state` is empty."""
        told = f'[ -e {self.folder}/failed ] && state=FAILED || state="{state}"'
        short, long = f'[ -z "$state" ] || echo "7|$state|{reason}"', 'echo "$state N/A"'
        self.command("squeue", f'{told}; case "$*" in *--Format*) {long};; *) {short};; esac')

    @property
    def asked(self) -> dict[str, str]:
        """What the script that was sent asks of sbatch."""
        return dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", self.sent, re.MULTILINE))

    @property
    def sent(self) -> str:
        """The script that was sent; empty where none was."""
        file = self.folder / "sent.sh"
        return file.read_text() if file.exists() else ""


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> JobSlurm:
    """An idle cluster; its commands are all that is on PATH."""
    cluster = JobSlurm(new_slurm(tmp_path / "bin").folder)
    cluster.command("sbatch", SBATCH.format(folder=cluster.folder))
    cluster.says("RUNNING")
    monkeypatch.setenv("PATH", str(Path(cluster.folder)))
    return cluster
