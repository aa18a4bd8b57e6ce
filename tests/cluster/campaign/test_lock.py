"""The lock of a campaign: one holds it, the living keep it, the dead lose it."""

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cluster.preflight.fakes import FakeSlurm, new_slurm

from assay.cluster.campaign import lock
from assay.cluster.campaign.folder import END, Array, Campaign, CampaignFolder
from assay.errors import AssayError, Refused
from assay.store.owner import Owner

LOCK = Path("results/.campaigns/lock")
TAKE = "import sys; from assay.cluster.campaign import lock; print(lock.take('results', sys.argv[1]))"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    """The working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def slurm(tmp_path, monkeypatch) -> FakeSlurm:
    fake = new_slurm(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(fake.folder))
    return fake


def taken_by_another(name: str) -> None:
    """A process that is gone has taken the lock."""
    subprocess.run([sys.executable, "-c", TAKE, name], check=True)


def sent(name: str, *, executor: str = "local", job: str = "", end: str = "1") -> CampaignFolder:
    """The folder of a campaign with one pilot, whose process or job is `job`."""
    folder = CampaignFolder(Path("results/.campaigns", name))
    folder.running("cpu", 0).parent.mkdir(parents=True)
    folder.ended("cpu", 0).parent.mkdir()
    array = Array("cpu", 1, 0, 1, 2000, 60, job=job)
    last = Array(END, 1, 0, 1, 4000, 60, job=end)
    folder.write(Campaign(name, time.time(), executor, "config.yaml", "", [array], last))
    return folder


@pytest.fixture
def pilot():
    """A process that works for the campaign `old`."""
    command = [sys.executable, "-c", "import time; time.sleep(600)", "/somewhere/.campaigns/old/logs"]
    with subprocess.Popen(command) as process:
        yield process
        process.kill()


def test_a_free_lock_is_taken_and_names_its_campaign():
    assert lock.take("results", "new") == ""
    held = lock.holder("results")
    assert held and held.campaign == "new"
    assert LOCK.exists()
    assert not [path for path in LOCK.parent.iterdir() if path != LOCK]


def test_a_second_campaign_is_refused_while_the_first_is_being_sent():
    lock.take("results", "first")
    with pytest.raises(
        AssayError, match=r"campaign first of \S+, sent by process .* assay campaign cancel first"
    ):
        lock.take("results", "second")
    assert json.loads(LOCK.read_text())["campaign"] == "first"


def test_a_campaign_whose_sender_died_before_it_was_sent_loses_the_lock():
    taken_by_another("old")
    assert "campaign old of " in lock.take("results", "new")
    held = lock.holder("results")
    assert held and held.campaign == "new"


def test_a_campaign_keeps_the_lock_while_a_pilot_of_it_runs_here(pilot):
    taken_by_another("old")
    sent("old", job=str(pilot.pid))
    with pytest.raises(AssayError, match="is not over"):
        lock.take("results", "new")
    pilot.kill()
    pilot.wait()
    assert lock.take("results", "new")


def test_a_process_of_something_else_under_the_same_number_is_no_pilot(pilot):
    folder = sent("other", job=str(pilot.pid))
    assert not lock.lives(folder, folder.read())


def test_a_pilot_that_says_it_runs_elsewhere_counts_as_alive_until_it_has_ended():
    folder = sent("old", job="1")
    elsewhere = replace(Owner.here(""), host="elsewhere", machine="another", slurm_job="")
    elsewhere.write(folder.running("cpu", 0))
    assert lock.has_pilots(folder, folder.read())
    folder.ended("cpu", 0).write_text("0\n")
    assert not lock.has_pilots(folder, folder.read())


def test_a_campaign_keeps_the_lock_while_slurm_knows_a_job_of_it(slurm):
    taken_by_another("old")
    sent("old", executor="slurm", job="7")
    slurm.prints("squeue", "7_0\n")
    with pytest.raises(AssayError, match="is not over"):
        lock.take("results", "new")
    slurm.prints("squeue", "")
    assert lock.take("results", "new")


def test_of_another_users_campaign_slurm_may_hide_the_jobs(slurm, monkeypatch):
    taken_by_another("old")
    owner = sent("old", executor="slurm", job="7").path.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(AssayError, match="is not over"):
        lock.take("results", "new")


def test_a_lock_that_cannot_be_removed_says_so(monkeypatch):
    lock.take("results", "new")

    def read_only(self, target):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "rename", read_only)
    with pytest.raises(
        AssayError, match=r"lock: Read-only file system, so that the lock of campaign new stays"
    ):
        lock.release("results", "new")


@pytest.mark.parametrize(
    "content", [{"name": "old"}, {"name": "old", "arrays": [], "end": "12", "asked": {}}]
)
def test_a_campaign_of_another_version_says_so(content):
    folder = sent("old")
    (folder.path / "campaign.json").write_text(json.dumps(content))
    with pytest.raises(Refused, match=r"old/campaign.json: damaged, or written by another version"):
        folder.read()


def test_jobs_are_asked_for_by_name(slurm):
    folder = sent("old", executor="slurm")
    asked = slurm.folder / "asked"
    slurm.command("squeue", f'echo "$@" > {asked}')
    lock.lives(folder, folder.read())
    assert "--name=assay-old-cpu,assay-old-end" in asked.read_text().split()
    lock.has_pilots(folder, folder.read())
    assert "--name=assay-old-cpu" in asked.read_text().split()


def test_a_slurm_that_does_not_answer_counts_as_a_campaign_that_lives(slurm):
    taken_by_another("old")
    sent("old", executor="slurm")
    slurm.prints("squeue", "", code=1, error="Unable to contact slurm controller")
    with pytest.raises(AssayError, match="delete this file"):
        lock.take("results", "new")


def test_only_the_campaign_that_holds_the_lock_lets_go_of_it():
    lock.take("results", "new")
    assert not lock.release("results", "other")
    assert LOCK.exists()
    assert lock.release("results", "new")
    assert not LOCK.exists()
    assert not lock.release("results", "new")


def test_a_lock_that_is_another_by_now_is_left_in_its_place(monkeypatch):
    lock.take("results", "old")
    old = lock.holder("results")
    LOCK.unlink()
    lock.take("results", "new")
    content = LOCK.read_bytes()
    monkeypatch.setattr(lock, "holder", lambda results: old)  # as it was read a moment ago
    assert not lock.release("results", "old")
    assert LOCK.read_bytes() == content
    assert list(LOCK.parent.iterdir()) == [LOCK]


def test_of_many_that_take_over_a_dead_lock_at_once_one_wins():
    taken_by_another("old")
    go = "import sys, time; time.sleep(max(0, float(sys.argv[2]) - time.time())); " + TAKE + "; input()"
    start = str(time.time() + 8)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", go, f"r{n}", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for n in range(6)
    ]
    said = [racer.stdout.readline() for racer in racers]
    for racer in racers:
        racer.communicate("\n")
    winners = [n for n, line in enumerate(said) if line]
    assert len(winners) == 1, said
    assert json.loads(LOCK.read_text())["campaign"] == f"r{winners[0]}"


def test_a_lock_that_cannot_be_read_says_what_to_do():
    LOCK.parent.mkdir(parents=True)
    LOCK.write_text("torn")
    with pytest.raises(AssayError, match="Where none runs, delete it"):
        lock.take("results", "new")
