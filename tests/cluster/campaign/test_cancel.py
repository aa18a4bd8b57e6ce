"""Campaigns that are ended before their time."""

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cli.bench import Bench
from cluster.campaign.by_hand import ByHand, by_hand, until
from cluster.campaign.test_pilot import processes_in

from assay.cluster.campaign import lock, stopping
from assay.cluster.campaign.folder import END, CampaignFolder, campaigns
from assay.errors import AssayError
from assay.store.owner import Owner

LONG = "results/small/loss_landscape.parquet"


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, **commands: str) -> None:
    folder.mkdir()
    for name, text in commands.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def pid(folder: CampaignFolder, array: str) -> int:
    """The process of the only pilot of an array, or of END."""
    owner = Owner.read(folder.running(array, 0))
    assert owner is not None
    return owner.pid


@pytest.fixture
def sent(fed: Bench, monkeypatch: pytest.MonkeyPatch) -> ByHand:
    """A campaign that was sent to Slurm."""
    monkeypatch.chdir(fed.folder)
    campaign = by_hand(fed, {"cpu": [[LONG]]}, executor="slurm")
    campaign.sent(cpu="11")
    lock.take("results", "c1")
    there = CampaignFolder(campaign.folder.path)
    there.write(there.read())
    return campaign


@pytest.fixture
def here(fed: Bench, monkeypatch: pytest.MonkeyPatch) -> CampaignFolder:
    """A campaign on this host, whose pilot makes a landscape that takes minutes."""
    fed.configure(options__landscape__resolution=601)
    monkeypatch.chdir(fed.folder)
    asked = ("--executor", "local", "--checkpoints", "small", "--artifacts", "landscape", "--cpus", "1")
    run = fed.assay("campaign", *asked)
    assert run.code == 0, run.text
    until(Path(f"{LONG}.owner").exists, 300)
    return campaigns("results")[-1]


def test_what_was_sent_to_slurm_is_cancelled_by_name_and_the_lock_falls(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, scancel=f'echo "$*" >> {tmp_path}/calls', squeue="true")
    run = Bench(sent.lab.folder).assay("campaign", "cancel")
    assert run.code == 0, run.text
    assert (tmp_path / "calls").read_text() == "--name=assay-c1-cpu\n--name=assay-c1-end\n"
    assert lock.holder("results") is None
    assert Path("results/manifest.json").exists()
    assert sent.folder.cancelled.exists()


def test_a_slurm_that_does_not_answer_leaves_the_lock(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = "echo 'no controller' >&2; exit 1"
    fake(tmp_path / "bin", monkeypatch, scancel=silent, squeue=silent)
    run = Bench(sent.lab.folder).assay("campaign", "cancel")
    assert run.code == 1
    assert "scancel: no controller" in run.err
    assert lock.holder("results") is not None
    assert sent.folder.cancelled.exists(), "the pilots do not know"


def test_what_scancel_says_of_jobs_that_are_gone_is_nothing_to_us(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, scancel="echo 'no active jobs' >&2; exit 1", squeue="true")
    run = Bench(sent.lab.folder).assay("campaign", "cancel")
    assert run.code == 0, run.text
    assert lock.holder("results") is None


def test_a_campaign_that_is_over_is_not_cancelled(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, scancel=f"touch {tmp_path}/calls", squeue="true")
    lock.release("results", "c1")
    run = Bench(sent.lab.folder).assay("campaign", "cancel")
    assert (run.code, run.err) == (0, "campaign c1 was over already.\n")
    assert not (tmp_path / "calls").exists()
    assert not sent.folder.cancelled.exists()


def test_where_the_pilots_cannot_be_told_their_jobs_are_cancelled_all_the_same(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, scancel=f'echo "$*" >> {tmp_path}/calls', squeue="true")

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stopping, "publish_bytes", full)
    stopping.cancel(sent.folder)
    assert "--name=assay-c1-cpu\n" in (tmp_path / "calls").read_text()
    assert lock.holder("results") is None


