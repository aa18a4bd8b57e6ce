"""An errand sent through submitit: to Slurm, or to a process of this machine."""

import shutil
from pathlib import Path
from typing import Any

from assay.cluster.commands import is_installed, last_line
from assay.cluster.preflight.accounts import account_findings
from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.destinations import declared_partitions, preferred
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.limits import limit_findings
from assay.cluster.preflight.profile import Profile
from assay.cluster.preflight.site import read_site
from assay.cluster.submission.errand import Errand, run
from assay.cluster.submission.jobs import LocalJob, SlurmJob
from assay.errors import AssayError, ConfigError
from assay.told import say

COMMANDS = ("sbatch", "squeue", "scontrol", "srun")  # without srun submitit sees no Slurm
WITHOUT_LIMIT = 366 * 24 * 60  # minutes; else submitit ends a local job after two


def check_slurm_is_here() -> None:
    """Raise a ConfigError where Slurm's commands are not on PATH."""
    if lacking := [command for command in COMMANDS if not is_installed(command)]:
        raise ConfigError(
            f"executor slurm: no {', '.join(lacking)} on PATH. Run this on a login node, load the site's Slurm"
            " module, or take the executor local."
        )


def sent_to_slurm(errand: Errand, ask: Ask, profile: Profile) -> SlurmJob:
    """Do the errand as a job of Slurm.

    Raises:
        ConfigError: no partition, node or account could serve it.
        AssayError: sbatch refuses it.
    """
    partition, name = _partition(ask, profile), f"assay-{errand.folder.name}"
    executor = _executor(errand)
    executor.update_parameters(
        name=name,
        timeout_min=ask.minutes,
        cpus_per_task=ask.cpus,
        stderr_to_stdout=True,
        slurm_mem=f"{ask.mem_mb}M" if ask.mem_mb else None,
        slurm_gres=":".join(filter(None, ("gpu", ask.gpu_kind, str(ask.gpus)))) if ask.gpus else None,
        slurm_partition=partition or None,
        slurm_account=ask.account or None,
        slurm_qos=ask.qos or None,
        slurm_setup=["trap '' TERM USR1 USR2", f"export OMP_NUM_THREADS={ask.cpus}"],
        slurm_use_srun=False,  # the tasks of a step do not inherit the trap
        slurm_additional_parameters={"requeue": True},
    )
    job = _submitted(executor, errand)
    return SlurmJob(job.job_id, name, ask, Path(job.paths.stdout))


def sent_here(errand: Errand) -> LocalJob:
    """Do the errand in a process of its own on this machine, which asks for nothing and has no time limit."""
    executor = _executor(errand)
    executor.update_parameters(timeout_min=WITHOUT_LIMIT, stderr_to_stdout=True)
    job = executor.submit(run, errand)
    return LocalJob(job, Path(job.paths.stdout))


def _executor(errand: Errand) -> Any:
    from submitit import AutoExecutor

    return AutoExecutor(folder=errand.folder, cluster=errand.executor)


def _submitted(executor: Any, errand: Errand) -> Any:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        return executor.submit(run, errand)
    except (FailedJobError, FailedSubmissionError) as error:
        shutil.rmtree(errand.folder, ignore_errors=True)
        what = f"{errand.checkpoint} {', '.join(errand.artifacts)}"
        raise AssayError(f"{what}: sbatch refuses the job: {last_line(str(error))}") from None


def _partition(ask: Ask, profile: Profile) -> str:
    """Where the job goes; empty for Slurm's default."""
    declared, findings = declared_partitions(profile)
    site, unreachable = read_site()
    _heed([*findings, *unreachable])
    if site is None:
        return ask.partition
    _heed([*limit_findings([ask], site, profile, declared), *account_findings([ask], site, profile)])
    if ask.partition or not declared:
        return ask.partition
    return preferred(ask, site, declared)[0]


def _heed(findings: list[Finding]) -> None:
    """Say what may go wrong, and raise a ConfigError of what would."""
    say([finding.line for finding in findings if finding.is_warning])
    if problems := [finding.line for finding in findings if not finding.is_warning]:
        raise ConfigError(problems)
