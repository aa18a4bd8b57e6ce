"""Pilots as processes, on real checkpoints; Slurm's commands are stand-ins."""

import math
import os
import re
import shutil
import signal
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cli.bench import Bench, new_bench
from cluster.campaign.by_hand import ByHand, by_hand, until

from assay.cluster.campaign import progress
from assay.cluster.campaign.clock import Clock, clock
from assay.cluster.campaign.command import snakemake
from assay.cluster.campaign.pilot import Pilot
from assay.cluster.campaign.progress import Share
from assay.cluster.campaign.site import site_of

INPUTS = ["results/big/intake.json", "results/small/intake.json", "results/data/can/data.json"]
LIGHT = ["results/big/embeddings.npz", "results/small/embeddings.npz", "results/small/cka.json"]
LONG = "results/small/loss_landscape.parquet"
ROWS = 601  # of a landscape that takes minutes


def children(process: int) -> dict[str, int]:
    """The children of a process by what their command line says: serve, snakemake."""
    found = {}
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        found |= {name: int(child) for name in ("serve", "snakemake") if name in words}
    return found


def ignored(process: int) -> set[int]:
    """The signals that a process ignores."""
    said = Path(f"/proc/{process}/status").read_text().partition("SigIgn:")[2].split()[0]
    return {number for number in range(1, 64) if int(said, 16) >> (number - 1) & 1}


