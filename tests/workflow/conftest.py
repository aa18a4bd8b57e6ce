"""A lab that was run to the end once; every test works in a copy of it."""

import pytest
from filelock import FileLock
from lab import Lab, new_lab


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Lab:
    """The lab after one complete run, shared by all workers; not to be changed."""
    shared = (
        tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    )
    folder = shared / "finished-lab"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            run = new_lab(folder).snakemake()
            assert run.code == 0, run.text
    return Lab(folder)


@pytest.fixture
def made(finished, tmp_path) -> Lab:
    """A copy of the finished lab."""
    return finished.copy(tmp_path / "lab")


@pytest.fixture
def fresh(tmp_path) -> Lab:
    """A lab in which nothing was made yet."""
    return new_lab(tmp_path / "fresh")
