"""The real `assay serve`, asked by real `assay make`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.bench import new_bench
from cluster.test_forkserver import alive, until
from lab import Lab

ARTIFACTS = ("embeddings", "evaluation", "landscape")
FILES = ("embeddings.npz", "evaluation.json", "loss_landscape.parquet")


@dataclass
class Served:
    """A lab in which `assay serve` runs."""

    lab: Lab
    server: subprocess.Popen[str]
    socket: Path

    def cpu_seconds(self) -> float:
        """What the server and the jobs that it has waited for have used."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    lab = new_bench(tmp_path / "served")
    socket = tmp_path / "s" / "x.sock"
    lab.environment["ASSAY_SERVER"] = str(socket)
    command = [sys.executable, "-m", "assay", "serve", "--socket", socket, "--idle-minutes", "5"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == f"ready: {socket}\n"
        yield Served(Lab(lab.folder, lab.environment), server, socket)
        server.kill()


def make(lab: Lab, *artifacts: str) -> None:
    run = lab.assay("make", "big", *artifacts)
    assert run.code == 0, run.text


def landscape(lab: Lab) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "assay", "make", "big", "landscape"]
    environment = {**os.environ, **lab.environment, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, cwd=lab.folder, env=environment, stderr=subprocess.DEVNULL)


def test_artifacts_of_a_server_have_the_bytes_of_those_of_fresh_processes(
    served: Served, tmp_path: Path
) -> None:
    fresh = Lab(new_bench(tmp_path / "fresh").folder, {"ASSAY_SERVER": ""})
    before = served.cpu_seconds()
    for lab in (served.lab, fresh):
        make(lab, *ARTIFACTS)
    assert served.cpu_seconds() > before, "the server made nothing"
    for name in FILES:
        made = [(lab.folder / "results/big" / name).read_bytes() for lab in (served.lab, fresh)]
        assert made[0] == made[1], name


def test_a_killed_client_takes_its_job_along_and_the_next_one_makes_the_artifact(served: Served) -> None:
    served.lab.configure(options__landscape__resolution=301)
    with landscape(served.lab) as client:
        owner = served.lab.folder / "results/big/loss_landscape.parquet.owner"
        until(owner.exists, 300)
        (job,) = children(served.server.pid)
        client.kill()
        until(lambda: not alive(job))
    served.lab.configure(options__landscape__resolution=3)
    make(served.lab, "landscape")
    assert not owner.exists()


def test_a_server_that_crashes_costs_no_artifact(served: Served) -> None:
    make(served.lab, "embeddings")
    served.lab.configure(options__landscape__resolution=61)
    with landscape(served.lab) as client:
        until((served.lab.folder / "results/big/loss_landscape.parquet.owner").exists, 300)
        served.server.send_signal(signal.SIGKILL)
        assert client.wait(400) == 0
    run = served.lab.assay("list", "--json")
    assert '"artifact": "landscape",\n  "state": "done"' in run.out
    assert (served.lab.folder / "results/big/embeddings.npz").exists()


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
