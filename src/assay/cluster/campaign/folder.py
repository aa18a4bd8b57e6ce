"""What a campaign leaves on disk: who makes what, with which code and config, and what became of it.

results/.campaigns/<name>/
  campaign.json             what was asked, and the jobs that were sent
  code/                     the package and the workflow as they were at the start
  config.yaml  sheet.tsv    the plan as it was
  shares/<array>-<n>.txt    the targets of each pilot, a line each
  logs/                     of pilots, and of their Snakemakes; what submitit keeps of its jobs
  running/<array>-<n>       the process of a pilot that was started: see `store.owner`
  ended/<array>-<n>         the exit code of a pilot that has ended for good
  cancelled                 is there once the pilots are to end
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from assay.errors import Refused
from assay.files import publish_json, read_json

FOLDER = ".campaigns"  # below the results
INPUTS, CPU, GPU = "inputs", "cpu", "gpu"  # arrays: the other two follow the first
END = "end"  # names the job that closes a campaign; it has no share, and is none of `Campaign.arrays`
PILOT_MB = 1500  # of a pilot itself: its Snakemake, and the fork server; the rest of its memory is for jobs
Executor = Literal["slurm", "local"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked of a campaign; None where that is left to us."""

    checkpoints: str = "*"  # a glob of names
    artifacts: Sequence[str] = ()  # all where empty
    pilots: int | None = None  # of artifacts that need no GPU; of inputs at most as many
    gpus: int | None = None  # pilots with one GPU each
    cpus: int | None = None  # of each pilot
    minutes: int | None = None  # of each pilot
    profile: str = "slurm"
    snakefile: str = "Snakefile"


@dataclass(frozen=True, slots=True)
class Array:
    """Pilots that ask for the same: one Slurm array."""

    name: str  # INPUTS, CPU, GPU, END
    n_pilots: int
    gpus: int  # of each pilot, as all that follows
    cpus: int
    mem_mb: int
    minutes: int
    partition: str = ""  # Slurm's default where these are empty
    account: str = ""
    qos: str = ""
    gpu_kind: str = ""
    devices: str = ""  # of the local executor: what each pilot finds in CUDA_VISIBLE_DEVICES, comma-separated
    job: str = ""  # Slurm's number of the array; of the local executor the pilots' processes, comma-separated


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign as it was sent."""

    name: str
    started: float  # seconds since 1970
    executor: Executor
    config: str  # the config file that the plan was read from; the campaign works with its own copy
    code: str  # the digest of the code that was copied
    arrays: Sequence[Array]
    end: Array  # of the one job that closes it
    asked: Asked = Asked()

    @property
    def n_pilots(self) -> int:
        """Pilots of all arrays."""
        return sum(array.n_pilots for array in self.arrays)

    def job_name(self, array: str) -> str:
        """The name that the jobs of an array, or END, have in Slurm."""
        return f"assay-{self.name}-{array}"

    @property
    def job_names(self) -> list[str]:
        """The names of all of its jobs in Slurm."""
        return [self.job_name(array) for array in (*(array.name for array in self.arrays), END)]


@dataclass(frozen=True, slots=True)
class CampaignFolder:
    """The paths of one campaign."""

    path: Path

    @property
    def results(self) -> str:
        """The results folder that the campaign works in."""
        return str(self.path.parents[1])

    @property
    def is_mine(self) -> bool:
        """Whether this user sent it, or is root."""
        return os.getuid() in (0, self.path.stat().st_uid)

    @property
    def code(self) -> Path:
        """The code that the campaign runs; leads PYTHONPATH, and holds the Snakefile."""
        return self.path / "code"

    @property
    def config(self) -> Path:
        """The config that the campaign works with; it names `sheet`."""
        return self.path / "config.yaml"

    @property
    def sheet(self) -> Path:
        """The checkpoint sheet that the campaign works with."""
        return self.path / "sheet.tsv"

    def share(self, array: str, pilot: int) -> Path:
        """The targets of a pilot."""
        return self.path / "shares" / f"{array}-{pilot}.txt"

    def log(self, array: str, pilot: int) -> Path:
        """What a pilot and its Snakemake say."""
        return self.path / "logs" / f"{array}-{pilot}.log"

    def running(self, array: str, pilot: int) -> Path:
        """Names the process of a pilot, and its Slurm job, since it was started last."""
        return self.path / "running" / f"{array}-{pilot}"

    def ended(self, array: str, pilot: int) -> Path:
        """Holds the exit code of a pilot that has ended for good."""
        return self.path / "ended" / f"{array}-{pilot}"

    @property
    def cancelled(self) -> Path:
        """Its presence tells the pilots to end at once."""
        return self.path / "cancelled"

    def targets(self, array: str, pilot: int) -> list[str]:
        """What a pilot makes."""
        return self.share(array, pilot).read_text().splitlines()

    def write(self, campaign: Campaign) -> None:
        """Put campaign.json there, whole."""
        publish_json(self.path / "campaign.json", asdict(campaign))

    def read(self) -> Campaign:
        """The campaign.

        Raises:
            FileNotFoundError: none was sent from this folder.
            Refused: campaign.json is damaged, or of another version.
        """
        file = self.path / "campaign.json"
        content: dict[str, Any] = read_json(file)
        try:
            arrays, end = [Array(**array) for array in content["arrays"]], Array(**content["end"])
            return Campaign(**{**content, "arrays": arrays, "end": end, "asked": Asked(**content["asked"])})
        except (KeyError, TypeError) as error:
            raise Refused(f"{file}: damaged, or written by another version of assay ({error}).") from None


def campaigns(results: str) -> list[CampaignFolder]:
    """All campaigns of a results folder, the newest last."""
    found = Path(results, FOLDER).glob("*/campaign.json")
    return [CampaignFolder(file.parent) for file in sorted(found)]
