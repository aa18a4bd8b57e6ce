"""Commands that look: check, list, why, show, schema. None of them imports torch."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay import catalog
from assay.cli.places import ConfigOption, DirectoryOption, JsonOption
from assay.config import DEFAULT_CONFIG, Config, Plan, read_plan
from assay.errors import ConfigError
from assay.options import unknown
from assay.plan import by_table, requests

if TYPE_CHECKING:
    from assay.provenance.status import State


def check(
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
    slurm: Annotated[
        bool, typer.Option("--slurm", help="Hold the plan against the Slurm cluster, too.")
    ] = False,
    profile: Annotated[str, typer.Option(help="The Snakemake profile that will be used there.")] = "slurm",
    no_probe: Annotated[
        bool, typer.Option("--no-probe", help="Without a tiny job in each partition.")
    ] = False,
) -> None:
    """Check config and sheet: every problem at once. Example: assay check --slurm"""
    plan = read_plan(config)
    if slurm:
        from assay.cli.preflighting import check_slurm

        check_slurm(plan, profile, probe=not no_probe, as_json=as_json)
        return
    counts = {"checkpoints": len(plan.rows), "data": len(plan.data), "artifacts": len(requests(plan))}
    if as_json:
        print(json.dumps(counts))
    else:
        print(f"ok: {', '.join(f'{n} {what}' for what, n in counts.items())}")


def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
    every: Annotated[bool, typer.Option("--all", help="Every pair, as a matrix, and every reason.")] = False,
    exit_4: Annotated[
        bool, typer.Option("--check", help="Read every record; exit 4 where something is not done.")
    ] = False,
) -> None:
    """Show how all (checkpoint, artifact) pairs stand: how many, and what is open and why. Example: assay list --all

    A checkpoint whose plan, code and files (by size, times and inode) are those of the last look is not read again;
    --check reads every record. Neither sees an artifact that changed and has its old size; assay verify does.
    """
    from assay.cli.overview import matrix, overview

    plan = read_plan(config)
    states = list(_states(plan, thoroughly=exit_4))
    if as_json:
        print(json.dumps([_as_json(state) for state in states], indent=1))
    else:
        expected = partial(_by_table, plan)
        print("\n".join(matrix(states) if every else overview(states, expected)))
    if exit_4 and any(state.word not in ("done", "n/a", "off") for state in states):
        raise typer.Exit(4)


def why(
    checkpoint: Annotated[str, typer.Argument(help="A checkpoint of the sheet.")],
    artifact: Annotated[str, typer.Argument(help="An artifact, e.g. cka.")],
    config: ConfigOption = DEFAULT_CONFIG,
    directory: DirectoryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how one artifact stands and which input, option or code changed. Example: assay why gat_s42 cka"""
    from assay.provenance.status import Inspection

    plan = read_plan(config)
    plan.row(checkpoint)
    if artifact not in catalog.artifacts():
        raise ConfigError(f"artifact {unknown(artifact, catalog.artifacts())}.")
    state = Inspection(plan).state(checkpoint, artifact)
    if as_json:
        print(json.dumps(_as_json(state), indent=1))
        return
    print(f"{state.file}: {state.word}")
    for reason in state.reasons:
        print(f"  {reason}")


def show(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="An artifact below a results folder.")
    ],
    directory: DirectoryOption = None,
) -> None:
    """Show what an artifact holds and what it was made of. Example: assay show results/gat_s42/cka.json"""
    from assay.store.shown import shown

    print("\n".join(shown(file)))


def schema() -> None:
    """Print the JSON schema of config.yaml, with the options of the table. Example: assay schema > schema.json"""
    print(json.dumps(_schema(), indent=2))


def _by_table(plan: Plan, state: "State") -> bool:
    return by_table(plan, state.checkpoint, state.artifact)


def _states(plan: Plan, *, thoroughly: bool) -> "Iterator[State]":
    if thoroughly:
        from assay.provenance.status import Inspection

        yield from (replace(state, record={}) for state in Inspection(plan).states())  # records are large
        return
    from assay.provenance.survey import Survey

    survey = Survey(plan)
    yield from survey.states()
    survey.remember()


def _as_json(state: "State") -> dict[str, Any]:
    return {
        "checkpoint": state.checkpoint,
        "artifact": state.artifact,
        "state": state.word,
        "reasons": list(state.reasons),
        "file": state.file,
    }


def _schema() -> dict[str, Any]:
    content = Config.model_json_schema()
    options = {
        name: {"properties": _option_schemas(row.options)} for name, row in catalog.artifacts().items()
    }
    content["properties"]["options"] |= {"properties": options, "additionalProperties": False}
    content["properties"]["artifacts"]["propertyNames"] = {"enum": list(catalog.artifacts())}
    content["$defs"]["DataSection"]["allOf"] = [
        {
            "if": {"properties": {"source": {"const": name}}},
            "then": {"properties": _option_schemas(source.options)},
        }
        for name, source in catalog.SOURCES.items()
    ]
    return content


def _option_schemas(options: Any) -> dict[str, Any]:
    return {name: _option_schema(option) for name, option in options.items()}


def _option_schema(option: catalog.Option) -> dict[str, Any]:
    types = {bool: "boolean", int: "integer", float: "number", str: "string", tuple: "array"}
    limits = {"minimum": option.minimum, "maximum": option.maximum, "enum": list(option.choices) or None}
    default = list(option.default) if isinstance(option.default, tuple) else option.default
    return {
        "description": option.help,
        "type": types[type(option.default)],
        "default": default,
        **{name: limit for name, limit in limits.items() if limit is not None},
    }
