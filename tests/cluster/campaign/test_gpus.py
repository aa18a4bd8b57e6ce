"""The GPUs of this machine, by their names; nvidia-smi is a stand-in."""

from pathlib import Path

import pytest

from assay.cluster.campaign.gpus import visible_gpus


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in that lists two GPUs; all that is on PATH."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\necho 0; echo 1\n")
    command.chmod(0o755)
    return command


@pytest.mark.parametrize(
    ("variable", "gpus"),
    [("2,3", ["2", "3"]), (" 1, GPU-5e", ["1", "GPU-5e"]), ("", []), ("-1", []), ("1,-1,0", ["1"])],
)
def test_the_users_own_list_is_taken_up_to_the_first_that_cuda_does_not_take(
    nvidia_smi: Path, monkeypatch: pytest.MonkeyPatch, variable: str, gpus: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert visible_gpus() == gpus


def test_without_a_list_all_that_nvidia_smi_lists_are_seen(nvidia_smi: Path) -> None:
    assert visible_gpus() == ["0", "1"]


def test_an_nvidia_smi_that_fails_or_is_not_there_means_no_gpu(nvidia_smi: Path) -> None:
    nvidia_smi.write_text("#!/bin/sh\necho No devices were found; exit 6\n")
    assert visible_gpus() == []
    nvidia_smi.unlink()
    assert visible_gpus() == []
