"""The Snakemake edge: params and input functions of the rules. Imports nothing heavy.

Wildcards are Snakemake's objects; they are `Any` here, so that parsing needs no import of Snakemake.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from assay import plan as planning
from assay.config import DEFAULT_CONFIG, Plan
from assay.datasets import DataSet, made_by_rule
from assay.errors import ConfigError
from assay.files import json_bytes, publish_bytes, sha256_bytes
from assay.layout import Layout

Ancient = Callable[[Any], Any]  # Snakemake's flag: never compared
Function = Callable[[Any], Any]  # of wildcards; a closure, since Snakemake inspects a partial slowly


def effective_config(config: Mapping[str, Any], given: Sequence[str | Path]) -> str:
    """The file that jobs read: the one config file, or a copy of what --configfile and --config made of it."""
    files = [str(file) for file in given] or [DEFAULT_CONFIG]
    if len(files) == 1 and (not Path(files[0]).exists() or config == _content(files[0])):
        return files[0]
    content = json_bytes(dict(config))
    merged = Path(".snakemake", "assay", f"config-{sha256_bytes(content)[:12]}.yaml")
    if not merged.exists():
        publish_bytes(merged, content)
    return str(merged)


def checkpoint_source(plan: Plan, ancient: Ancient) -> Function:
    """The checkpoint's file; compared by time only where a rule makes it, else by `intake_token`."""

    def source(wildcards: Any) -> Any:
        path = planning.row_of(plan, wildcards.checkpoint).path
        return path if made_by_rule(path, plan.results) else ancient(path)

    return source


def intake_token(plan: Plan) -> Function:
    """The param by which an intake reruns."""

    def token(wildcards: Any) -> str:
        return planning.intake_token(plan, wildcards.checkpoint)

    return token


def raw_data(plan: Plan, ancient: Ancient, data: DataSet) -> list[Any]:
    """The raw files and folders of a data set, flagged as `checkpoint_source` does."""
    return [path if made_by_rule(path, plan.results) else ancient(path) for path in data.paths]


def artifact_inputs(plan: Plan, artifact: str) -> Function:
    """The fingerprints of an artifact, by role."""

    def inputs(wildcards: Any) -> dict[str, str]:
        return planning.request(plan, wildcards.checkpoint, artifact).fingerprints

    return inputs


def artifact_options(plan: Plan, artifact: str) -> Function | dict[str, Any]:
    """The options of an artifact; a plain value, which Snakemake expands faster, where no row overrides one."""
    if not any(artifact in row.options for row in plan.rows.values()):
        return _sorted(plan.options[artifact])

    def options(wildcards: Any) -> dict[str, Any]:
        return _sorted(planning.request(plan, wildcards.checkpoint, artifact).options)

    return options


def artifact_code(plan: Plan, artifact: str) -> Function | str:
    """The digest of the code that makes an artifact; a plain value where all rows are of one family."""
    if len({row.family for row in plan.rows.values()}) == 1:
        return planning.code_digest(artifact, next(iter(plan.rows.values())).family)

    def code(wildcards: Any) -> str:
        return planning.request(plan, wildcards.checkpoint, artifact).code_digest

    return code


def resources_of(plan: Plan, artifact: str) -> dict[str, int]:
    """What Snakemake asks the cluster for; no `gpu` at all where none is needed."""
    asked = plan.resources[artifact]
    gpu = {"gpu": asked["gpu"]} if asked["gpu"] else {}
    return {"runtime": asked["minutes"], "mem_mb": asked["mem_mb"], **gpu}


def notices(plan: Plan, wanted: Sequence[planning.Request]) -> Iterator[str]:
    """A line for each change that Snakemake may not see by itself, with the command that heeds it."""
    layout = Layout(plan.results)
    tokens = {layout.intake(name): planning.intake_token(plan, name) for name in plan.rows}
    tokens |= {layout.data(name): planning.data_token(plan, name) for name in plan.data}
    for target, token in tokens.items():
        if token.startswith(("after-", "without-")) and Path(target).exists():
            yield f"{target}: its source changed. Should nothing rerun: snakemake --forcerun {target}"
    for request in wanted:
        if not Path(request.record).exists() and Path(request.target).exists():
            yield f"{request.target} has no record. To make both again: snakemake --forcerun {request.target}"


def _sorted(options: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(planning.plain(options).items()))


def _content(path: str) -> Any:
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no valid YAML: {error}") from None
