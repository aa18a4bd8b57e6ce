"""Commands that bind: manifest and verify."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from assay.cli.places import ConfigOption, DirectoryOption, JsonOption
from assay.config import DEFAULT_CONFIG, read_plan


def manifest(
    token: Annotated[str, typer.Option(help="What Snakemake compares.")] = "",
    allow_partial: Annotated[
        bool, typer.Option("--partial", help="Exit 0 also where targets are missing.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
) -> None:
    """Write results/manifest.json: every target, every file. Example: assay manifest --partial"""
    from assay.provenance.manifest import write

    written = write(read_plan(config), token)
    print(", ".join(f"{n} {word}" for word, n in written.counts.items()))
    for state in written.open:
        print(f"{state.checkpoint} {state.artifact}: {state.word}: {state.reasons[0]}", file=sys.stderr)
    for path in written.undrawn:
        print(f"{path}: not drawn", file=sys.stderr)
    if not written.complete and not allow_partial:
        raise typer.Exit(4)


def verify(
    results: Annotated[str | None, typer.Argument(help="A results folder; without it the config's.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hash every file of the manifest again; exit 3 where one differs. Example: assay verify"""
    from assay.provenance.verify import verify as verified

    verdict = verified(results or read_plan(config).results)
    if as_json:
        print(json.dumps(asdict(verdict), indent=1))
    else:
        for note in verdict.notes:
            print(f"note: {note}", file=sys.stderr)
        for problem in verdict.wrong:
            print(problem)
        print(f"{verdict.n_files} files verified, {len(verdict.wrong)} wrong")
    if verdict.wrong:
        raise typer.Exit(3)
