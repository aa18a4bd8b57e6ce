"""The probe: one tiny job in every partition that jobs go to, which sees environment and folder from a node."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.cluster.commands import answer, is_installed, last_line
from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.comparison import compared
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.node import ANSWERED, ASKED, MARK

WAIT_SECONDS = 180.0
LIMIT_MINUTES = 5
NO_PROBE = "--no-probe leaves it out."
MEM_MB = 2000  # importing torch takes about 500 MB, with CUDA twice that
VISIBLE_SECONDS = 10.0  # for what a node wrote to be seen here, on a network file system
POLL_SECONDS = 0.2
END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe job that was sent."""

    partition: str
    gpu: bool
    folder: Path
    nonce: str
    name: str  # of the job
    process: subprocess.Popen
    out: Path
    err: Path
    started: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What a probe found; `node` is empty where it did not answer."""

    partition: str
    node: Mapping[str, Any]
    findings: tuple[Finding, ...]


def probed(asks: Mapping[str, Ask], folder: Path, wait_seconds: float = WAIT_SECONDS) -> list[Seen]:
    """What one tiny job sees in each of these partitions, by the ask that goes there; together within the wait."""
    if not is_installed("srun"):
        return [Seen("", {}, (Finding("this machine", "no probe", "no srun on PATH", "srun", NO_PROBE),))]
    place = Path(tempfile.mkdtemp(prefix=".assay-probe-", dir=folder))
    probes: list[Probe] = []
    try:
        for partition, ask in asks.items():
            probes.append(_sent(partition, ask, place))
        deadline = time.monotonic() + wait_seconds
        return [_seen(probe, deadline, wait_seconds) for probe in probes]
    finally:
        for probe in probes:
            _end(probe)
        shutil.rmtree(place, ignore_errors=True)


def _sent(partition: str, ask: Ask, place: Path) -> Probe:
    folder = place / partition
    folder.mkdir()
    nonce = secrets.token_hex(16)
    name = f"assay-probe-{nonce[:8]}"
    (folder / ASKED).write_text(nonce)
    out, err = folder / "out", folder / "err"
    command = srun(name, partition, ask, folder)
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env=_environment(),
            start_new_session=True,
        )
    return Probe(partition, ask.gpus > 0, folder, nonce, name, process, out, err, time.time())


def srun(name: str, partition: str, ask: Ask, folder: Path) -> list[str]:
    """The command of a probe: the interpreter that runs here, by its path, as the jobs of Snakemake take it."""
    kind = f"{ask.gpu_kind}:" if ask.gpu_kind else ""
    return [
        "srun",
        f"--job-name={name}",
        f"--time={LIMIT_MINUTES}",
        "--ntasks=1",
        f"--mem={int(min(MEM_MB, ask.mem_mb or MEM_MB))}",
        f"--partition={partition}",
        *([f"--account={ask.account}"] if ask.account else []),
        *([f"--qos={ask.qos}"] if ask.qos else []),
        *([f"--gres=gpu:{kind}1"] if ask.gpus else []),
        sys.executable,
        "-m",
        "assay.cluster.preflight.node",
        str(folder),
        str(Path.cwd()),
        *(["gpu"] if ask.gpus else []),
    ]


def _environment() -> dict[str, str]:
    """Without the variables of an allocation that this shell may be in: the probe is to be a job of its own."""
    return {
        name: value
        for name, value in os.environ.items()
        if name == "SLURM_CONF" or not name.startswith("SLURM_")
    }


def _seen(probe: Probe, deadline: float, wait_seconds: float) -> Seen:
    try:
        probe.process.wait(max(0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return Seen(probe.partition, {}, (_late(probe, wait_seconds),))
    ended = time.time()
    node = _answer(probe.out)
    if node is None:
        return Seen(probe.partition, {}, (_silent(probe),))
    findings = [*_folder_findings(probe, node)]
    findings += compared(probe.partition, node, gpu=probe.gpu, span=(probe.started, ended))
    return Seen(probe.partition, node, tuple(findings))


def _answer(out: Path) -> dict[str, Any] | None:
    for line in out.read_text(errors="replace").splitlines():
        if line.startswith(MARK):
            return json.loads(line.removeprefix(MARK))
    return None


def _folder_findings(probe: Probe, node: Mapping[str, Any]) -> Iterator[Finding]:
    where, advice = (
        f"node {node['host']} of partition {probe.partition}",
        "Put results on a folder that all nodes share.",
    )
    if node.get("nonce") != probe.nonce:
        got = node.get("nonce_error") or "another content"
        yield Finding(where, f"the folder {probe.folder.parent.parent}", got, "what was written here", advice)
    if not node.get("in_place"):
        yield Finding(
            where, f"the working folder {Path.cwd()}", "another", "the folder that jobs start in", advice
        )
    if node.get("nonce") == probe.nonce and not _visible(probe):
        got = f"nothing after {VISIBLE_SECONDS:g} s"
        yield Finding(where, f"what it wrote to {probe.folder.parent.parent}", got, "visible here", advice)


def _visible(probe: Probe) -> bool:
    until = time.monotonic() + VISIBLE_SECONDS
    while True:
        os.listdir(probe.folder)  # noqa: PTH208 - asks a network file system anew
        try:
            if (probe.folder / ANSWERED).read_text() == probe.nonce:
                return True
        except OSError:
            pass
        if time.monotonic() > until:
            return False
        time.sleep(POLL_SECONDS)


def _silent(probe: Probe) -> Finding:
    """A probe that ended without an answer."""
    said = last_line(probe.err.read_text(errors="replace")) or f"exit code {probe.process.returncode}"
    return Finding(
        f"partition {probe.partition}",
        "the probe job failed",
        said,
        f"an answer of {sys.executable}",
        "The environment must lie on a folder that all nodes see.",
    )


def _late(probe: Probe, wait_seconds: float) -> Finding:
    """A probe that did not end within the wait: it waits in the queue, or hangs on the node."""
    said = answer(["squeue", "--noheader", f"--name={probe.name}", "--format=%T %r"]).out.strip()
    waits = not said.startswith("RUNNING")
    advice = (
        "Environment and folder were not seen from there. Try again when it is less busy, or --no-probe."
        if waits
        else "It hangs there, or reads the environment very slowly: look at that node's file systems."
    )
    got = f"{said or 'no word from squeue'} after {wait_seconds:g} s"
    where = f"partition {probe.partition}"
    return Finding(where, "the probe job gave no answer", got, "an answer", advice, is_warning=waits)


def _end(probe: Probe) -> None:
    """End a probe that still waits or runs: scancel ends its job, signals end srun."""
    if probe.process.poll() is not None:
        return
    answer(["scancel", f"--name={probe.name}"])
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(probe.process.pid, sign)
            probe.process.wait(END_SECONDS)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            continue
        return
