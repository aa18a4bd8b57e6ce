"""`assay.submit`: artifacts of one checkpoint made by a job, and the handle to it."""

import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from assay.cluster.commands import is_installed
from assay.cluster.preflight.checks import DEFAULT_PROFILE
from assay.cluster.preflight.folder import folder_findings
from assay.cluster.preflight.profile import read_profile
from assay.cluster.submission.errand import EXECUTORS, End, Errand, ended, run_here
from assay.cluster.submission.jobs import LocalJob, SlurmJob
from assay.cluster.submission.needs import needed
from assay.cluster.submission.sending import check_slurm_is_here, sent_here, sent_to_slurm
from assay.config import DEFAULT_CONFIG, Plan, read_plan
from assay.errors import AssayError, ConfigError, Refused
from assay.making import requests_with
from assay.options import unknown
from assay.plan import Request
from assay.provenance.status import Inspection

FOLDER = ".submissions"  # below the results; one folder a job, which is asked how the job ended
Status = Literal["waiting", "running", "done", "failed", "unknown"]
ERRORS = {error.exit_code: error for error in (AssayError, ConfigError, Refused)}


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that was sent; `job` and `folder` are None where there was nothing to make."""

    checkpoint: str
    files: Mapping[str, Path]  # artifact -> its file
    folder: Path | None = None
    job: SlurmJob | LocalJob | None = None

    @property
    def status(self) -> Status:
        """How it stands: by what the job left, and only while it has left nothing by what the queue says.

        `unknown`: it left nothing, and Slurm does not answer.
        """
        return self._state()[0]

    def wait(self, timeout_seconds: int | float | None = None) -> "Submission":
        """Return when all is made.

        Raises:
            AssayError: the job failed; the reason is that of the record of failure where there is one.
            TimeoutError: it has not ended in time. It goes on.
        """
        started = time.monotonic()
        while True:
            status, end = self._state()
            if status == "done":
                return self
            if status == "failed":
                raise ERRORS.get(end.exit_code, AssayError)(self._told(end.error))
            if timeout_seconds is not None and time.monotonic() - started >= timeout_seconds:
                raise TimeoutError(f"{self}, after {timeout_seconds:g} s")
            time.sleep(self.job.pause_seconds if self.job else 0)

    def load(self, artifact: str = "") -> Any:
        """The frozen result of an artifact, once it is made; of the only one where none is named.

        Raises:
            ConfigError: it is not one of the job's.
            AssayError, TimeoutError: as `wait`.
        """
        if not artifact and len(self.files) > 1:
            raise ConfigError(f"load: the job makes {' and '.join(self.files)}. Name one of them.")
        name = artifact or next(iter(self.files))
        if name not in self.files:
            raise ConfigError(f"load: artifact {unknown(name, self.files)}.")
        self.wait()
        from assay.store.artifacts import load_artifact

        return load_artifact(self.files[name])

    def __str__(self) -> str:
        where = f", {self.job}" if self.job else ""
        return f"{self.checkpoint} {', '.join(self.files)}{where}: {self.status}"

    def _state(self) -> tuple[Status, End]:
        """How it stands, and how it ended where it has."""
        if self.folder is None:
            return "done", End(0)
        standing = None if ended(self.folder) or self.job is None else self.job.standing()
        if end := ended(self.folder):  # looked at again: it may have been left meanwhile
            return ("failed" if end.exit_code else "done"), end
        if not self.folder.exists():
            return "failed", End(1, f"{self.folder} was deleted: nothing is known of the job")
        if standing is None or (standing.word == "gone" and standing.reason):
            return "failed", End(1, standing.reason if standing else "it left no word of its end")
        return ("running" if standing.word == "gone" else standing.word), End(0)

    def _told(self, reason: str) -> str:
        log = f"\n{self.job}, log: {self.job.log}" if self.job else ""
        return f"{self.checkpoint} {', '.join(self.files)}: {reason}{log}"


def submit(
    checkpoint: str,
    *artifacts: str,
    config: str = DEFAULT_CONFIG,
    executor: str | None = None,
    profile: str = DEFAULT_PROFILE,
    options: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Submission:
    """Make artifacts of one checkpoint by a job of its own, with the intakes and data that they lack.

    `executor` is slurm (where sbatch is on PATH), local (a process of its own; else), or debug (this process, now).
    `options` win over config and sheet, and like `force` make the artifacts also where they are done. Account, QOS
    and partition are those of the Snakemake profile `profile`.

    Raises:
        ConfigError: wrong arguments, config or sheet, results that cannot be written, or a Slurm that cannot serve it.
        AssayError: sbatch refuses the job.
    """
    plan, chosen = read_plan(config), executor or ("slurm" if is_installed("sbatch") else "local")
    wanted = _wanted(plan, checkpoint, artifacts, options or {}, chosen)
    files = {request.artifact: Path(request.target).absolute() for request in wanted}
    if not (force or options) and _all_done(plan, wanted):
        return Submission(checkpoint, files)
    errand = Errand(
        executor=chosen,
        folder=Path(plan.results, FOLDER, f"{checkpoint}-{secrets.token_hex(4)}").absolute(),
        config=config,
        checkpoint=checkpoint,
        artifacts=tuple(files),
        options=dict(options or {}),
        again=force,
        visible_gpus=os.environ.get("CUDA_VISIBLE_DEVICES"),
    )
    return Submission(checkpoint, files, errand.folder, _sent(plan, wanted, errand, profile))


def _wanted(
    plan: Plan, checkpoint: str, artifacts: Sequence[str], options: Mapping[str, Any], executor: str
) -> list[Request]:
    if executor not in EXECUTORS:
        raise ConfigError(f"executor {unknown(executor, EXECUTORS)}.")
    if not artifacts:
        raise ConfigError("submit takes one artifact or more, got none.")
    wanted = requests_with(plan, checkpoint, artifacts, options)
    if problems := [finding.line for finding in folder_findings(plan.results)]:
        raise ConfigError(problems)
    return wanted


def _all_done(plan: Plan, wanted: Sequence[Request]) -> bool:
    look = Inspection(plan)
    return all(
        look.state(request.row.checkpoint, request.artifact, wanted=True).word == "done" for request in wanted
    )


def _sent(
    plan: Plan, wanted: Sequence[Request], errand: Errand, profile_name: str
) -> SlurmJob | LocalJob | None:
    if errand.executor == "slurm":
        check_slurm_is_here()
        profile = read_profile(profile_name)
        return sent_to_slurm(errand, needed(plan, wanted, profile), profile)
    if errand.executor == "local":
        return sent_here(errand)
    run_here(errand)  # as submitit's debug executor does, which leaves files open and ends in a debugger
    return None