def slurm(folder: Path, left: str) -> dict[str, str]:
    """The environment of a task of an array that has `left`; Slurm kills it where it asks to be requeued."""
    folder.mkdir(exist_ok=True)
    commands = {
        "squeue": f"case $* in *%L*) echo {left};; esac",
        "scontrol": f'[ $1 = requeue ] && echo "$*" >> {folder}/calls && kill -KILL $PPID',
    }
    for name, text in commands.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    ids = {"SLURM_JOB_ID": "41", "SLURM_ARRAY_JOB_ID": "40", "SLURM_ARRAY_TASK_ID": "0"}
    return {**ids, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def processes_in(folder: Path) -> set[int]:
    """All processes that work in a folder."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                if (entry / "cwd").readlink() == folder:
                    found.add(int(entry.name))
    return found


def records(campaign: ByHand) -> dict[str, int]:
    """When each record was written."""
    files = (campaign.lab.folder / "results").glob("*/records/*.json")
    return {str(file): file.stat().st_mtime_ns for file in files}


def test_a_pilot_makes_its_share_and_another_start_makes_nothing(fed: Bench) -> None:
    campaign = by_hand(fed, {"cpu": [LIGHT]})
    assert campaign.code("cpu") == 0
    made = records(campaign)
    assert len(made) == len(LIGHT)
    assert campaign.file(campaign.folder.ended("cpu", 0)).read_text() == "0\n"
    assert campaign.code("cpu") == 0
    assert records(campaign) == made
    assert campaign.log("cpu").count("Job stats") == 1
    assert not processes_in(fed.folder)


def test_what_is_made_but_stale_is_made_again_though_snakemake_remembers_nothing(fed: Bench) -> None:
    first = by_hand(fed, {"cpu": [LIGHT[:1]]})
    assert first.code("cpu") == 0
    made = records(first)
    shutil.rmtree(fed.folder / ".snakemake")
    shutil.rmtree(fed.folder / "results/.campaigns")
    again = by_hand(fed, {"cpu": [LIGHT[:1]]})
    assert again.code("cpu") == 0
    assert records(again).keys() == made.keys()
    assert records(again) != made


def written(file: Path) -> tuple[int, int]:
    state = file.stat()
    return state.st_ino, state.st_mtime_ns


def test_what_is_fresh_by_the_records_is_not_made_again_whatever_snakemake_remembers(fed: Bench) -> None:
    first = by_hand(fed, {"cpu": [LIGHT[2:]]})
    assert first.code("cpu") == 0
    shutil.rmtree(fed.folder / "results/.campaigns")
    for file in (fed.folder / ".snakemake/metadata").iterdir():
        file.write_text(re.sub(r'"params": \[[^\]]*\]', '"params": ["other"]', file.read_text()))
    names = ("results/small/cka.json", INPUTS[1], INPUTS[2])
    inputs = [fed.folder / name for name in names]
    for name, file in zip(names, inputs, strict=True):
        os.utime(file)
        mark = fed.folder / ".snakemake/incomplete" / urlsafe_b64encode(name.encode()).decode()
        mark.write_text('{"external_jobid": null}')
    before = [written(file) for file in inputs]
    again = by_hand(fed, {"cpu": [[LIGHT[1], "results/small/figures/cka.png"]]})
    assert again.code("cpu") == 0
    assert [written(file) for file in inputs] == before


def test_what_asks_for_a_gpu_is_one_job_at_a_time_with_one_and_any_number_without(
    fed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = by_hand(fed, {"cpu": [[LONG]]})
    monkeypatch.chdir(fed.folder)
    (array,) = campaign.folder.read().arrays
    asked = {n: " ".join(snakemake(campaign.folder, replace(array, gpus=n), [LONG])) for n in (0, 1)}
    assert " gpu=1 " in asked[1]
    assert " gpu=" not in asked[0]


def test_of_many_refused_checkpoints_each_folder_is_looked_at_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"c{number}" for number in range(50)]
    bench = new_bench(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    campaign = by_hand(bench, {"inputs": [[f"results/{name}/intake.json" for name in names]]})
    looked: list[str] = []
    monkeypatch.setattr(progress, "listing", lambda folder: looked.append(folder) or {})
    Path("logs").mkdir()
    share = Share.read(campaign.folder, "inputs", 0)
    site = site_of(campaign.folder, "inputs")
    pilot = Pilot(campaign.folder, campaign.folder.read().arrays[0], share, site, clock(math.inf))
    assert not pilot._are_refused(share.targets)
    assert len(looked) <= 2 * 2 * len(names)


def test_short_of_its_limit_a_pilot_asks_slurm_to_start_it_again_and_goes_on_where_it_was(
    fed: Bench, tmp_path: Path
) -> None:
    fed.configure(options__landscape__resolution=ROWS)
    campaign = by_hand(fed, {"cpu": [[LONG]]}, executor="slurm")
    parts = campaign.file(f"{LONG}.parts")
    with campaign.start("cpu", **slurm(tmp_path / "bin", left="3:00")) as pilot:
        until(lambda: list(parts.glob("*/*.npz")), 300)
        assert pilot.wait(400) == -signal.SIGKILL
    assert (tmp_path / "bin/calls").read_text() == "requeue 40_0\n"
    assert not campaign.file(campaign.folder.ended("cpu", 0)).exists()
    assert not processes_in(fed.folder)
    assert not campaign.file(f"{LONG}.owner").exists()


def test_a_pilot_that_makes_nothing_in_its_time_does_not_ask_for_more(fed: Bench, tmp_path: Path) -> None:
    campaign = by_hand(fed, {"cpu": [LIGHT]}, executor="slurm")
    assert campaign.code("cpu", **slurm(tmp_path / "bin", left="0:21")) == 3
    assert not (tmp_path / "bin/calls").exists()
    assert campaign.file(campaign.folder.ended("cpu", 0)).read_text() == "3\n"
    assert "see --minutes" in campaign.log("cpu")


@dataclass(frozen=True)
class PastItsTime:
    """A place whose time is over once something happened there, and that counts the orders to requeue."""

    happens: Callable[[], object]
    orders: list[str]

    def seconds_left(self) -> float:
        return 0.0

    def why_not(self, over: Callable[[], bool]) -> str:
        self.happens()
        return ""

    def await_the_end(self, over: Callable[[], bool]) -> None:
        raise AssertionError("nobody said so")

    def requeue(self) -> str:
        self.orders.append("requeue")
        return "requeued"


def test_a_pilot_asks_for_more_after_a_first_failure_and_not_after_the_same_again(
    fed: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = by_hand(fed, {"cpu": [LIGHT]})
    monkeypatch.chdir(fed.folder)
    failure = Path("results/small/records/cka.failed.json")
    failure.parent.mkdir(exist_ok=True)
    array, share = campaign.folder.read().arrays[0], Share.read(campaign.folder, "cpu", 0)
    orders: list[str] = []
    pilot = Pilot(campaign.folder, array, share, PastItsTime(failure.touch, orders), Clock(0.0, 0.0))
    assert pilot.run() == 143
    assert orders == ["requeue"]
    assert pilot.run() == 3
    assert orders == ["requeue"]


def test_what_failed_before_is_tried_once_more_after_all_that_was_not_tried(fed: Bench) -> None:
    campaign = by_hand(fed, {"cpu": [[LIGHT[2], LIGHT[0]]]})
    (fed.folder / "results/small/records").mkdir()
    (fed.folder / "results/small/records/cka.failed.json").write_text('{"error": "no luck"}')
    assert campaign.code("cpu") == 0
    first, second = sorted(records(campaign), key=records(campaign).__getitem__)
    assert (Path(first).name, Path(second).name) == ("embeddings.json", "cka.json")
    assert campaign.log("cpu").count("Job stats") == 2


def test_a_pilot_whose_every_target_fails_says_that_nothing_could_be_made(tmp_path: Path) -> None:
    bench = new_bench(tmp_path / "bench")
    (bench.folder / "runs/big.ckpt").write_bytes(b"no checkpoint")
    campaign = by_hand(bench, {"cpu": [INPUTS[:1]]})
    assert campaign.code("cpu") == 3


def test_a_checkpoint_that_is_refused_fails_nothing_but_itself(tmp_path: Path) -> None:
    bench = new_bench(tmp_path / "bench")
    (bench.folder / "runs/big.ckpt").write_bytes(b"no checkpoint")
    campaign = by_hand(bench, {"inputs": [INPUTS[:1], INPUTS[1:]], "cpu": [LIGHT[:2]]})
    assert campaign.code("inputs", 0) == 0
    assert campaign.code("inputs", 1) == 0
    assert campaign.code("cpu") == 1
    assert [Path(path).parts[-3] for path in records(campaign) if "failed" not in path] == ["small"]


def test_a_checkpoint_that_goes_away_fails_nothing_but_itself(tmp_path: Path) -> None:
    bench = new_bench(tmp_path / "bench")
    campaign = by_hand(bench, {"inputs": [INPUTS], "cpu": [LIGHT[:2]]})
    (bench.folder / "runs/big.ckpt").unlink()
    assert campaign.code("inputs") == 0
    assert campaign.code("cpu") == 1
    assert [Path(path).parts[-3] for path in records(campaign) if "failed" not in path] == ["small"]
    assert "there is no such file" in (bench.folder / "results/big/records/intake.failed.json").read_text()


def test_a_checkpoint_whose_intake_is_killed_fails_nothing_but_itself(tmp_path: Path) -> None:
    bench = new_bench(tmp_path / "bench")
    campaign = by_hand(bench, {"inputs": [INPUTS]})
    feeding = campaign.file(campaign.folder.code / "assay/feeding.py")
    take_in = "    plan.row(checkpoint)\n    target"
    killed = take_in.replace(
        "target", "import os\n    checkpoint == 'big' and os.kill(os.getpid(), 9)\n    target"
    )
    assert take_in in feeding.read_text()
    feeding.write_text(feeding.read_text().replace(take_in, killed))
    assert campaign.code("inputs") == 0
    assert (bench.folder / "results/small/intake.json").exists()
    assert "results/big/intake.json: its job was killed" in campaign.log("inputs")


def test_inputs_whose_jobs_never_began_end_all_that_follows(tmp_path: Path) -> None:
    campaign = by_hand(new_bench(tmp_path / "bench"), {"inputs": [INPUTS[:2]]})
    campaign.file(campaign.folder.code / "Snakefile").write_text("no Snakefile\n")
    assert campaign.code("inputs") == 3
    assert "was killed" not in campaign.log("inputs")


def test_data_that_cannot_be_prepared_end_all_that_follows(tmp_path: Path) -> None:
    bench = new_bench(tmp_path / "bench")
    (bench.folder / "runs/val.npz").write_bytes(b"no data")
    campaign = by_hand(bench, {"inputs": [INPUTS], "cpu": [LIGHT]})
    with campaign.start("cpu") as follower:
        assert campaign.code("inputs") == 1
        assert follower.wait(120) == 1
    assert "inputs-0 ended with exit code 1" in campaign.log("cpu")
    assert not (bench.folder / "results/small/records").exists()


def test_pilots_end_where_one_of_the_inputs_was_killed(tmp_path: Path) -> None:
    bench = new_bench(tmp_path / "bench")
    campaign = by_hand(bench, {"inputs": [INPUTS], "cpu": [LIGHT]})
    with campaign.start("inputs") as inputs, campaign.start("cpu") as follower:
        until(lambda: "serve" in children(inputs.pid))
        os.killpg(children(inputs.pid)["serve"], signal.SIGKILL)
        inputs.kill()
        inputs.wait()
        assert follower.wait(120) == 1
    assert "inputs-0 died" in campaign.log("cpu")


def test_a_killed_fork_server_and_a_killed_snakemake_cost_no_artifact(fed: Bench) -> None:
    campaign = by_hand(fed, {"cpu": [LIGHT]})
    with campaign.start("cpu") as pilot:
        until(lambda: records(campaign), 300)
        os.kill(children(pilot.pid)["serve"], signal.SIGKILL)
        os.kill(children(pilot.pid)["snakemake"], signal.SIGKILL)
        assert pilot.wait(400) == 0
    assert len(records(campaign)) == len(LIGHT)
    assert "Snakemake was killed by signal 9; it is started again" in campaign.log("cpu")


def test_what_a_killed_pilot_started_dies_with_it(fed: Bench) -> None:
    fed.configure(options__landscape__resolution=ROWS)
    campaign = by_hand(fed, {"cpu": [[LONG]]})
    with campaign.start("cpu") as pilot:
        until(campaign.file(f"{LONG}.owner").exists, 300)
        started = children(pilot.pid)
        pilot.kill()
    assert started.keys() == {"serve", "snakemake"}
    until(lambda: not any(Path(f"/proc/{child}/cwd").exists() for child in started.values()), 10)
    for orphan in processes_in(fed.folder):
        os.kill(orphan, signal.SIGKILL)


@pytest.fixture
def in_background() -> Iterator[None]:
    """What is started ignores Ctrl-C, as the background jobs of a script do."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_background")
