"""A bench with a Slurm beside it whose sbatch runs a job here."""

from cluster.preflight.conftest import bench, finished_bench, made
from cluster.submission.sbatch import slurm

__all__ = ["bench", "finished_bench", "made", "slurm"]
