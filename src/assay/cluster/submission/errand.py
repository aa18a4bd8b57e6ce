"""What a submitted job does: the artifacts are made as `assay make` makes them, and a file says how it ended."""

import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.allocator import keep_freed_memory
from assay.config import read_plan
from assay.errors import AssayError
from assay.files import publish_json, read_json
from assay.making import made, requests_with
from assay.store.records import reason_of

EXECUTORS = ("slurm", "local", "debug")
OUTLIVED = (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)  # by which Slurm, or submitit, announces an end
ENDED = "ended.json"


@dataclass(frozen=True, slots=True)
class Errand:
    """Artifacts of one checkpoint to make. All that is pickled; a job reads the config when it starts."""

    executor: str  # of EXECUTORS
    folder: Path  # of this job alone: its logs, and ENDED
    config: str
    checkpoint: str
    artifacts: tuple[str, ...]
    options: Mapping[str, Any]
    again: bool  # also what is done
    visible_gpus: str | None  # CUDA_VISIBLE_DEVICES of who submits; submitit hides all GPUs from a local job


@dataclass(frozen=True, slots=True)
class End:
    """How a job ended; `error` is what a record of failure holds, empty where it succeeded."""

    exit_code: int
    error: str = ""


def run(errand: Errand) -> None:
    """Do the errand in a process that is the job's own, and end it with the exit code of `assay make`.

    A job of Slurm outlives the signals of a preemption, since Slurm requeues what it has to kill.
    """
    if errand.executor == "slurm":
        for number in OUTLIVED:
            signal.signal(number, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _show_gpus(errand.visible_gpus)
    keep_freed_memory()
    sys.exit(run_here(errand).exit_code)


def run_here(errand: Errand) -> End:
    """Do the errand in this process; nothing where an earlier start of the job, which Slurm requeued, has done it."""
    if end := ended(errand.folder):
        return end
    end = _attempt(errand)
    publish_json(errand.folder / ENDED, {"exit_code": end.exit_code, "error": end.error})
    return end


def ended(folder: Path) -> End | None:
    """How the job of a folder ended; None while it has not."""
    try:
        return End(**read_json(folder / ENDED))
    except FileNotFoundError:
        return None


def _attempt(errand: Errand) -> End:
    try:
        _make(errand)
    except AssayError as error:
        print(error, file=sys.stderr)
        return End(error.exit_code, reason_of(error))
    except Exception as error:
        traceback.print_exc()
        return End(1, reason_of(error))
    return End(0)


def _make(errand: Errand) -> None:
    """As Snakemake's jobs it waits for another process that makes an artifact, and takes what that one makes."""
    plan = read_plan(errand.config)
    again = bool(errand.again or errand.options)
    for request in requests_with(plan, errand.checkpoint, errand.artifacts, errand.options):
        made(plan, request, again=again, wait=True)


def _show_gpus(visible: str | None) -> None:
    os.environ.pop("CUDA_VISIBLE_DEVICES", None)
    if visible is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = visible
