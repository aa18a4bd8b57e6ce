"""A study of eight checkpoints whose intakes and data are made; what Slurm has to make are their probes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from lab import CONFIG, REFERENCE, ROOT, STUDENT, Lab, Run
from slurm.clusters import Cluster, wait_for

SITE = Path(__file__).parent / "site"
NAMES = [f"c{i}" for i in range(8)]
WATCHDOG_SECONDS = (
    1200  # of a run that hangs; a machine that is busy may take minutes over what takes seconds
)
LOOKS = ("--slurm-init-seconds-before-status-checks", "2")


def new_template(folder: Path) -> Lab:
    """The study with its intakes and data, and the probe of `c0` as this machine makes it in `right.json`."""
    (folder / "config").mkdir(parents=True)
    (folder / "runs").mkdir()
    shutil.copytree(REFERENCE / "can" / "raw", folder / "runs" / "can")
    shutil.copy(STUDENT, folder / "runs" / "model.ckpt")
    (folder / "slurm").symlink_to(ROOT / "profiles" / "slurm")
    (folder / "config/config.yaml").write_text(yaml.safe_dump({**CONFIG, "artifacts": {}}))
    rows = [f"{name}\tgat\truns/model.ckpt\tcan\tprobe\n" for name in NAMES]
    (folder / "sheet.tsv").write_text("checkpoint\tfamily\tpath\tdata\tartifacts\n" + "".join(rows))
    lab = Lab(folder, {"PYTHONPATH": f"{SITE}{os.pathsep}{ROOT / 'src'}", "ASSAY_SERVER": ""})
    run = lab.assay("make", "c0", "probe")
    assert run.code == 0, run.text
    (folder / "results/c0/probe.json").rename(folder / "right.json")
    shutil.rmtree(folder / "results/c0/records")
    (folder / "c0.journal").unlink()
    for name in NAMES[1:]:
        shutil.copytree(folder / "results/c0", folder / "results" / name)
    return lab


def products(lab: Lab) -> list[Path]:
    """All results whose bytes do not tell when and where they were made."""
    files = [path for path in (lab.folder / "results").rglob("*") if path.is_file() and path.name[0] != "."]
    return sorted(path for path in files if path.parent.name != "records" and "manifest" not in path.name)


def study_of(template: Lab, folder: Path, cluster: Cluster, arguments: tuple[str, ...]) -> "Study":
    """A copy of the template to work in."""
    return Study(Lab(template.copy(folder).folder, template.environment), cluster, arguments)


@dataclass(frozen=True, slots=True)
class Job:
    """A Slurm job of a run as it was submitted."""

    id: str
    state: str
    node: str
    minutes: str
    mem: str


@dataclass
class Study:
    """A copy of the template on a cluster, and the Snakemake that works on it."""

    lab: Lab
    cluster: Cluster
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def snakemake(self, *arguments: str, names: tuple[str, ...] = ("c0",)) -> None:
        """Start `snakemake --profile slurm` for the probes of `names`."""
        targets = [f"results/{name}/probe.json" for name in names]
        command = ["snakemake", *targets, "-s", ROOT / "Snakefile", "--profile", "slurm", *LOOKS]
        with (self.lab.folder / "run.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.arguments, *arguments],
                cwd=self.lab.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_heeds_sigint,
            )

    def assay(self, *arguments: str) -> Run:
        """Run `assay` as the user of the cluster."""
        return self.environed().assay(*arguments)

    def environed(self) -> Lab:
        """The lab, for commands that are to reach the cluster."""
        return Lab(self.lab.folder, self.environment)

    def urgent(self, node: str) -> None:
        """Send a job that takes a whole node, from those that may be preempted."""
        wanted = ("-p", "urgent", "-w", node, "--exclusive")
        self.cluster.ask("sbatch", *wanted, "-o", "/dev/null", "--wrap", "sleep 2")

    def sbatch(self, *arguments: str) -> None:
        """Send a job of the study that says nothing."""
        command = ("sbatch", "--chdir", self.lab.folder, "-o", "/dev/null", *arguments)
        subprocess.run(command, env=self.environment, capture_output=True, check=True)

    @property
    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.cluster.environment['PATH']}"
        own = {"PATH": path, "OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(self.lab.folder / "cache")}
        return {**self.cluster.environment, **self.lab.environment, **own}

    def ended(self, seconds: float = WATCHDOG_SECONDS) -> int:
        """The exit code; the watchdog kills a Snakemake that hangs.

        Raises:
            AssertionError: it hung.
        """
        assert self.process
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise AssertionError(f"hangs after {seconds:g} s") from None

    def stop(self) -> None:
        """Kill a Snakemake that a wrong row left running."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def holding(self, name: str = "c0", starts: int = 1) -> str:
        """The Slurm job that computes the probe, once it does for the `starts`-th time."""
        wait_for(f"start {starts} of {name}", lambda: len(self.starts(name)) >= starts)
        return re.search(r"job=(\d+)", self.starts(name)[-1])[1]

    def starts(self, name: str = "c0") -> list[str]:
        """The starts of a probe, a line each."""
        return [line for line in self.journal(name) if line.startswith("start")]

    def journal(self, name: str = "c0") -> list[str]:
        path = self.lab.folder / f"{name}.journal"
        return path.read_text().splitlines() if path.exists() else []

    def jobs(self) -> list[Job]:
        """All Slurm jobs that this study submitted, in order."""
        lines = self.cluster.ask("squeue", "-h", "-t", "all", "-o", "%i|%T|%N|%l|%m|%Z").splitlines()
        found = [line.split("|") for line in lines]
        own = [Job(*line[:5]) for line in found if line[5] == str(self.lab.folder)]
        return sorted(own, key=lambda job: int(job.id))

    def cpu_seconds(self) -> float:
        """What all jobs of the study cost."""
        return cpu_seconds(self.cluster, "-j", ",".join(job.id for job in self.jobs()))

    def text(self) -> str:
        """All that Snakemake said."""
        return (self.lab.folder / "run.log").read_text()

    def told(self) -> str:
        """The ends of all logs, for a row that is wrong."""
        logs = [*self.lab.folder.glob("*.journal"), *self.lab.folder.rglob("*.log")]
        return "\n".join(f"==> {log}\n{log.read_text()[-3000:]}" for log in logs)

    def check_right(self, *names: str) -> None:
        """The probes of `names` are there, whole, with the right bytes and a record."""
        right = (self.lab.folder / "right.json").read_bytes()
        for name in names:
            made = self.lab.folder / "results" / name / "probe.json"
            assert made.exists(), f"{name}: no artifact"
            assert made.read_bytes() == right, f"{name}: wrong bytes"
            record = made.parent / "records/probe.json"
            assert record.exists(), f"{name}: no record"
            assert json.loads(record.read_bytes())["artifact"] == "probe"

    def check_absent(self, *names: str) -> None:
        """No artifact lies there, and no record of one."""
        for name in names:
            folder = self.lab.folder / "results" / name
            left = [path for path in (folder / "probe.json", folder / "records/probe.json") if path.exists()]
            assert not left, f"left behind: {left}"

    def check_one_writer(self, *names: str) -> None:
        """No two jobs made the same probe at the same time."""
        for name in names or NAMES:
            assert "overlap" not in self.journal(name), f"{name}: two live writers"

    def check_queue_is_empty(self) -> None:
        """None of the study's jobs waits or runs."""
        wait_for("empty queue", lambda: not [j for j in self.jobs() if j.state in _LIVE])

    def hold(self) -> None:
        """The first start of every probe takes until it is released; it never ends by itself in a row's time."""
        self.lab.configure(options__probe__hold_seconds=2 * WATCHDOG_SECONDS)

    def release(self, name: str = "c0") -> None:
        """Let a probe that is held go on."""
        (self.lab.folder / f"{name}.release").touch()

    def told_of(self, words: str) -> None:
        """Return once Snakemake has said so."""
        wait_for(repr(words), lambda: words in self.text())

    def asked(self, job: str, *fields: str) -> list[str]:
        """Fields of a job as squeue names them."""
        command = ("squeue", "-h", "-t", "all", "-j", job, "-O", ",".join(fields))
        return self.cluster.ask(*command).split()


def cpu_seconds(cluster: Cluster, *which: str) -> float:
    """What jobs of a cluster cost when all have ended, by accounting; user and system time of every process."""
    command = ("sacct", "-n", "-P", "-o", "JobID,TotalCPU,State", *which)

    def told() -> list[list[str]]:
        steps = [line.split("|") for line in cluster.ask(*command).splitlines()]
        return steps if all(state == "COMPLETED" for *_, state in steps) else []

    steps = wait_for("accounting", lambda: told() or not cluster.ask("sacct", "-n", *which))
    return sum(_seconds(cpu) for step, cpu, _ in steps if "." in step) if steps is not True else 0.0


def _seconds(clock: str) -> float:
    """Of [[d-]h:]m:s.ms."""
    days, _, rest = clock.rpartition("-")
    total = 0.0
    for part in rest.split(":"):
        total = 60 * total + float(part)
    return 86400 * int(days or 0) + total


_LIVE = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING"}


def _heeds_sigint() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