def test_a_cancelled_pilot_ends_with_all_that_it_started_and_lets_go_of_its_target(fed: Bench) -> None:
    fed.configure(options__landscape__resolution=ROWS)
    campaign = by_hand(fed, {"cpu": [[LONG]]})
    with campaign.start("cpu") as pilot:
        until(campaign.file(f"{LONG}.owner").exists, 300)
        campaign.file(campaign.folder.cancelled).touch()
        assert pilot.wait(60) == 143
    assert not processes_in(fed.folder)
    assert not campaign.file(f"{LONG}.owner").exists()


def test_a_pilot_that_is_told_to_end_by_slurm_waits_to_be_killed(fed: Bench, tmp_path: Path) -> None:
    fed.configure(options__landscape__resolution=ROWS)
    campaign = by_hand(fed, {"cpu": [[LONG]]}, executor="slurm")
    with campaign.start("cpu", **slurm(tmp_path / "bin", left="59:00")) as pilot:
        until(campaign.file(f"{LONG}.owner").exists, 300)
        deaf_to = ignored(children(pilot.pid)["serve"])
        os.kill(pilot.pid, signal.SIGTERM)
        for child in children(pilot.pid).values():
            os.killpg(child, signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            pilot.wait(5)
        assert campaign.file(f"{LONG}.owner").exists(), "the job heeded it"
        campaign.file(campaign.folder.cancelled).touch()
        assert pilot.wait(60) == 143
    assert {signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2} <= deaf_to
