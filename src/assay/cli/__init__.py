"""The command line: parse, call, print. stdout is data, stderr is log."""

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any, no_type_check

import typer

from assay.cli import (
    adopting,
    binding,
    campaigning,
    comparing,
    discovering,
    listing,
    making,
    serving,
    submitting,
)
from assay.cli.places import DIRECTORY_HELP, moved
from assay.cli.termination import unwound_when_terminated
from assay.errors import AssayError

COMMANDS: dict[str, Callable[..., Any]] = {
    "discover": discovering.discover,
    "check": listing.check,
    "list": listing.list_,
    "why": listing.why,
    "make": making.make,
    "draw": making.draw,
    "submit": submitting.submit,
    "show": listing.show,
    "compare": comparing.compare,
    "verify": binding.verify,
    "adopt": adopting.adopt,
    "manifest": binding.manifest,
    "serve": serving.serve,
    "schema": listing.schema,
    "intake": making.intake,
    "training": making.training,
    "prepare": making.prepare,
}
GROUPS = {"campaign": campaigning.app}  # commands with commands of their own

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, add_completion=True, rich_markup_mode=None
)
for name, command in COMMANDS.items():
    app.command(name)(command)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


@app.callback()
@no_type_check  # typer hands over a Context that is not of the type by which it is asked for
def places(
    context: typer.Context,
    config: Annotated[str | None, typer.Option(help="As the commands' own --config.")] = None,
    directory: Annotated[
        str | None, typer.Option("--directory", "-d", help=DIRECTORY_HELP, callback=moved, is_eager=True)
    ] = None,
) -> None:
    """Turn every (checkpoint, artifact) pair into a verified file.

    Exit codes: 0 ok, 1 a job failed, 2 usage or config, 3 an input refused or a file that fails
    verification, 4 something is missing or stale under --check.
    """
    if config:
        context.default_map = {command: {"config": config} for command in COMMANDS}
        for name, group in GROUPS.items():
            below = typer.main.get_command(group).commands
            context.default_map[name] = {"config": config, **{one: {"config": config} for one in below}}


def main() -> None:
    """Run the command line; an error that we can name is one text on stderr and its exit code."""
    try:
        with unwound_when_terminated():
            app()
    except AssayError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)
    finally:
        _let_go_of_stdout()


def _let_go_of_stdout() -> None:
    """Flush it; where nobody reads any more, what is left goes nowhere instead of into a message at exit."""
    if (stdout := sys.__stdout__) is None:
        return
    try:
        stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stdout.fileno())
