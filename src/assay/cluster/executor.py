"""The executor of Snakemake's Slurm plugin, mended where it hangs, forgets jobs or gives up too early.

What it mends, and why no setting of the plugin does: docs/decisions.md, Slurm.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from functools import partial
from importlib.metadata import version
from threading import Event, Lock
from typing import Any

from snakemake_executor_plugin_slurm import Executor as StockExecutor
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from assay import shortage
from assay.cluster.commands import answer
from assay.cluster.logs import tail
from assay.cluster.verdict import Judge, Verdict
from assay.cluster.watch import Look, look, queued, second_look

PLUGIN = "snakemake-executor-plugin-slurm"
MENDED = ("2.8.0",)  # the versions that were read and tried on a real Slurm
SUBMIT_PAUSES_SECONDS = (5, 10, 20, *[30] * 120)  # an hour
BUSY = re.compile(
    r"temporarily unable|queue full|socket timed out|unable to contact|connection refused|connect failure"
    r"|zero bytes were transmitted|MaxSubmit|SubmitJobs?(Per|Limit)|job submit limit",
    re.IGNORECASE,
)


def mend() -> None:
    """Put this executor in the place of the plugin's own; it is made only where `executor: slurm` is used."""
    ExecutorPluginRegistry().get_plugin("slurm").executor = Executor


def check(installed: str, *, array_jobs: str | None) -> None:
    """Refuse what this module was not tried with.

    Raises:
        WorkflowError: another version of the plugin, or jobs in arrays.
    """
    if installed not in MENDED:
        raise WorkflowError(
            f"{PLUGIN} {installed} is installed; Assay mends {', '.join(MENDED)}."
            f" pip install {PLUGIN}=={MENDED[-1]}"
        )
    if array_jobs:
        raise WorkflowError(
            "--slurm-array-jobs: a failing task of an array deletes the output of another one (plugin 2.8.0)."
            " Leave it out; groups serve the same purpose."
        )


