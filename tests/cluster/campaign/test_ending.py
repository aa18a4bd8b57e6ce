"""The job that closes a campaign: it waits for pilots, writes the manifest, and lets go of the lock."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli.bench import new_bench
from cluster.campaign.by_hand import ByHand, by_hand

from assay.cluster.campaign import ending, leftovers, lock
from assay.cluster.campaign.folder import END
from assay.store.owner import Owner

MANIFEST = Path("results/manifest.json")
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ByHand:
    """A campaign of this host that holds the lock, and none of whose pilots runs."""
    bench = new_bench(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    lock.take("results", "c1")
    return by_hand(bench, {"cpu": [["results/small/cka.json"]] * 2})


@pytest.fixture
def on_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ByHand:
    """The same, sent to Slurm; what squeue says of it is in `queue`, a line for each look at the pilots."""
    bench = new_bench(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    lock.take("results", "c1")
    queue = f"head -n 1 {tmp_path}/queue; sed -i 1d {tmp_path}/queue"
    command(tmp_path, monkeypatch, "squeue", f"case $* in *%L*) cat {tmp_path}/left;; *) {queue};; esac")
    monkeypatch.setenv("SLURM_JOB_ID", "41")
    return by_hand(bench, {"cpu": [["results/small/cka.json"]]}, executor="slurm")


@pytest.fixture
def processes(campaign: ByHand) -> Iterator[list[subprocess.Popen[bytes]]]:
    """One that runs the campaign's code, and one that does not, each in a session that a pilot may have led."""
    ours = {"PYTHONPATH": f"{campaign.folder.code.absolute()}:/elsewhere"}
    both = [
        subprocess.Popen(SLEEP, env=environment, start_new_session=True)
        for environment in (ours, {"PYTHONPATH": f"/elsewhere:{campaign.folder.code.absolute()}"})
    ]
    yield both
    for process in both:
        process.kill()
        process.wait()


def command(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}/bin{os.pathsep}{os.environ['PATH']}")


def signed(campaign: ByHand, array: str, number: int, process: subprocess.Popen[bytes]) -> None:
    """Let a process have been started as a pilot."""
    replace(Owner.here(array), pid=process.pid).write(campaign.folder.running(array, number))


def test_a_campaign_whose_pilots_are_gone_is_bound_and_lets_go_of_the_lock(campaign: ByHand) -> None:
    assert ending.main(str(campaign.folder.path)) == 0
    assert MANIFEST.exists()
    assert lock.holder("results") is None


def test_checkpoints_that_went_away_while_it_ran_hinder_no_manifest(campaign: ByHand) -> None:
    for name in ("big.ckpt", "val.npz"):
        Path("runs", name).unlink()
    ending.close(campaign.folder)
    assert MANIFEST.exists()


@pytest.mark.parametrize("in_the_way", ["plan", "folder"])
def test_the_lock_falls_though_no_manifest_can_be_written(
    campaign: ByHand, capsys: pytest.CaptureFixture[str], in_the_way: str
) -> None:
    if in_the_way == "plan":
        campaign.folder.config.write_text("- no config\n")
    else:
        MANIFEST.mkdir()
    assert ending.main(str(campaign.folder.path)) == 1
    assert lock.holder("results") is None
    assert "campaign c1 is over, but its manifest could not be written: " in capsys.readouterr().err


def test_what_was_cancelled_is_left_to_who_cancels(campaign: ByHand) -> None:
    campaign.folder.cancelled.touch()
    assert ending.main(str(campaign.folder.path)) == 0
    assert not MANIFEST.exists()
    assert lock.holder("results") is not None


def test_slurm_is_asked_for_the_pilots_every_half_minute(
    on_slurm: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue").write_text("11_0\n11_0\n")
    (tmp_path / "left").write_text("59:00\n")
    slept: list[float] = []
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=slept.append)
    monkeypatch.setattr(ending, "time", clock)
    assert ending.main(str(on_slurm.folder.path)) == 0
    assert slept == [30.0, 30.0]
    assert lock.holder("results") is None


def test_an_end_whose_time_is_up_before_the_pilots_has_itself_started_again(
    on_slurm: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue").write_text("11_0\n" * 9)
    (tmp_path / "left").write_text("0:21\n")  # a second of it to wait
    command(tmp_path, monkeypatch, "scontrol", f'echo "$*" >> {tmp_path}/calls; kill -KILL $PPID')
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", ending.__name__, str(on_slurm.folder.path)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert time.monotonic() - started < 20
    assert (tmp_path / "calls").read_text() == "requeue 41\n"
    assert not MANIFEST.exists()
    assert lock.holder("results") is not None


def test_where_slurm_does_not_tell_the_time_the_limit_of_the_end_counts(on_slurm: ByHand) -> None:
    there = on_slurm.folder
    campaign = there.read()
    there.write(replace(campaign, end=replace(campaign.end, minutes=7)))
    assert ending.site_of(there, END).seconds_left() == 420


def test_what_outlived_a_pilot_is_killed_where_it_runs_the_campaigns_code(
    campaign: ByHand, processes: list[subprocess.Popen[bytes]]
) -> None:
    ours, stranger = processes
    signed(campaign, "cpu", 0, ours)
    signed(campaign, "cpu", 1, stranger)
    leftovers.kill(campaign.folder, campaign.folder.read())
    assert ours.wait(10) == -signal.SIGKILL
    with pytest.raises(subprocess.TimeoutExpired):
        stranger.wait(0.5)


def test_a_campaign_ends_with_what_outlived_its_pilots(
    campaign: ByHand, processes: list[subprocess.Popen[bytes]]
) -> None:
    ours, _ = processes
    signed(campaign, "cpu", 0, ours)
    campaign.end("cpu", 0, 1)
    assert ending.main(str(campaign.folder.path)) == 0
    assert ours.wait(10) == -signal.SIGKILL


def test_a_process_of_another_session_is_left_alone(
    campaign: ByHand, processes: list[subprocess.Popen[bytes]]
) -> None:
    ours, stranger = processes
    signed(campaign, "cpu", 0, stranger)
    leftovers.kill(campaign.folder, campaign.folder.read())
    with pytest.raises(subprocess.TimeoutExpired):
        ours.wait(0.5)
