"""Commands that make: make, and the two jobs that feed it."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from assay import making, tokens
from assay import plan as planning
from assay.allocator import keep_freed_memory
from assay.catalog import artifacts
from assay.cli.places import ConfigOption, DirectoryOption
from assay.config import DEFAULT_CONFIG, read_plan
from assay.errors import AssayError, ConfigError
from assay.plan import Request

SetOption = Annotated[list[str], typer.Option("--set", help="option=value, over config and sheet.")]
TokenOption = Annotated[str | None, typer.Option(help="What Snakemake compares; made here where not given.")]


def make(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint of the sheet.")],
    artifact: Annotated[list[str], typer.Argument(help="One or more artifacts, e.g. embeddings cka.")],
    set_: SetOption = [],  # noqa: B006
    output: Annotated[
        str | None, typer.Option(help="Write to this file; elsewhere than results keeps no record.")
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Make no intakes or data; always make the artifact.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Make it also where it is done.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", envvar="ASSAY_WAIT", help="Wait for a process that makes it already.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Make it also where another process may be making it.")
    ] = False,
    blank: Annotated[
        bool, typer.Option("--blank", help="Where it turns out not to apply, leave blanks, as a rule must.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Make artifacts of one checkpoint here, with the intakes and data they lack. Example: assay make gat_s42 cka

    Of several each is tried; the exit code is that of the first that failed.
    """
    plan = read_plan(config)
    if output is not None:
        _check_output(output, artifact)
    wanted = making.requests_with(plan, checkpoint, artifact, given_options(set_))
    keep_freed_memory()
    make_one = making.made_alone if only else partial(making.made, again=bool(force or set_ or output))
    failed: AssayError | None = None
    for request in wanted:
        try:
            _make(
                partial(make_one, plan, request, output=output, wait=wait, take_over=take_over),
                request,
                blank,
            )
        except AssayError as error:
            if len(wanted) == 1:
                raise
            print(error, file=sys.stderr)
            failed = failed or error
    if failed:
        raise typer.Exit(failed.exit_code)


def intake(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint of the sheet.")],
    token: TokenOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Read one checkpoint at the border (the rule `intake`). Example: assay intake gat_s42"""
    from assay import feeding

    plan = read_plan(config)
    feeding.take_in(plan, checkpoint, token or tokens.intake_token(plan, checkpoint))


def training(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint of the sheet.")],
    token: TokenOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Read what training left around one checkpoint (the rule `training`). Example: assay training gat_s42"""
    from assay.training import take_in_training

    plan = read_plan(config)
    plan.row(checkpoint)
    take_in_training(plan, checkpoint, token or tokens.training_token(plan, checkpoint))


def prepare(
    data: Annotated[str, typer.Argument(help="A data set of the config.")],
    token: TokenOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Prepare one data set (the rule `data`). Example: assay prepare can_demo"""
    from assay import feeding

    plan = read_plan(config)
    plan.data_set(data)
    feeding.prepare(plan, data, token or tokens.data_token(plan, data))


def draw(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint of the sheet.")],
    artifact: Annotated[list[str], typer.Argument(help="One or more artifacts that are made.")],
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Draw artifacts of one checkpoint from their files, as PNG and SVG. Example: assay draw gat_s42 cka"""
    plan = read_plan(config)
    wanted = [planning.request(plan, checkpoint, name) for name in artifact]
    if undrawn := [request.artifact for request in wanted if not request.figures]:
        raise ConfigError(f"no figure is made of {', '.join(undrawn)}: the row in the table names none.")
    from assay import drawing
    from assay.store.blanks import leave_blank_figures, reason_left

    for request in wanted:
        if reason_left(Path(request.record)):
            leave_blank_figures(request.layout, checkpoint, request.artifact)
            continue
        print(drawing.draw(request.layout, checkpoint, request.artifact))


def given_options(pairs: list[str]) -> dict[str, str]:
    """Name -> value of `--set name=value`."""
    return dict(pair.partition("=")[::2] for pair in pairs)


def _make(make_it: Callable[[], Path | None], request: Request, blank: bool) -> None:
    """Make one artifact and say its file; blanks where it does not apply and a rule must have files."""
    try:
        file = make_it()
    except making.DoesNotApply as found:
        if not blank:
            raise
        _leave_blank(request, found)
        return
    if file:
        print(file)
    else:
        print(f"{request.target} is done: nothing changed", file=sys.stderr)


def _leave_blank(request: Request, found: making.DoesNotApply) -> None:
    from assay.store.blanks import leave_blank

    leave_blank(request, found.reason)
    print(found, file=sys.stderr)


def _check_output(output: str, names: list[str]) -> None:
    if len(names) > 1:
        raise ConfigError(f"--output takes one artifact, got {len(names)}: {', '.join(names)}.")
    for name in set(names) & set(artifacts()):
        if Path(output).suffix != (suffix := Path(artifacts()[name].file).suffix):
            raise ConfigError(f"--output {output!r}: {name} is written as {suffix}.")