class Executor(StockExecutor):
    """Every job ends in Snakemake as it ended in Slurm, or goes on; nothing is forgotten."""

    def __init__(self, workflow: Any, logger: Any):
        check(version(PLUGIN), array_jobs=workflow.executor_settings.array_jobs)
        self._sending, self._stopped = Lock(), Event()
        self._refusal = ""
        self._registered: set[str] = set()
        self._judge = Judge()
        self._silent = False
        super().__init__(workflow, logger)

    def run_job(self, job: Any) -> None:
        """Send a job to Slurm; again while the queue is full or the controller is away."""
        with self._sending:
            self._send(job)
            for pause in SUBMIT_PAUSES_SECONDS:
                if not BUSY.search(self._refusal):
                    break
                self.logger.warning(f"Slurm takes no job now; next try in {pause} s. {_last(self._refusal)}")
                self._stopped.wait(pause)
                if self._withdrawn():
                    self._send(job)
            if self._refusal:
                self.logger.error(f"{_name(job)}: {self._refusal.strip()}")
                super()._report_job_error_threadsafe(SubmittedJobInfo(job), self._refusal)

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncIterator[SubmittedJobInfo]:
        """Report the jobs that ended; yield those that go on, also where Slurm does not answer."""
        settings = self.workflow.executor_settings
        self.next_seconds_between_status_checks = settings.init_seconds_before_status_checks
        if not active_jobs:
            return
        wanted = [str(info.external_jobid) for info in active_jobs]
        seen = await asyncio.to_thread(look, self.run_uuid, wanted, settings.status_command or "squeue")
        self._tell_silence(seen)
        for info in active_jobs:
            number = str(info.external_jobid)
            log_tail, again = partial(tail, info.aux["slurm_logfile"]), partial(second_look, number)
            verdict = self._judge.verdict(number, seen, log_tail, again)
            if not verdict.ended or (verdict.to_requeue and self._requeued(info, verdict)):
                yield info
            elif verdict.why:
                self._report_failure(info, verdict)
            else:
                self._report_success(info)

    def get_account_arg(self, job: Any) -> Iterator[str]:
        """The account that is asked for; else Slurm's own default, without a guess."""
        return super().get_account_arg(job) if job.resources.get("slurm_account") else iter([""])

    def cancel_jobs(self, active_jobs: list[SubmittedJobInfo]) -> None:
        """Cancel the whole run by its name: jobs that are being sent or looked at now are in no list."""
        self._stopped.set()
        self._job_submission_executor.shutdown(wait=True, cancel_futures=True)
        for _ in range(3):
            said = answer(["scancel", "--name", self.run_uuid])
            if not said.error:
                return
        self.logger.error(
            f"scancel failed: {said.error}. The jobs go on; stop them: scancel --name {self.run_uuid}"
        )

    async def sleep(self) -> None:
        """Wait for the next look, or until the run ends."""
        for _ in range(4 * int(self.next_seconds_between_status_checks)):
            if not self.wait:
                return
            await asyncio.sleep(0.25)

    def _report_job_submission_threadsafe(self, job_info: SubmittedJobInfo) -> None:
        self._registered.add(str(job_info.external_jobid))
        super()._report_job_submission_threadsafe(job_info)

    def _report_job_error_threadsafe(self, job_info: SubmittedJobInfo, msg: str) -> None:
        self._refusal = msg  # `run_job` judges it

    def _send(self, job: Any) -> None:
        self._refusal = ""
        if not self._stopped.is_set():
            super().run_job(job)

    def _withdrawn(self) -> bool:
        """Cancel what a submission left behind whose reply was lost, so that no job is sent twice."""
        known = queued(self.run_uuid)
        left = (known or set()) - self._registered
        return known is not None and not (left and answer(["scancel", *sorted(left)]).error)

    def _tell_silence(self, seen: Look) -> None:
        silent = bool(seen.error) and not seen.jobs
        if silent != self._silent:
            self.logger.warning(
                f"Slurm does not answer ({seen.error}); waiting." if silent else "Slurm answers again."
            )
        self._silent = silent

    def _requeued(self, info: SubmittedJobInfo, verdict: Verdict) -> bool:
        """Whether Slurm takes a job back whose end it did not see as that of a preemption."""
        said = answer(["scontrol", "requeue", str(info.external_jobid)])
        if not said.error:
            self.logger.warning(
                f"{_name(info.job)}, Slurm job {info.external_jobid}: {verdict.why}; requeued."
            )
        return not said.error

    def _report_success(self, info: SubmittedJobInfo) -> None:
        self.report_job_success(info)
        if not self.workflow.executor_settings.keep_successful_logs:
            info.aux["slurm_logfile"].unlink(missing_ok=True)

    def _report_failure(self, info: SubmittedJobInfo, verdict: Verdict) -> None:
        job, log = info.job, info.aux["slurm_logfile"]
        self.logger.error(f"{_name(job)}, Slurm job {info.external_jobid}: {verdict.why}. Log: {log}")
        if verdict.to_cancel:
            answer(["scancel", str(info.external_jobid)])
        if verdict.lacks:
            for rule, wildcards in _members(job):
                shortage.note(verdict.lacks, rule, wildcards)
        if not verdict.may_retry:
            job.attempt = job.restart_times + 1
        self.report_job_error(info, msg=f"{verdict.why}. ", aux_logs=[str(log)])


def _members(job: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """Rule and wildcards of a job; of a group, of every job in it."""
    for member in job.jobs if job.is_group() else [job]:
        yield member.rule.name, dict(member.wildcards_dict)


def _name(job: Any) -> str:
    return ", ".join(" ".join([rule, *wildcards.values()]) for rule, wildcards in _members(job))


def _last(text: str) -> str:
    return next((line for line in text.splitlines() if BUSY.search(line)), text).strip()
