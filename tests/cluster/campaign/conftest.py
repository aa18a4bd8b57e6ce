"""A bench whose inputs are made."""

from pathlib import Path

import pytest
from cli.bench import Bench, new_bench
from cli.conftest import finished_bench, made
from cluster.preflight.conftest import bench, slurm

__all__ = ["bench", "finished_bench", "made", "slurm"]


@pytest.fixture(scope="session")
def fed_bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = new_bench(tmp_path_factory.mktemp("fed") / "bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bench.folder)
        patch.setenv("ASSAY_SERVER", "")
        for command in (("intake", "big"), ("intake", "small"), ("prepare", "can")):
            run = bench.assay(*command)
            assert run.code == 0, run.text
    return bench


@pytest.fixture
def fed(fed_bench: Bench, tmp_path: Path) -> Bench:
    """A copy of a bench whose intakes and data are made, and nothing else."""
    return fed_bench.copy(tmp_path / "bench")
