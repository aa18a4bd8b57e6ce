"""The command that compares siblings. It imports no torch."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from assay.cli.places import ConfigOption, DirectoryOption, JsonOption
from assay.config import DEFAULT_CONFIG, read_plan

if TYPE_CHECKING:
    from assay.provenance.siblings import Difference

MOST_CHARACTERS = 30  # of a value


def compare(
    checkpoint: Annotated[
        list[str] | None, typer.Argument(help="Checkpoints of the sheet; none: all.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show in which settings checkpoints of one family and data set differ. Example: assay compare gat_s42 gat_s43"""
    from assay.provenance.siblings import differences, without_record

    plan = read_plan(config)
    chosen = checkpoint or list(plan.rows)
    found = list(differences(plan, chosen))
    if missing := without_record(plan, chosen):
        print(f"no record yet: {', '.join(missing)}", file=sys.stderr)
    if as_json:
        print(json.dumps([asdict(difference) for difference in found], indent=1))
    elif found:
        print("\n".join(_tables(found)))
    else:
        print("no two siblings with a record differ in a setting", file=sys.stderr)


def _tables(found: Sequence["Difference"]) -> list[str]:
    """A table for each group of siblings: a line a setting, a column a checkpoint."""
    groups: dict[tuple[str, str], list[Difference]] = {}
    for difference in found:
        groups.setdefault((difference.family, difference.data), []).append(difference)
    lines = []
    for (family, data), of_group in groups.items():
        rows = [[f"{family} on {data}", *of_group[0].values]]
        rows += [[each.setting, *map(_shown, each.values.values())] for each in of_group]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return lines


def _shown(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 3]}..."
