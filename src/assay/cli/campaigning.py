"""Commands for thousands of artifacts: campaign, and those that look at one that was sent."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, no_type_check

import typer

from assay.cli.places import ConfigOption, DirectoryOption, JsonOption
from assay.cluster.campaign.folder import Asked, CampaignFolder, Executor, campaigns
from assay.cluster.commands import is_installed
from assay.config import DEFAULT_CONFIG, Plan, read_plan, read_results
from assay.errors import ConfigError
from assay.options import unknown

if TYPE_CHECKING:
    from assay.cluster.campaign.arrays import Pilots

LOG_BYTES = 100_000  # of a log, in which its last lines are looked for

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)

NameArgument = Annotated[
    str | None, typer.Argument(help="A campaign; the last one where none is named.", show_default=False)
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print what would be sent; send and write nothing.")
]
ProbeOption = Annotated[
    bool, typer.Option(help="Send a tiny job to each partition first, as `assay check` does.")
]


@app.callback(invoke_without_command=True)
@no_type_check  # typer hands over a Context that is not of the type by which it is asked for
def start(
    context: typer.Context,
    pilots: Annotated[
        int | None, typer.Option(min=1, help="Jobs side by side.", show_default="4 on Slurm, 1 here")
    ] = None,
    checkpoints: Annotated[str, typer.Option(help="Only checkpoints of such names: a glob.")] = "*",
    artifacts: Annotated[str, typer.Option(help="Only these, with commas between.", show_default="all")] = "",
    minutes: Annotated[
        int | None, typer.Option(min=1, help="Time limit of a pilot; what is open then goes on in a new one.")
    ] = None,
    gpus: Annotated[
        int | None,
        typer.Option(
            min=0, help="Pilots with a GPU, for what asks for one.", show_default="--pilots; here 0"
        ),
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(min=1, help="CPUs of a pilot.", show_default="4 on Slurm, all here")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="slurm or local.", show_default="slurm where sbatch is on PATH")
    ] = "",
    dry_run: DryRunOption = False,
    probe: ProbeOption = True,
    profile: Annotated[str, typer.Option(help="Says account and partitions, as for snakemake.")] = "slurm",
    snakefile: Annotated[str, typer.Option(help="The workflow.")] = "Snakefile",
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Make everything that is not done, thousands of artifacts by a few long jobs. Example: assay campaign --dry-run

    Intakes and data come first, then pilots, each with artifacts of its own: jobs of Slurm, or with --executor local
    processes of this machine.
    """
    if context.invoked_subcommand:
        _refuse_misplaced(context)
        return
    names = tuple(filter(None, artifacts.replace(",", " ").split()))
    asked = Asked(checkpoints, names, pilots, gpus, cpus, minutes, profile, snakefile)
    _start(read_plan(config), asked, _executor(executor), dry_run=dry_run, probe=probe)


@app.command()
def resume(
    name: NameArgument = None,
    dry_run: DryRunOption = False,
    probe: ProbeOption = True,
    config: Annotated[
        str | None, typer.Option(help="The config file.", show_default="that of the old one")
    ] = None,
    directory: DirectoryOption = None,
) -> None:
    """Send what a campaign left undone as a new one, asked as the old one was. Example: assay campaign resume

    The new one works with config, sheet and code as they are now. With other options: assay campaign.
    """
    old = chosen(read_results(config or DEFAULT_CONFIG), name).read()
    _start(read_plan(config or old.config), old.asked, old.executor, dry_run=dry_run, probe=probe)


