"""A campaign on a real Slurm: a node crash, a preemption and time limits in one run, and every artifact made once."""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from lab import ROOT
from slurm.clusters import wait_for
from slurm.study import Study

N_ARTIFACTS = 200
ARRAYS = ("inputs", "cpu", "gpu", "end")
AGAIN = "there is more to make: starting again"  # says a pilot whose time is up
PILOTS = ("--pilots", "2", "--cpus", "5", "--minutes", "4")
N_CANCELLED, MANY, MOST_SECONDS = 6, ("--pilots", "6", "--cpus", "8"), 30  # one pilot fills a node
N_HELD = 4  # artifacts of a pilot that never end by themselves; its fifth CPU makes all others


def campaign(study: Study) -> str:
    names = tuple(f"c{number}" for number in range(N_ARTIFACTS))
    _prepare(study, names)
    started = time.monotonic()
    sent = study.assay("campaign", *PILOTS, "--snakefile", str(ROOT / "Snakefile"), "--no-probe")
    assert sent.code == 0, sent.text
    first, second = (held[-N_HELD:] for held in _shares(study))
    _let_go(study, {*names} - {*first, *second})
    made = Made(study.lab.folder / "results")
    wait_for("the first artifacts", lambda: made.count() >= 10)
    crashed, other = wait_for("two pilots", lambda: _pilots(study))
    study.cluster.kill(crashed.node)
    wait_for("the end of the pilot of the node", lambda: made.count() and "NODE_FAIL" in _ends(study))
    study.cluster.start(crashed.node)
    study.urgent(other.node)
    wait_for("a preemption", lambda: made.count() and "PREEMPTED" in _ends(study))
    wait_for("two pilots again", lambda: made.count() and _pilots(study))
    _let_go(study, {first.pop(), second.pop()})  # a pilot that makes nothing in its time is not started again
    wait_for("a time limit", lambda: made.count() and AGAIN in _said(study, "campaign", "logs", "-n", "1000"))
    _let_go(study, {*first, *second})
    wait_for("all artifacts", lambda: made.count() == N_ARTIFACTS)
    lock = study.lab.folder / "results/.campaigns/lock"
    wait_for("the end of the campaign", lambda: not lock.exists())
    assert json.loads(_said(study, "campaign", "status", "--json"))["over"]
    seconds = time.monotonic() - started
    made.count()
    study.check_right(*names)
    study.check_one_writer(*names)
    _said(study, "verify")
    _said(study, "adopt", "--", "-s", str(ROOT / "Snakefile"))
    plan = study.environed().snakemake("-n")
    assert "Nothing to be done" in plan.text, plan.text
    return f"crash, preemption and time limit: {N_ARTIFACTS} artifacts by 2 pilots in {seconds:.0f} s, each made once"


def cancelled_campaign(study: Study) -> str:
    """One of whose pilots some run and some wait for ever, so that no word to them ends it."""
    names = tuple(f"c{number}" for number in range(N_CANCELLED))
    _prepare(study, names)
    (study.lab.folder / "results/c0/intake.json").unlink()  # for an array that the pilots follow
    sent = study.assay("campaign", *MANY, "--snakefile", str(ROOT / "Snakefile"), "--no-probe")
    assert sent.code == 0, sent.text
    wait_for(
        "a pilot that waits while another runs", lambda: {"PENDING", "RUNNING"} <= _jobs(study, "cpu", "%T")
    )
    study.cluster.ask("scontrol", "hold", *_jobs(study, "cpu", "%F"))
    started = time.monotonic()
    run = study.assay("campaign", "cancel")
    seconds = time.monotonic() - started
    assert run.code == 0, run.text
    assert not _jobs(study, "", "%i"), "a job is left"
    assert not (study.lab.folder / "results/.campaigns/lock").exists()
    assert seconds < MOST_SECONDS, f"{seconds:.0f} s"
    return f"jobs that ran, were held and followed are gone in {seconds:.0f} s, and the lock"


def with_checkpoints(study: Study, names: Sequence[str]) -> None:
    """Put these checkpoints into the study, with their intakes, instead of its own."""
    folder = study.lab.folder
    rows = [f"{name}\tgat\truns/model.ckpt\tcan\tprobe\n" for name in names]
    (folder / "sheet.tsv").write_text("checkpoint\tfamily\tpath\tdata\tartifacts\n" + "".join(rows))
    for name in names:
        if not (folder / "results" / name).exists():
            shutil.copytree(folder / "results/c0", folder / "results" / name)


@dataclass(frozen=True, slots=True)
class Made:
    """The artifacts that are complete, each as it was when it was first seen so."""

    results: Path
    seen: dict[Path, bytes] = field(default_factory=dict)

    def count(self) -> int:
        """How many artifacts are complete.

        Raises:
            AssertionError: one was made again.
        """
        for record in self.results.glob("*/records/probe.json"):
            content = record.read_bytes()
            assert self.seen.setdefault(record, content) == content, f"{record}: made again"
        return len(self.seen)


@dataclass(frozen=True, slots=True)
class Pilot:
    """A task of the campaign's array that runs."""

    job: str
    node: str


def _prepare(study: Study, names: tuple[str, ...]) -> None:
    """The study with these checkpoints, none of whose probes ends, and a partition in which jobs may be preempted."""
    with_checkpoints(study, names)
    folder = study.lab.folder
    for name in names:
        (folder / f"{name}.hold").touch()
    study.lab.configure(resources__probe__minutes=1)
    (folder / "slurm").unlink()
    shutil.copytree(ROOT / "profiles/slurm", folder / "slurm")
    profile = yaml.safe_load((folder / "slurm/config.yaml").read_text())
    profile["default-resources"]["slurm_partition"] = "pilots"
    (folder / "slurm/config.yaml").write_text(yaml.safe_dump(profile))


def _shares(study: Study) -> list[list[str]]:
    """The checkpoints of each pilot."""
    files = sorted((study.lab.folder / "results/.campaigns").glob("*/shares/cpu-*.txt"))
    return [[Path(line).parent.name for line in file.read_text().splitlines()] for file in files]


def _let_go(study: Study, names: set[str]) -> None:
    for name in names:
        (study.lab.folder / f"{name}.hold").unlink()


def _pilots(study: Study) -> list[Pilot]:
    """The pilots that run; none where it is not both."""
    lines = study.cluster.ask("squeue", "-h", "-t", "RUNNING", "-p", "pilots", "-o", "%i %N").splitlines()
    return [Pilot(*line.split()) for line in sorted(lines)] if len(lines) == 2 else []


def _jobs(study: Study, array: str, field: str) -> set[str]:
    """What squeue says of the jobs of the study's only campaign, or of one of its arrays."""
    (folder,) = (study.lab.folder / "results/.campaigns").glob("*/campaign.json")
    names = [f"assay-{folder.parent.name}-{name}" for name in ([array] if array else ARRAYS)]
    return {*study.cluster.ask("squeue", "-h", "-r", f"--name={','.join(names)}", "-o", field).split()}


def _ends(study: Study) -> list[str]:
    """How the runs of the campaign's jobs ended, by accounting."""
    lines = study.cluster.ask("sacct", "-D", "-X", "-n", "-P", "-r", "pilots", "-o", "State").splitlines()
    return sorted({line.split()[0] for line in lines})


def _said(study: Study, *arguments: str) -> str:
    run = study.assay(*arguments)
    assert run.code == 0, run.text
    return run.out
