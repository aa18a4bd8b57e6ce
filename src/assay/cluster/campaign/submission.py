"""The jobs of a campaign, sent by submitit as its campaign.json says.

python -m assay.cluster.campaign.submission FOLDER, in the folder in which the campaign was started.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from assay.cluster.campaign.folder import INPUTS, Array, Campaign, CampaignFolder
from assay.cluster.campaign.launch import launch
from assay.errors import AssayError

TRAP = "trap '' TERM USR1 USR2"  # the shell of a job must outlive the signals of a preemption, too
FOR_EVER_MINUTES = 60 * 24 * 365  # submitit ends a local job that takes longer


def submit(folder: CampaignFolder) -> Campaign:
    """Send the arrays of a campaign and the job that closes it; campaign.json says at any time what was sent.

    Artifacts wait for the inputs, and fall with them. The end waits for all others, however they end.

    Raises:
        AssayError: an array was refused.
    """
    campaign = folder.read()
    for number, array in enumerate(campaign.arrays):
        inputs = [one.job for one in campaign.arrays[:number] if one.name == INPUTS]
        waits = {"dependency": f"afterok:{inputs[0]}", "kill-on-invalid-dep": "yes"} if inputs else {}
        sent = replace(array, job=_submitted(folder, campaign, array, waits))
        arrays = [sent if one.name == array.name else one for one in campaign.arrays]
        campaign = replace(campaign, arrays=arrays)
        folder.write(campaign)
    jobs = ":".join(array.job for array in campaign.arrays)
    last = _submitted(folder, campaign, campaign.end, {"dependency": f"afterany:{jobs}"})
    campaign = replace(campaign, end=replace(campaign.end, job=last))
    folder.write(campaign)
    return campaign


def _submitted(folder: CampaignFolder, campaign: Campaign, array: Array, waits: Mapping[str, str]) -> str:
    """The job of an array; of the local executor, its processes."""
    sender = submitit.AutoExecutor(folder=folder.path / "logs", cluster=campaign.executor)
    local = {"timeout_min": FOR_EVER_MINUTES, "gpus_per_node": array.gpus}
    sender.update_parameters(
        **local if campaign.executor == "local" else _parameters(folder, campaign, array, waits)
    )
    n = array.n_pilots
    try:
        jobs = sender.map_array(launch, [str(folder.path)] * n, [array.name] * n, list(range(n)))
    except (FailedJobError, FailedSubmissionError) as error:
        raise AssayError(f"Slurm refused the array {array.name}: {' '.join(str(error).split())}") from None
    numbers = [str(job.job_id) for job in jobs]
    return ",".join(numbers) if campaign.executor == "local" else numbers[0].partition("_")[0]


def _parameters(
    folder: CampaignFolder, campaign: Campaign, array: Array, waits: Mapping[str, str]
) -> dict[str, Any]:
    """What sbatch is asked for, in submitit's names."""
    places = {"partition": array.partition, "account": array.account, "qos": array.qos}
    kind = f"{array.gpu_kind}:" if array.gpu_kind else ""
    gpus = {"gpus-per-node": f"{kind}{array.gpus}"} if array.gpus else {}
    return {
        "name": campaign.job_name(array.name),
        "timeout_min": array.minutes,
        "cpus_per_task": array.cpus,
        "slurm_array_parallelism": array.n_pilots,
        "slurm_setup": [
            TRAP,
            f"export PYTHONPATH={quote(str(folder.code.absolute()))}${{PYTHONPATH:+:$PYTHONPATH}}",
        ],
        "slurm_use_srun": False,  # a step beside the batch script would get the signals of a preemption by itself
        "slurm_stderr_to_stdout": True,
        **{f"slurm_{name}": value for name, value in places.items() if value},
        "slurm_additional_parameters": {"mem": f"{array.mem_mb}M", "requeue": True, **gpus, **waits},
    }


if __name__ == "__main__":
    submit(CampaignFolder(Path(sys.argv[1])))
