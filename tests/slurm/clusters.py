"""A real Slurm on this machine, for tests: up, down, and what can go wrong with it.

python3 tests/slurm/clusters.py prints the Debian packages that it lacks.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"
NEEDED = {  # command -> Debian's package
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "sbatch": "slurm-client",
    "munged": "munge",
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server",
    "unshare": "util-linux",
    "perl": "perl-base",
}


def missing_packages() -> list[str]:
    """What must be installed before a cluster can come up."""
    path = f"{os.environ['PATH']}:/usr/local/sbin:/usr/sbin:/sbin"
    return sorted({package for command, package in NEEDED.items() if not shutil.which(command, path=path)})


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster; its commands lead PATH in `environment`."""

    folder: Path
    up_seconds: float

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a user of this cluster."""
        path = f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def ask(self, *command: str) -> str:
        """What a command of this cluster prints."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=True
        ).stdout

    def kill(self, daemon: str) -> None:
        """SIGKILL a daemon; a node dies with all its jobs."""
        os.kill(int((self.folder / "run" / f"{daemon}.daemon").read_text()), signal.SIGKILL)

    def start(self, daemon: str) -> None:
        """Start a daemon that was killed."""
        subprocess.run([SCRIPTS / "daemon.sh", self.folder, daemon], check=True)

    def down(self) -> None:
        """End the cluster and remove what it left."""
        subprocess.run([SCRIPTS / "down.sh", self.folder], check=True)


def new_cluster(**settings: str) -> Cluster:
    """A cluster of its own, up; `settings` are those of scripts/up.sh."""
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    started = time.monotonic()
    up = subprocess.run(
        [SCRIPTS / "up.sh", folder], env={**os.environ, **settings}, capture_output=True, text=True
    )
    if up.returncode:
        raise RuntimeError(f"no cluster came up in {folder}:\n{up.stderr}")
    return Cluster(folder, time.monotonic() - started)


def wait_for(what: str, condition: Callable[[], object], seconds: float = 600) -> object:
    """The first true value of `condition`.

    Raises:
        AssertionError: it was not true in time.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds:g} s")


if __name__ == "__main__":
    print(*missing_packages())
