"""The command that keeps a process ready for others."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from assay.errors import ConfigError


def serve(
    idle_minutes: Annotated[float, typer.Option(help="End after so many minutes without a job.", min=0)] = 30,
    socket: Annotated[
        str | None, typer.Option(help="Listen there; ASSAY_SERVER then names it to others.")
    ] = None,
) -> None:
    """Keep a process ready in which all is imported: assay make, here or in Snakemake, then starts at once.

    Example: assay serve &
    """
    if sys.platform != "linux":
        raise ConfigError(
            f"assay serve: this is {sys.platform}, and it needs Linux. Without it all works, but slower."
        )
    from assay.cluster.address import usual_address
    from assay.cluster.forkserver import ForkServer
    from assay.cluster.preloaded import Preloaded

    where = Path(socket) if socket else usual_address()
    server = ForkServer(where, _run, idle_seconds=60 * idle_minutes, preloaded=Preloaded.now())
    server.serve(ready=lambda: print(f"ready: {where}", flush=True))


def _run(argv: list[str]) -> int:
    """The exit code of a command line in this process."""
    from assay.cli import main

    sys.argv = ["assay", *argv]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