def test_another_users_campaign_is_not_cancelled(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, scancel=f"touch {tmp_path}/calls", squeue="true")
    monkeypatch.setattr(os, "getuid", lambda: sent.folder.path.stat().st_uid + 1)
    with pytest.raises(AssayError, match="another user's campaign"):
        stopping.cancel(sent.folder)
    assert not (tmp_path / "calls").exists()
    assert not sent.folder.cancelled.exists()


def test_a_cancelled_campaign_of_this_host_leaves_no_process_no_lock_and_no_owner(
    here: CampaignFolder,
) -> None:
    started = time.monotonic()
    run = Bench(Path.cwd()).assay("campaign", "cancel")
    assert run.code == 0, run.text
    assert time.monotonic() - started < 30
    assert not processes_in(Path.cwd()) - {os.getpid()}
    assert lock.holder("results") is None
    assert not Path(f"{LONG}.owner").exists()
    assert "It was cancelled." in Bench(Path.cwd()).assay("campaign", "status").out


def test_a_campaign_here_whose_pilot_is_killed_ends_and_leaves_no_process(here: CampaignFolder) -> None:
    os.kill(pid(here, "cpu"), signal.SIGKILL)
    until(lambda: lock.holder("results") is None, 60)
    until(lambda: not processes_in(Path.cwd()) - {os.getpid()}, 5)


def test_what_outlived_a_killed_pilot_and_a_killed_end_is_cancelled(here: CampaignFolder) -> None:
    for array in (END, "cpu"):
        os.kill(pid(here, array), signal.SIGKILL)
    until(lambda: not lock.lives(here, here.read()))
    assert processes_in(Path.cwd()) - {os.getpid()}, "the job that nobody ended"
    run = Bench(Path.cwd()).assay("campaign", "cancel")
    assert run.code == 0, run.text
    assert not processes_in(Path.cwd()) - {os.getpid()}
    assert lock.holder("results") is None


def test_an_end_that_is_at_work_does_not_keep_the_lock_from_cancel(
    fed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fed.folder)
    monkeypatch.setattr(stopping, "PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr(stopping, "KILLED_SECONDS", 5.0)
    campaign = by_hand(fed, {"cpu": [[LONG]]})
    campaign.sent(cpu="")
    lock.take("results", "c1")
    writes = [sys.executable, "-c", "import time; time.sleep(30)", str(campaign.folder.path)]
    code = {**os.environ, "PYTHONPATH": str(campaign.folder.code.absolute())}
    with subprocess.Popen(writes, env=code, start_new_session=True) as end:
        replace(Owner.here(END), pid=end.pid).write(campaign.folder.running(END, 0))
        there = campaign.folder.read()
        campaign.folder.write(replace(there, end=replace(there.end, job=str(end.pid))))
        stopping.cancel(campaign.folder)
        assert end.wait(10) == -signal.SIGKILL
    assert lock.holder("results") is None


def test_a_campaign_is_cancelled_though_config_and_sheet_are_being_edited(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, scancel="true", squeue="true")
    Path("sheet.tsv").write_text("checkpoint\tfam")
    Path("config/config.yaml").write_text("checkpoints: sheet.tsv\ndata: {can: }\n")
    run = Bench(sent.lab.folder).assay("campaign", "cancel")
    assert run.code == 0, run.text
    assert lock.holder("results") is None
    assert Path("results/manifest.json").exists()


def test_the_lock_of_a_cancelled_campaign_falls_before_its_manifest_is_written(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, scancel="true", squeue="true")
    held: list[object] = []
    monkeypatch.setattr(stopping, "bind", lambda folder: held.append(lock.holder("results")))
    stopping.cancel(sent.folder)
    assert held == [None]


def test_pilots_that_hang_are_killed_with_all_that_they_started(
    here: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "PATIENCE_SECONDS", 2.0)
    os.kill(pid(here, "cpu"), signal.SIGSTOP)
    run = Bench(Path.cwd()).assay("campaign", "cancel")
    assert run.code == 0, run.text
    assert not processes_in(Path.cwd()) - {os.getpid()}
    assert lock.holder("results") is None
