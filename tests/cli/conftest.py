"""Benches on which the commands run in this process."""

import pytest
from cli.bench import ALONE, Bench, new_bench


@pytest.fixture
def bench(tmp_path, monkeypatch) -> Bench:
    """A bench where nothing was made yet; the working folder."""
    bench = new_bench(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    return bench


@pytest.fixture(scope="session")
def finished_bench(tmp_path_factory) -> Bench:
    """A bench where everything was made and bound; not to be changed."""
    bench = new_bench(tmp_path_factory.mktemp("finished") / "bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bench.folder)
        for request in (["big", *ALONE], ["small", *ALONE, "cka"]):
            run = bench.assay("make", *request)
            assert run.code == 0, run.text
        assert bench.assay("manifest").code == 0
    return bench


@pytest.fixture
def made(finished_bench, tmp_path, monkeypatch) -> Bench:
    """A copy of the finished bench; the working folder."""
    bench = finished_bench.copy(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    return bench
