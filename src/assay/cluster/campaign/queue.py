"""The jobs of a campaign in Slurm's queue, by their names: so also one whose number nobody has written down yet."""

from collections.abc import Sequence

from assay.cluster.commands import answer


def is_queued(names: Sequence[str]) -> bool:
    """Whether a job of such a name waits or runs; a Slurm that does not answer counts as yes."""
    said = answer(["squeue", "--noheader", "--format=%i", f"--name={','.join(names)}"])
    return bool(said.error or said.out.strip())


def cancel(names: Sequence[str], *options: str) -> str:
    """Cancel the jobs of these names, of which scancel takes one at a time; what it said against it, or nothing."""
    said = [answer(["scancel", *options, f"--name={name}"]).error for name in names]
    return next(filter(None, said), "")
