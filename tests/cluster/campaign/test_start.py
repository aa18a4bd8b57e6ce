"""assay campaign and resume: what they print, refuse and send; a whole campaign on this machine."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from cluster.campaign.by_hand import by_hand
from cluster.preflight.fakes import changed

from assay.cluster.campaign import lock
from assay.cluster.campaign.folder import CampaignFolder, campaigns
from assay.cluster.campaign.snapshot import changes

HERE = ("campaign", "--executor", "local")


def everything(folder: Path) -> dict[str, int]:
    """Every file and folder with its time of change."""
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


def over(bench, seconds: float = 240) -> CampaignFolder:
    """The last campaign, once it has let go of the lock."""
    ends = time.monotonic() + seconds
    while lock.holder("results"):
        assert time.monotonic() < ends, "the campaign does not end"
        time.sleep(0.2)
    return campaigns("results")[-1]


@pytest.mark.parametrize("words", [HERE, ("campaign", "--executor", "slurm")])
def test_a_dry_run_prints_the_arrays_and_writes_and_sends_nothing(bench, slurm, words):
    slurm.command("sbatch", f"touch {slurm.folder}/sent")
    slurm.shows("node", changed("node", {name: {"RealMemory": "16000"} for name in ("c1", "c2", "c3")}))
    before = everything(bench.folder)
    run = bench.assay(*words, "--dry-run", "--pilots", "2", "--cpus", "2")
    assert run.code == 0, run.text
    inputs, cpu = run.out.splitlines()
    where = " in cpu" if "slurm" in words else ""
    assert inputs == (
        f"inputs: 2 pilots{where} of 2 CPUs, 9500 MB, 240 minutes; 3 files to make, 1 to 2 a pilot, in 10 to 30 minutes"
        " at most"
    )
    assert cpu.startswith(
        f"cpu: 2 pilots{where} of 2 CPUs, 9500 MB, 240 minutes; 9 files to make, 4 to 5 a pilot"
    )
    assert everything(bench.folder) == before
    assert not (slurm.folder / "sent").exists()


def test_a_partition_that_ends_a_pilot_too_early_is_a_problem_before_anything_is_sent(bench, slurm):
    slurm.command("sbatch", f"touch {slurm.folder}/sent")
    slurm.shows("partition", changed("partition", {"cpu": {"MaxTime": "03:00:00"}}))
    run = bench.assay("campaign", "--executor", "slurm", "--no-probe")
    assert run.code == 2
    assert "minutes of the pilots cpu: got MaxTime of 180, needed 240. Change --minutes" in run.err
    assert not (slurm.folder / "sent").exists()
    assert not Path("results").exists()


def test_without_slurm_on_path_a_campaign_on_slurm_is_refused(bench, slurm):
    for name in ("scontrol", "squeue"):
        slurm.without(name)
    run = bench.assay("campaign", "--executor", "slurm")
    assert run.code == 2
    assert "no Slurm on PATH" in run.err


def test_without_sbatch_on_path_pilots_run_here(bench, slurm):
    assert " in cpu" not in bench.assay("campaign", "--dry-run").out
    slurm.command("sbatch", "exit 1")
    assert " in cpu" in bench.assay("campaign", "--dry-run").out


def test_an_executor_that_there_is_not_is_named_with_those_there_are(bench):
    run = bench.assay("campaign", "--executor", "pbs")
    assert (run.code, run.err) == (2, "--executor 'pbs': allowed are slurm and local.\n")


def test_a_campaign_without_anything_to_make_is_not_sent(made):
    run = made.assay(*HERE)
    assert (run.code, run.out) == (0, "")
    assert "Nothing to make" in run.err
    assert not Path("results/.campaigns").exists()


def test_a_second_campaign_is_refused(bench):
    lock.take("results", "first")
    for words in (HERE, (*HERE, "--dry-run")):
        run = bench.assay(*words)
        assert run.code == 2
        assert re.search(r"another campaign: got campaign first of .*assay campaign cancel first", run.err)
    assert list(Path("results/.campaigns").iterdir()) == [Path("results/.campaigns/lock")]


@pytest.mark.parametrize("command", ["resume", "status", "logs", "cancel"])
def test_every_command_of_a_campaign_has_help_with_an_example(bench, command):
    run = bench.assay("campaign", command, "--help")
    assert run.code == 0
    assert re.search(rf"Example: assay campaign {command}\b", " ".join(run.out.split()))


def test_the_config_before_the_command_is_that_of_all_its_commands(bench):
    Path("config/config.yaml").rename("other.yaml")
    assert bench.assay("--config", "other.yaml", *HERE, "--dry-run").code == 0
    run = bench.assay("--config", "other.yaml", "campaign", "resume")
    assert run.err.startswith("results: no campaign was sent from here")


@pytest.mark.parametrize("words", [("--minutes", "600"), ("--dry-run",), ("--config", "other.yaml")])
def test_options_before_a_command_of_a_campaign_are_refused_by_name(bench, words):
    run = bench.assay("campaign", *words, "resume")
    expected = f"{words[0]} stands before resume. What resume takes follows it.\n"
    assert (run.code, run.err) == (2, expected)


def test_a_campaign_is_resumed_with_the_config_that_it_was_sent_with(bench):
    folder = by_hand(bench, {"cpu": [["results/small/cka.json"]]}).folder
    Path("config/config.yaml").rename("config/study.yaml")
    Path("config/config.yaml").write_text("results: results\n")
    folder.write(replace(folder.read(), config="config/study.yaml"))
    run = bench.assay("campaign", "resume", "--dry-run")
    assert run.code == 0, run.text
    assert "files to make" in run.out
    assert bench.assay("campaign", "resume", "--dry-run", "--config", "config/config.yaml").code == 2


def test_a_campaign_that_there_is_not_cannot_be_resumed(bench):
    Path("results/.campaigns/c1").mkdir(parents=True)
    Path("results/.campaigns/c1/campaign.json").touch()
    run = bench.assay("campaign", "resume", "c2")
    assert (run.code, run.err) == (2, "campaign 'c2' is unknown. There are: c1.\n")


def test_a_campaign_here_ends_complete_with_what_it_began_with_and_is_resumed_with_what_is_left(bench):
    run = bench.assay(*HERE, "--pilots", "2", "--cpus", "1")
    assert run.code == 0, run.text
    config = Path("config/config.yaml").read_text()
    bench.configure(options__landscape__resolution=5)  # while it runs
    folder = over(bench)
    assert run.out == f"{folder.path.name}\n"
    assert "config/config.yaml: options has changed" in changes(folder)

    Path("config/config.yaml").write_text(config)
    listed = bench.assay("list", "--check")
    assert listed.code == 0, listed.text + folder.log("cpu", 0).read_text()
    assert bench.assay("verify").code == 0
    assert json.loads(Path("results/manifest.json").read_bytes())["complete"]
    assert bench.planned() == {}

    for name in ("cka.json", "records/cka.json"):
        Path("results/small", name).unlink()
    again = bench.assay("campaign", "resume")
    assert again.code == 0, again.text
    assert "cpu: 1 pilots of 1 CPUs" in again.err
    assert over(bench).path.name == again.out.strip() != folder.path.name
    assert bench.assay("list", "--check").code == 0
