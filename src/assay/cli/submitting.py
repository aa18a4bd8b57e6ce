"""`assay submit`: artifacts of one checkpoint, made by a job of its own."""

import os
import sys
from typing import Annotated

import typer

from assay.cli.making import SetOption, given_options
from assay.cli.places import ConfigOption, DirectoryOption
from assay.cluster.preflight.checks import DEFAULT_PROFILE
from assay.config import DEFAULT_CONFIG


def submit(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint of the sheet.")],
    artifact: Annotated[list[str], typer.Argument(help="One or more artifacts, e.g. embeddings cka.")],
    executor: Annotated[
        str | None, typer.Option(help="slurm, local or debug; slurm where sbatch is on PATH, else local.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it has ended; exit as assay make.")
    ] = False,
    set_: SetOption = [],  # noqa: B006
    force: Annotated[bool, typer.Option("--force", help="Make it also where it is done.")] = False,
    profile: Annotated[
        str, typer.Option(help="The Snakemake profile that names account and partitions.")
    ] = DEFAULT_PROFILE,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Make artifacts of one checkpoint by one Slurm job, or a process here. Example: assay submit gat_s42 landscape"""
    from assay.cluster.submission.handle import submit

    sent = submit(
        checkpoint,
        *artifact,
        config=config,
        executor=executor,
        profile=profile,
        options=given_options(set_),
        force=force,
    )
    if sent.job:
        print(f"{sent.checkpoint} {', '.join(sent.files)}: {sent.job}, log: {sent.job.log}", file=sys.stderr)
    elif sent.folder is None:
        print(f"{sent.checkpoint} {', '.join(sent.files)}: done, nothing changed", file=sys.stderr)
    if wait or not sent.job:
        sent.wait()
    print("\n".join(os.path.relpath(file) for file in sent.files.values()))
