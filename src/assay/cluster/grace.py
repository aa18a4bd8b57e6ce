"""A job that Slurm is about to preempt goes on until it is killed, so that Slurm requeues it."""

import os
from shlex import quote
from types import FrameType
from typing import Any

from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake_executor_plugin_slurm_jobstep import Executor as StockExecutor
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

from assay.store.owner import RESTARTS

DEAF = """sh -c 'trap "" TERM USR2; exec "$@"' sh"""


def outlive_grace() -> None:
    """Let the Snakemakes of a Slurm job not heed TERM: it would end as FAILED, even where its job is done in time."""
    JobScheduler.exit_gracefully = _go_on
    ExecutorPluginRegistry().get_plugin("slurm-jobstep").executor = StepExecutor


class StepExecutor(StockExecutor):
    """Starts the Snakemake of a job's step: deaf before Python starts, as Slurm gives a step all its signals back."""

    def run_job(self, job: Any) -> None:
        """Run the job in a step; it is told how often the job was requeued, as the plugin drops Slurm's variable."""
        os.environ[RESTARTS] = os.environ.get("SLURM_RESTART_COUNT", "0")
        super().run_job(job)

    def get_python_executable(self) -> str:
        """The interpreter that runs here, as the step's shell is to start it."""
        return f"{DEAF} {quote(super().get_python_executable())}"


def _go_on(scheduler: JobScheduler, number: int, frame: FrameType | None) -> None:
    """What Snakemake calls when TERM comes."""
