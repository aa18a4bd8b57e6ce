"""A job that Slurm is about to preempt goes on until it is killed, so that Slurm requeues it."""

from types import FrameType

from snakemake.scheduling.job_scheduler import JobScheduler


def outlive_grace() -> None:
    """Let the Snakemake of a Slurm job not heed TERM: it would end as FAILED, even where its job is done in time."""
    JobScheduler.exit_gracefully = _go_on


def _go_on(scheduler: JobScheduler, number: int, frame: FrameType | None) -> None:
    """What Snakemake calls when TERM comes."""
