"""The command that tells Snakemake of results which it has no memory of: adopt."""

import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.places import ConfigOption, DirectoryOption
from assay.config import DEFAULT_CONFIG, read_plan
from assay.errors import AssayError
from assay.layout import Layout
from assay.workflow import snakefile_of_clone

if TYPE_CHECKING:
    from assay.provenance.adoption import Adoption

# Where Snakemake looks for the workflow by itself.
SNAKEFILES = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")


def adopt(
    snakemake: Annotated[
        list[str] | None, typer.Argument(help="Options for Snakemake, after --, e.g. -- --profile slurm.")
    ] = None,
    make: Annotated[bool, typer.Option("--make", help="Also make the rest, by Snakemake.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands, and run none.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Verify results that Snakemake has no memory of, and have it take the fresh ones as made.

    They were copied, made by hand or elsewhere, or .snakemake is lost. What is stale, damaged or missing is left
    to the commands that are printed. Example: assay adopt --dry-run
    """
    from assay.provenance.adoption import adoption

    found = adoption(read_plan(config))
    options = [*(snakemake or ()), *(["--configfile", config] if config != DEFAULT_CONFIG else [])]
    options += _workflow(options)
    for line in (*found.damaged, *found.reasons):
        print(line, file=sys.stderr)
    fresh = f"{len(found.fresh)} artifacts and {len(found.drawn)} figures fresh"
    print(f"{fresh}, {len(found.reasons)} artifacts to make", file=sys.stderr)
    touching = list(_touching(config, found, options, write=not dry_run))
    making = list(_making(found, options))
    for command in touching if dry_run else []:
        print(shlex.join(command))
    for command in making if dry_run or not make else []:
        print(shlex.join(command))
    for command in [] if dry_run else [*touching, *(making if make else [])]:
        _run(command)
    if found.damaged:
        raise typer.Exit(3)


def _workflow(options: Sequence[str]) -> list[str]:
    """Names the clone's own Snakefile where there is none here, as a campaign takes it."""
    of_clone = snakefile_of_clone()
    here = {"-s", "--snakefile"} & set(options) or any(Path(name).is_file() for name in SNAKEFILES)
    return [] if here or not of_clone.is_file() else ["-s", str(of_clone)]


def _touching(config: str, found: "Adoption", options: Sequence[str], *, write: bool) -> Iterator[list[str]]:
    """The commands that bless what is fresh. Where that is all, the manifest, and so everything below it, is enough.

    What a killed Snakemake marked as incomplete is judged by its record, and loses the mark.
    """
    from assay.provenance.adoption import batches

    touch = [sys.executable, "-m", "snakemake", *options, "--cores", "1", "--touch", "--forceall"]
    touch += ["--ignore-incomplete", "--"]
    if found.rest:
        yield from ([*touch, *group] for group in batches([*found.fresh, *found.drawn]))
        return
    if write:
        _write_manifest(config)
    yield [*touch, Layout(read_plan(config).results).manifest]


def _write_manifest(config: str) -> None:
    from assay import tokens
    from assay.provenance.manifest import write

    plan = read_plan(config)
    write(plan, tokens.manifest_token(plan))


def _making(found: "Adoption", options: Sequence[str]) -> Iterator[list[str]]:
    """The commands that make the rest, and bind it."""
    from assay.provenance.adoption import batches

    cores = [] if {"-c", "--cores", "-j", "--jobs", "--profile"} & set(options) else ["--cores", "all"]
    command = [sys.executable, "-m", "snakemake", *options, *cores, "--rerun-incomplete"]
    for group in batches(found.rest):
        yield [*command, "--forcerun", *group, "--", *group]
    if found.rest:
        yield command


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    if done.returncode:
        raise AssayError(f"Snakemake failed with exit code {done.returncode}: {shlex.join(command)[:500]}")
