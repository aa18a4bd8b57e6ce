"""A Slurm of fake commands: they answer with what a real one printed, changed where a test wants it otherwise."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from cli.bench import Bench

from assay.cluster.preflight.profile import Profile
from assay.cluster.preflight.site import Site, site_of

RECORDED = Path(__file__).parent / "slurm_22_05"  # of four nodes on one machine: c1 to c3, g1 with two GPUs
PROFILE = {
    "executor": "slurm",
    "jobs": 200,
    "slurm-status-command": "squeue",
    "slurm-init-seconds-before-status-checks": 10,
    "cores": 4,
    "resources": {"gpu": 1},
    "default-resources": {"mem_mb": 4000, "runtime": 30},
}
SRUN = """while [ $# -gt 0 ]; do case "$1" in --*) shift;; *) break;; esac; done
exec "$@"
"""


def recorded(what: str) -> str:
    """The output of `scontrol show` for config, partition or node."""
    return (RECORDED / f"{what}.txt").read_text()


def changed(what: str, changes: Mapping[str, Mapping[str, str]]) -> str:
    """The recorded partitions or nodes, with fields of some of them set: name -> field -> value."""
    lines = []
    for line in recorded(what).splitlines():
        name = re.match(r"\w+Name=(\S+)", line)[1]
        for field, value in changes.get(name, {}).items():
            assert re.search(rf" {field}=", line), (name, field)
            line = re.sub(rf" {field}=\S*", f" {field}={value}", line)
        lines.append(line)
    assert changes.keys() <= {re.match(r"\w+Name=(\S+)", line)[1] for line in lines}
    return "\n".join(lines) + "\n"


def configured(**settings: str) -> str:
    """The recorded settings, some of them set."""
    text = recorded("config")
    for key, value in settings.items():
        text, n = re.subn(rf"(?m)^{key} .*$", f"{key} = {value}", text)
        assert n == 1, key
    return text


def a_site(
    *,
    partitions: Mapping[str, Mapping[str, str]] | None = None,
    nodes: Mapping[str, Mapping[str, str]] | None = None,
    **settings: str,
) -> Site:
    """The recorded cluster, changed."""
    return site_of(
        configured(**settings), changed("partition", partitions or {}), changed("node", nodes or {})
    )


@dataclass
class FakeSlurm:
    """A folder of commands that is all of PATH."""

    folder: Path

    def command(self, name: str, script: str) -> None:
        """Put a shell script there as a command."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def prints(self, name: str, text: str, *, code: int = 0, error: str = "") -> None:
        """A command that prints `text` whatever it is asked."""
        said = self.folder / f"{name}.said"
        said.write_text(text)
        self.command(name, f"echo '{error}' >&2; /bin/cat {said}; exit {code}")

    def shows(self, what: str, text: str) -> None:
        """What `scontrol show` prints for config, partition or node."""
        (self.folder / f"{what}.said").write_text(text)

    def without(self, name: str) -> None:
        """Take a command away."""
        (self.folder / name).unlink()


def new_slurm(folder: Path) -> FakeSlurm:
    """Every command, of an idle cluster; `srun` runs its job here."""
    folder.mkdir()
    slurm = FakeSlurm(folder)
    for what in ("config", "partition", "node"):
        slurm.shows(what, recorded(what))
    slurm.command("scontrol", f"/bin/cat {folder}/$2.said")
    slurm.command("srun", SRUN)
    for name in ("squeue", "sacct", "scancel"):
        slurm.prints(name, "")
    slurm.prints("sacctmgr", "root|normal||\n")
    return slurm


def a_profile(**keys: object) -> Profile:
    """The profile of the bench with other keys; `_` stands for `-`."""
    return Profile(
        "slurm/config.yaml", {**PROFILE, **{key.replace("_", "-"): value for key, value in keys.items()}}
    )


def put_profile(bench: Bench, **keys: object) -> None:
    """Write the profile of a bench."""
    (bench.folder / "slurm").mkdir(exist_ok=True)
    (bench.folder / "slurm/config.yaml").write_text(yaml.safe_dump(dict(a_profile(**keys).content)))
