"""Commands that make: make, and the two jobs that feed it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from assay import plan as planning
from assay import tokens
from assay.allocator import keep_freed_memory
from assay.catalog import artifacts
from assay.cli.places import ConfigOption, DirectoryOption
from assay.config import DEFAULT_CONFIG, Plan, read_plan
from assay.errors import AssayError, ConfigError
from assay.options import resolved

TokenOption = Annotated[str | None, typer.Option(help="What Snakemake compares; made here where not given.")]


def make(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint of the sheet.")],
    artifact: Annotated[list[str], typer.Argument(help="One or more artifacts, e.g. embeddings cka.")],
    set_: Annotated[list[str], typer.Option("--set", help="option=value, over config and sheet.")] = [],  # noqa: B006
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
    """Make artifacts of one checkpoint here, with the intakes and data they lack. Example: assay make gat_s42 cka"""
    plan = read_plan(config)
    if output is not None:
        _check_output(output, artifact)
    wanted = [planning.request(plan, checkpoint, name, _options(name, set_)) for name in artifact]
    keep_freed_memory()
    for request in wanted:
        if not only:
            _make_inputs(plan, request)
            if not (force or set_ or output) and _done(plan, request):
                print(f"{request.target} is done: nothing changed", file=sys.stderr)
                continue
        if reason := planning.found_against(plan, request):
            _not_made(request, reason, blank=blank)
            continue
        from assay import job

        print(job.make(request, device=plan.device, output=output, wait=wait, take_over=take_over))


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


def _not_made(request: planning.Request, reason: str, *, blank: bool) -> None:
    from assay.store.blanks import leave_blank

    said = f"{request.artifact} does not apply to {request.row.checkpoint}: it {reason}."
    if not blank:
        raise AssayError(said)
    leave_blank(request, reason)
    print(said, file=sys.stderr)


def _check_output(output: str, names: list[str]) -> None:
    if len(names) > 1:
        raise ConfigError(f"--output takes one artifact, got {len(names)}: {', '.join(names)}.")
    for name in set(names) & set(artifacts()):
        if Path(output).suffix != (suffix := Path(artifacts()[name].file).suffix):
            raise ConfigError(f"--output {output!r}: {name} is written as {suffix}.")


def _options(artifact: str, pairs: list[str]) -> dict[str, Any]:
    if artifact not in artifacts():
        return {}
    given = dict(pair.partition("=")[::2] for pair in pairs)
    values, problems = resolved(artifacts()[artifact].options, given)
    if problems:
        raise ConfigError([f"--set: {artifact}.{problem}" for problem in problems])
    return {name: values[name] for name in given}


def _make_inputs(plan: Plan, request: planning.Request) -> None:
    """Take in and prepare what the request lacks or what is stale."""
    from assay import feeding
    from assay.provenance.status import Inspection
    from assay.training import take_in_training

    if request.made_from:
        _make_missing(plan, planning.request(plan, request.row.checkpoint, request.made_from))
    look = Inspection(plan)
    for row in (request.row, *request.partners.values()):
        if look.intake_changes(row.checkpoint):
            feeding.take_in(plan, row.checkpoint, tokens.intake_token(plan, row.checkpoint))
    if request.table.origin and look.training_changes(request.row.checkpoint):
        name = request.row.checkpoint
        take_in_training(plan, name, tokens.training_token(plan, name))
    if look.data_changes(request.data.name):
        feeding.prepare(plan, request.data.name, tokens.data_token(plan, request.data.name))


def _make_missing(plan: Plan, request: planning.Request) -> None:
    from assay import job

    _make_inputs(plan, request)
    if not _done(plan, request):
        job.make(request, device=plan.device, wait=True)


def _done(plan: Plan, request: planning.Request) -> bool:
    from assay.provenance.status import Inspection

    return Inspection(plan).state(request.row.checkpoint, request.artifact, wanted=True).word == "done"
