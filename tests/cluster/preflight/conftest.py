"""A bench with a fake Slurm beside it, whose commands are all that is on PATH."""

import pytest
from cli.bench import Bench, new_bench
from cli.conftest import finished_bench, made
from cluster.preflight.fakes import FakeSlurm, new_slurm, put_profile

__all__ = ["bench", "finished_bench", "made", "slurm"]


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> FakeSlurm:
    """An idle cluster."""
    fake = new_slurm(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(fake.folder))
    return fake


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Bench:
    """A bench where nothing was made yet, with a profile that the cluster serves; the working folder."""
    bench = new_bench(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no_config"))
    put_profile(bench)
    return bench
