"""How a campaign stands, by files that are laid out by hand."""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cli.bench import Bench, new_bench, save_checkpoint
from cluster.campaign.by_hand import ByHand, by_hand

from assay.cluster.campaign.clock import clock
from assay.cluster.campaign.folder import CampaignFolder
from assay.cluster.campaign.pilot import Pilot
from assay.cluster.campaign.progress import Share
from assay.cluster.campaign.site import site_of
from assay.cluster.campaign.standing import Standing, per_minute, standing

CKA, EMBEDDINGS, FIGURE = (
    "results/small/cka.json",
    "results/small/embeddings.npz",
    "results/small/figures/cka.png",
)
INTAKE = "results/big/intake.json"


@pytest.fixture
def campaign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ByHand:
    bench = new_bench(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    return by_hand(bench, {"inputs": [[INTAKE]], "cpu": [[CKA, FIGURE], [EMBEDDINGS]]})


@pytest.fixture
def process(campaign: ByHand) -> Iterator[str]:
    """A process that works for the campaign."""
    sleep = "import time; time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", sleep, campaign.folder.path]) as alive:
        yield str(alive.pid)
        alive.kill()


def squeue(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (folder / "bin").mkdir()
    (folder / "bin/squeue").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "bin/squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)


def put(path: str, content: str = "{}") -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(content)


def words(found: Standing) -> dict[str, tuple[str, str]]:
    return {f"{pilot.array}-{pilot.number}": (pilot.word, pilot.why) for pilot in found.pilots}


def test_an_artifact_is_made_when_its_record_is_written_and_not_by_an_older_one(campaign: ByHand) -> None:
    put("results/small/records/embeddings.json")
    long_ago = time.time() - 1000
    put("results/small/records/cka.json")
    os.utime("results/small/records/cka.json", (long_ago, long_ago))
    put(CKA)
    assert [pilot.n_made for pilot in standing(campaign.folder).pilots] == [0, 0, 1]


def test_intakes_and_figures_are_made_when_they_are_there(campaign: ByHand) -> None:
    put(INTAKE)
    put(FIGURE)
    assert standing(campaign.folder).n_made == 2


def test_a_failed_job_counts_with_the_reason_that_it_left(campaign: ByHand) -> None:
    put("results/small/records/cka.failed.json", json.dumps({"error": "too few samples"}))
    (failure,) = standing(campaign.folder).failures
    assert (failure.target, failure.why) == (CKA, "too few samples")


def test_a_failure_before_the_campaign_and_one_that_was_made_up_for_do_not_count(campaign: ByHand) -> None:
    for artifact in ("embeddings", "cka"):
        put(f"results/small/records/{artifact}.failed.json", json.dumps({"error": "no"}))
    os.utime("results/small/records/embeddings.failed.json", (1, 1))
    put("results/small/records/cka.json")
    assert not standing(campaign.folder).failures


def test_what_a_pilot_left_that_ended_badly_has_failed_for_what_is_known_of_it(campaign: ByHand) -> None:
    campaign.end("cpu", 0, 1)
    put("logs/small/cka.log", "Traceback\n  ...\nOSError: [Errno 28] No space left on device\n")
    found = {failure.target: failure.why for failure in standing(campaign.folder).failures}
    assert found == {
        CKA: "its job ended without a reason: logs/small/cka.log: OSError: [Errno 28] No space left on device",
        FIGURE: f"never begun: {campaign.folder.log('cpu', 0)}",
    }
    put("results/small/records/intake.failed.json", json.dumps({"error": "no zip"}))
    assert standing(campaign.folder).failures[0].why == "intake of small: no zip"


def test_what_a_pilot_left_that_was_told_to_end_has_not_failed(campaign: ByHand) -> None:
    campaign.end("cpu", 0, 143)
    assert not standing(campaign.folder).failures


def test_running_are_the_targets_that_have_an_owner_of_this_run_of_their_pilot(
    campaign: ByHand, process: str
) -> None:
    campaign.sent(inputs=process, cpu=f"{process},{process}")
    campaign.end("inputs", 0, 0)
    put(f"{CKA}.owner")
    for pilot in (0, 1):
        put(str(campaign.folder.running("cpu", pilot)))
    os.utime(f"{CKA}.owner", (1, 1))
    put(f"{EMBEDDINGS}.owner")
    assert standing(campaign.folder).n_running == 1


def test_pilots_of_this_host_wait_for_inputs_run_end_and_get_lost(campaign: ByHand, process: str) -> None:
    assert words(standing(campaign.folder))["cpu-0"] == ("waiting", "it is being sent")
    campaign.sent(inputs=process, cpu=f"{process},{2**22}")
    found = standing(campaign.folder)
    assert words(found) == {
        "inputs-0": ("running", ""),
        "cpu-0": ("waiting", "inputs"),
        "cpu-1": ("lost", "its process is gone"),
    }
    assert not found.over
    campaign.end("inputs", 0, 0)
    assert words(standing(campaign.folder))["cpu-0"] == ("running", "")
    campaign.end("cpu", 0, 0)
    assert standing(campaign.folder).over


def test_pilots_on_slurm_stand_as_squeue_and_their_files_say_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = new_bench(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    campaign = by_hand(bench, {"inputs": [[INTAKE]], "cpu": [[CKA]] * 5}, executor="slurm")
    campaign.sent(inputs="10", cpu="11")
    said = ["10|COMPLETED|None", "11_0|RUNNING|None", "11_1|PENDING|BeginTime", "11_2|FAILED|NonZeroExitCode"]
    said += ["11_3|PREEMPTED|None"]
    squeue(tmp_path, monkeypatch, f"echo '{chr(10).join(said)}'")
    campaign.end("inputs", 0, 0)
    assert words(standing(campaign.folder)) == {
        "inputs-0": ("ended", "0"),
        "cpu-0": ("running", ""),
        "cpu-1": ("waiting", "BeginTime"),
        "cpu-2": ("lost", "Slurm says FAILED"),
        "cpu-3": ("waiting", "None"),
        "cpu-4": ("lost", "Slurm does not know it"),
    }


def test_where_squeue_does_not_answer_nothing_is_said_to_be_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = new_bench(tmp_path / "bench")
    monkeypatch.chdir(bench.folder)
    campaign = by_hand(bench, {"cpu": [[CKA]]}, executor="slurm")
    campaign.sent(cpu="11")
    squeue(tmp_path, monkeypatch, "echo 'no controller' >&2; exit 1")
    found = standing(campaign.folder)
    assert words(found) == {"cpu-0": ("unknown", "")}
    assert not found.over
    assert not found.failures
    assert found.notes == ["squeue: no controller. So it is not known which pilots run."]


def test_jobs_that_slurm_hides_from_another_user_are_not_lost(
    campaign: ByHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue(tmp_path, monkeypatch, "true")
    there = campaign.folder.read()
    campaign.folder.write(replace(there, executor="slurm"))
    campaign.sent(inputs="1", cpu="2")
    assert {word for word, _ in words(standing(campaign.folder)).values()} == {"lost"}
    owner = campaign.folder.path.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    found = standing(campaign.folder)
    assert {word for word, _ in words(found).values()} == {"unknown"}
    assert not found.over


@pytest.fixture
def mixing(campaign: ByHand) -> ByHand:
    """The campaign of a checkpoint to which attention does not apply, as its intake found, and a manifest after it."""
    save_checkpoint(Path("runs/small.ckpt"), seed=1, conv_type="gps")
    assert campaign.lab.assay("intake", "small").code == 0
    share = campaign.folder.share("cpu", 1)
    share.write_text("results/small/attention_weights.npz\nresults/small/figures/attention_weights.png\n")
    return campaign


def test_what_turned_out_not_to_apply_counts_as_made_though_nothing_is_left_of_it(mixing: ByHand) -> None:
    for code in (0, 1):
        mixing.end("cpu", 1, code)
        found = standing(mixing.folder)
        assert [(pilot.n_targets, pilot.n_made) for pilot in found.pilots] == [(1, 0), (2, 0), (2, 2)]
        assert (found.n_made, found.failures) == (2, [])


def test_a_pilot_of_what_turned_out_not_to_apply_has_made_its_share(mixing: ByHand) -> None:
    mixing.end("inputs", 0, 0)
    assert mixing.code("cpu", 1) == 0
    assert mixing.lab.assay("manifest").code == 4  # others were not made
    assert not Path("results/small/records/attention_weights.json").exists()
    share = Share.read(mixing.folder, "cpu", 1)
    assert len(share.left()) == 2
    site = site_of(mixing.folder, "cpu")
    array = mixing.folder.read().arrays[1]
    assert Pilot(mixing.folder, array, share, site, clock(math.inf))._code() == 0


def test_a_config_that_changes_while_a_campaign_runs_is_told(campaign: ByHand) -> None:
    assert standing(campaign.folder).notes == []
    campaign.lab.configure(seed=7)
    (note,) = standing(campaign.folder).notes
    assert note == "config/config.yaml: seed has changed; the campaign ends with what it began with"


@pytest.mark.parametrize(
    ("times", "rate"),
    [([], None), ([940.0], None), ([0.0, 970.0, 1000.0], 0.2), ([940.0, 960.0, 980.0], 2.0)],
)
def test_the_rate_is_that_of_the_last_ten_minutes_or_since_the_first(
    times: list[float], rate: float | None
) -> None:
    assert per_minute(times, until=1000.0) == pytest.approx(rate)


def test_the_time_left_is_what_is_left_at_that_rate(
    campaign: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    put("results/small/records/embeddings.json")
    put(INTAKE)
    a_minute_ago = time.time() - 60
    share = CampaignFolder(campaign.folder.path).share("cpu", 1)
    os.utime(share, (a_minute_ago, a_minute_ago))
    os.utime("results/small/records/embeddings.json", (a_minute_ago, a_minute_ago))
    found = standing(campaign.folder)
    assert found.per_minute == pytest.approx(1.0, rel=0.1)
    assert found.minutes_left == pytest.approx(2.0, rel=0.1)


def test_the_command_prints_what_stands_and_json_holds_it_all(
    campaign: ByHand, monkeypatch: pytest.MonkeyPatch, process: str
) -> None:
    campaign.sent(inputs=process, cpu=f"{process},{process}")
    campaign.end("inputs", 0, 0)
    campaign.end("cpu", 0, 1)
    put(INTAKE)
    run = Bench(campaign.lab.folder).assay("campaign", "status")
    assert run.code == 0, run.text
    lines = run.out.splitlines()
    assert lines[1].startswith("1 of 4 made, 0 running, 2 failed")
    assert "  cpu: 0 of 3 made; pilots: 1 ended, 1 running" in lines
    assert f"cpu-0 ended with exit code 1: {campaign.folder.log('cpu', 0)}" in lines
    content = json.loads(Bench(campaign.lab.folder).assay("campaign", "status", "c1", "--json").out)
    assert (content["n_targets"], content["n_made"], len(content["failures"])) == (4, 1, 2)


@pytest.mark.parametrize("command", ["status", "logs"])
def test_a_campaign_is_shown_though_config_and_sheet_are_being_edited(campaign: ByHand, command: str) -> None:
    put(str(campaign.folder.log("cpu", 0)), "last\n")
    put("sheet.tsv", "checkpoint\tfam")
    put("config/config.yaml", "checkpoints: sheet.tsv\ndata: {can: }\n")
    run = Bench(campaign.lab.folder).assay("campaign", command)
    assert run.code == 0, run.text


def test_logs_are_the_last_lines_of_each_pilot_or_of_one(campaign: ByHand) -> None:
    for pilot in (0, 1):
        put(str(campaign.folder.log("cpu", pilot)), f"first {pilot}\nlast {pilot}\n")
    bench = Bench(campaign.lab.folder)
    run = bench.assay("campaign", "logs", "-n", "1")
    assert [line for line in run.out.splitlines() if not line.startswith("==>")] == ["last 0", "last 1"]
    run = bench.assay("campaign", "logs", "--pilot", "cpu-1")
    assert run.out.splitlines()[1:] == ["first 1", "last 1"]
    run = bench.assay("campaign", "logs", "--pilot", "cpu-9")
    assert run.code == 2
    assert "'cpu-9' is unknown" in run.err
