"""The command that reads run folders in: discover. It imports no torch; a child process does."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assay.cli.places import ConfigOption, DirectoryOption, JsonOption
from assay.config import DEFAULT_CONFIG
from assay.errors import AssayError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.discover.proposal import Discovery
    from assay.discover.walking import Skipped

HEADERS_ONLY = "headers only: the weights were not read; the border reads them when a checkpoint is used"
MOST_ALIKE = 4  # files of one folder that are skipped for one reason, each on a line of its own


def discover(
    folders: Annotated[list[str], typer.Argument(help="Folders of runs.", metavar="DIR...")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="The sheet to make or to add to; without it, on stdout."),
    ] = None,
    which: Annotated[
        Literal["best", "last", "all"], typer.Option(help="Of the checkpoints of one run.")
    ] = "best",
    data: Annotated[str, typer.Option(help="The data set of runs that name none of the config's.")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Propose a sheet from run folders; rows that stand there are kept. Example: assay discover runs -o sheet.tsv"""
    from assay.discover import merging
    from assay.discover.project import read_project
    from assay.discover.proposal import discover as discovered

    roots = [_folder(folder) for folder in folders]
    sheet = merging.read_sheet(Path(output)) if output else merging.Sheet(Path(), b"", (), ())
    found = discovered(roots, sheet, read_project(config), which=which, data=data)
    _say(found)
    if not found.proposals and not found.known:
        raise AssayError(f"no checkpoint was found below {', '.join(folders)}; nothing was written.")
    if output:
        for column in merging.lost(sheet, found.rows):
            print(f"{output} has no column {column}, so what was found for it is left out", file=sys.stderr)
        merging.publish_sheet(sheet, found.rows)
    if as_json:
        print(json.dumps(_as_json(found), indent=1))
    elif output:
        print(f"{output}: {len(found.proposals)} rows added, {len(found.known)} there already")
    else:
        sys.stdout.write(merging.merged(sheet, found.rows).decode())


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        what = "is a file" if path.exists() else "there is no such folder"
        raise ConfigError(f"{text}: {what}, in {Path.cwd()}. discover takes folders of runs.")
    return path


def _say(found: "Discovery") -> None:
    for proposal in found.proposals:
        row = proposal.row
        says = "; ".join(proposal.because)
        print(
            f"{row['checkpoint']}: {row['family']} ({proposal.confidence}), {proposal.layout}: {says}",
            file=sys.stderr,
        )
        for problem in proposal.open:
            print(f"{row['checkpoint']}: to complete: {problem}", file=sys.stderr)
    for line in _skipped_lines(found.skipped):
        print(line, file=sys.stderr)
    print(HEADERS_ONLY, file=sys.stderr)


def _skipped_lines(skipped: "Sequence[Skipped]") -> "Iterator[str]":
    """A line each; of many in one folder for one reason, as the epochs of a training are, one for all."""
    groups: dict[tuple[str, str], list[str]] = {}
    for one in skipped:
        groups.setdefault((one.path.rpartition("/")[0], one.reason), []).append(one.path)
    for (folder, reason), paths in groups.items():
        if len(paths) > MOST_ALIKE:
            first, last = (path.rpartition("/")[2] for path in (paths[0], paths[-1]))
            yield f"skipped {len(paths)} in {folder or '.'}, {first} to {last}: {reason}"
        else:
            yield from (f"skipped {path}: {reason}" for path in paths)


def _as_json(found: "Discovery") -> dict[str, Any]:
    return {
        "headers_only": True,
        "rows": [asdict(proposal) for proposal in found.proposals],
        "skipped": [asdict(skipped) for skipped in found.skipped],
        "known": list(found.known),
    }
