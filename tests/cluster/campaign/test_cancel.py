"""Campaigns that are ended before their time."""

import os
import signal
import time
from pathlib import Path

import pytest
from cli.bench import Bench
from cluster.campaign.by_hand import ByHand, by_hand, until
from cluster.campaign.test_pilot import processes_in

from assay.cluster.campaign import lock, stopping
from assay.cluster.campaign.folder import CampaignFolder, campaigns
from assay.store.owner import Owner

LONG = "results/small/loss_landscape.parquet"


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, **commands: str) -> None:
    folder.mkdir()
    for name, text in commands.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


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
    assert (tmp_path / "calls").read_text() == "--name=assay-c1-cpu,assay-c1-end\n"
    assert lock.holder("results") is None
    assert Path("results/manifest.json").exists()
    assert sent.folder.cancelled.exists()


def test_a_slurm_that_does_not_answer_leaves_the_lock(
    sent: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path / "bin", monkeypatch, scancel="echo 'no controller' >&2; exit 1", squeue="true")
    run = Bench(sent.lab.folder).assay("campaign", "cancel")
    assert run.code == 1
    assert "scancel: no controller" in run.err
    assert lock.holder("results") is not None
    assert sent.folder.cancelled.exists(), "the pilots do not know"


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


def test_pilots_that_hang_are_killed_with_all_that_they_started(
    here: CampaignFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "PATIENCE_SECONDS", 2.0)
    owner = Owner.read(here.running("cpu", 0))
    assert owner is not None
    os.kill(owner.pid, signal.SIGSTOP)
    run = Bench(Path.cwd()).assay("campaign", "cancel")
    assert run.code == 0, run.text
    assert not processes_in(Path.cwd()) - {os.getpid()}
    assert lock.holder("results") is None