@app.command()
def status(
    name: NameArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a campaign has made, what failed and why, and what is left. Example: assay campaign status"""
    from assay.cli.standing import status_lines
    from assay.cluster.campaign.ending import close_if_dead
    from assay.cluster.campaign.standing import standing

    folder = chosen(read_results(config), name)
    found = standing(folder)
    print(json.dumps(asdict(found), indent=1) if as_json else "\n".join(status_lines(found)))
    if found.over:
        close_if_dead(folder)


@app.command()
def logs(
    name: NameArgument = None,
    pilot: Annotated[
        list[str], typer.Option(help="Only of this pilot, e.g. cpu-0.", show_default="all")
    ] = [],  # noqa: B006
    n_lines: Annotated[
        int, typer.Option("--lines", "-n", help="So many of each, the last ones.", min=1)
    ] = 20,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Print what the pilots and their Snakemakes said last. Example: assay campaign logs --pilot cpu-0 -n 100"""
    from assay.cluster.logs import tail

    folder = chosen(read_results(config), name)
    arrays = folder.read().arrays
    known = {
        f"{array.name}-{n}": folder.log(array.name, n) for array in arrays for n in range(array.n_pilots)
    }
    if strangers := sorted(set(pilot) - set(known)):
        raise ConfigError(f"--pilot {unknown(strangers[0], known)}.")
    for one in pilot or known:
        last = tail(known[one], LOG_BYTES).splitlines()[-n_lines:]
        print(f"==> {one}: {known[one]}", *last, sep="\n")


@app.command()
def cancel(
    name: NameArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """End a campaign; what is complete stays, parts of long artifacts too. Example: assay campaign cancel"""
    from assay.cluster.campaign.stopping import cancel as cancelled

    folder = chosen(read_results(config), name)
    said = "has ended. assay campaign resume sends what is left" if cancelled(folder) else "was over already"
    print(f"campaign {folder.path.name} {said}.", file=sys.stderr)


def chosen(results: str, name: str | None) -> CampaignFolder:
    """The campaign of that name in a results folder, or the last one.

    Raises:
        ConfigError: there is none.
    """
    known = {folder.path.name: folder for folder in campaigns(results)}
    if not known:
        raise ConfigError(f"{results}: no campaign was sent from here. assay campaign sends one.")
    if name and name not in known:
        raise ConfigError(f"campaign {name!r} is unknown. There are: {', '.join(known)}.")
    return known[name or list(known)[-1]]


@no_type_check  # see `start`
def _refuse_misplaced(context: typer.Context) -> None:
    """Options of `campaign` say nothing to the commands below it, which take their own."""
    command = context.invoked_subcommand
    for option in context.command.params:
        source = context.get_parameter_source(option.name)
        if source and source.name == "COMMANDLINE" and not option.is_eager:
            raise ConfigError(f"{option.opts[0]} stands before {command}. What {command} takes follows it.")


def _start(plan: Plan, asked: Asked, executor: Executor, *, dry_run: bool, probe: bool) -> None:
    from assay.cluster.campaign.arrays import split
    from assay.cluster.campaign.checks import findings
    from assay.cluster.campaign.places import closing, placed, profile_of
    from assay.cluster.campaign.sending import send

    profile = profile_of(asked.profile, executor)
    pilots = split(plan, asked, executor=executor, profile=profile)
    if not pilots:
        print("Nothing to make: all that was asked for is done.", file=sys.stderr)
        return
    if executor == "slurm":
        pilots = placed(pilots, profile)
    end = closing(pilots, profile, executor)
    print("\n".join(lines(pilots)), file=sys.stdout if dry_run else sys.stderr)
    found = findings(plan, pilots, end, executor=executor, profile=asked.profile, probe=probe and not dry_run)
    for finding in found:
        print(f"{'warning: ' if finding.is_warning else ''}{finding.line}", file=sys.stderr)
    if any(not finding.is_warning for finding in found):
        raise typer.Exit(2)
    if dry_run:
        return
    folder, said = send(plan, pilots, end, asked, executor=executor)
    if said:
        print(said, file=sys.stderr)
    print(folder.path.name)


def lines(pilots: Sequence["Pilots"]) -> Iterator[str]:
    """The arrays, one a line: pilots and what each has, files to make, and the minutes that they take at most."""
    for each in pilots:
        array = each.array
        numbers = range(array.n_pilots)
        gpus = f", {array.gpus} GPU" if array.gpus else ""
        where = f" in {array.partition}" if array.partition else ""
        files = [len(each.targets(number)) for number in numbers]
        minutes = [each.minutes(number) for number in numbers]
        yield (
            f"{array.name}: {array.n_pilots} pilots{where} of {array.cpus} CPUs{gpus}, {array.mem_mb} MB, "
            f"{array.minutes} minutes; {sum(files)} files to make, {_range(files)} a pilot, "
            f"in {_range(minutes)} minutes at most"
        )


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _executor(asked: str) -> Executor:
    if asked == "local" or (not asked and not is_installed("sbatch")):
        return "local"
    if asked in ("", "slurm"):
        return "slurm"
    raise ConfigError(f"--executor {asked!r}: allowed are slurm and local.")
