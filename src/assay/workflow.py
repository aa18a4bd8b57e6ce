"""The Snakemake edge: params and input functions of the rules. Imports nothing heavy.

Wildcards are Snakemake's objects; they are `Any` here, so that parsing needs no import of Snakemake.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import yaml

from assay import plan as planning
from assay import shortage, tokens
from assay.catalog import MAKERS, artifacts, families
from assay.config import DEFAULT_CONFIG, Plan
from assay.datasets import DataSet, made_by_rule
from assay.errors import ConfigError
from assay.files import json_bytes, publish_bytes, sha256_bytes
from assay.layout import Layout
from assay.options import deciding
from assay.seen import NEW, Seen
from assay.shortage import Kind

Function = Callable[[Any], Any]  # of wildcards

# Snakemake inspects an input function for every job; what it finds here it need not work out again.
_OF_WILDCARDS = Signature([Parameter("wildcards", Parameter.POSITIONAL_OR_KEYWORD)])


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


def snakefile_of_clone() -> Path:
    """The workflow beside the package that runs; of an installed package there is none."""
    return Path(__file__).parents[2] / "Snakefile"


def checkpoint_source(plan: Plan) -> Function:
    """The checkpoint's file where a rule makes it; a file of the user's is compared by its token alone."""

    def source(wildcards: Any) -> str | list[str]:
        path = plan.row(wildcards.checkpoint).path
        return path if made_by_rule(path, plan.results) else []

    return _of_wildcards(source)


class Goals:
    """What the plan wants of Snakemake, worked out when it first asks: a run of a named target never does."""

    def __init__(self, plan: Plan):
        self._plan = plan
        self._requests = cache(partial(planning.requests, plan))

    def bound(self, wildcards: Any) -> list[str]:
        """What the manifest binds: the file of every artifact, and a picture where one is drawn."""
        requests = self._requests()
        pictures = [request.figures[0] for request in requests if self._plan.figures and request.figures]
        return [*(request.target for request in requests), *pictures]

    def lost(self, wildcards: Any) -> list[str]:
        """The files that are gone since the manifest was written."""
        return planning.lost(self._plan, self._requests())


class Tokens:
    """The params by which intakes and data sets rerun; each is worked out once a parse.

    Of a source that changed Snakemake may not see it by itself: `say` is told a line with the command that heeds it.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None] | None = None):
        self._plan, self._say, self._layout = plan, say, Layout(plan.results)
        self.data = cache(partial(self._said, self._layout.data, tokens.data_token))
        self.intake = cache(partial(self._said, self._layout.intake, tokens.intake_token))
        self.training = cache(partial(self._said, self._layout.training, tokens.training_token))

    def of_wildcards(self) -> Function:
        """The param of a checkpoint's intake."""
        return _of_wildcards(lambda wildcards: self.intake(wildcards.checkpoint))

    def of_training(self) -> Function:
        """The param of what training left around a checkpoint."""
        return _of_wildcards(lambda wildcards: self.training(wildcards.checkpoint))

    def _said(self, target_of: Callable[[str], str], token_of: Callable[[Plan, str], str], name: str) -> str:
        token, target = token_of(self._plan, name), target_of(name)
        if self._say and token != NEW and Path(target).exists() and token != Seen.of(target).token:
            self._say(f"{target}: its source changed. Should nothing rerun: snakemake --forcerun {target}")
        return token


def raw_data(plan: Plan, data: DataSet) -> list[str]:
    """The raw files and folders of a data set that a rule makes."""
    return [path for path in data.paths if made_by_rule(path, plan.results)]


def threads_of(data: DataSet) -> int:
    """The CPUs that a preparation asks for: as many as processes read its files."""
    return max(1, int(data.options.get("num_workers", 0)))  # type: ignore[arg-type]


def artifact_inputs(plan: Plan, artifact: str) -> dict[str, Function | str]:
    """The fingerprints of an artifact by role: a pattern, which is faster, where one serves all rows."""
    layout = Layout(plan.results)
    inputs: dict[str, Function | str] = {"checkpoint": layout.intake("{checkpoint}")}
    for role in artifacts()[artifact].partners:
        inputs[role] = _fingerprint(plan, artifact, role)
    names = {row.data for row in plan.rows.values()}
    made = any(families()[row.family].batches in MAKERS for row in plan.rows.values())
    one = len(names) == 1 and not made
    inputs["data"] = layout.data(names.pop()) if one else _fingerprint(plan, artifact, "data")
    return inputs | ({"training": layout.training("{checkpoint}")} if artifacts()[artifact].origin else {})


def artifact_outputs(plan: Plan, artifact: str) -> dict[str, str | list[str]]:
    """The files of an artifact; the record, written last, says that all are there."""
    layout = Layout(plan.results)
    also = list(layout.also("{checkpoint}", artifact))
    return {
        "file": layout.target("{checkpoint}", artifact),
        **({"also": also} if also else {}),
        "record": layout.record("{checkpoint}", artifact),
    }


def artifact_options(plan: Plan, artifact: str) -> Function | dict[str, Any]:
    """The options of an artifact; a plain value, which Snakemake expands faster, where no row overrides one."""
    if not any(artifact in row.options for row in plan.rows.values()):
        return _sorted(deciding(plan.options[artifact], artifacts()[artifact].options))

    def options(wildcards: Any) -> dict[str, Any]:
        return _sorted(planning.request(plan, wildcards.checkpoint, artifact).deciding)

    return _of_wildcards(options)


def artifact_code(plan: Plan, artifact: str) -> Function | str:
    """The digest of the code that makes an artifact; a plain value where all rows are of one family."""
    if len({row.family for row in plan.rows.values()}) == 1:
        return planning.code_digest(artifact, next(iter(plan.rows.values())).family)

    def code(wildcards: Any) -> str:
        return planning.request(plan, wildcards.checkpoint, artifact).code_digest

    return _of_wildcards(code)


def resources_of(plan: Plan, artifact: str) -> dict[str, int | Function]:
    """What Snakemake asks the cluster for; no `gpu` at all where none is needed."""
    asked = plan.resources[artifact]
    gpu = {"gpu": asked["gpu"]} if asked["gpu"] else {}
    return {**enough(artifact, runtime=asked["minutes"], mem_mb=asked["mem_mb"]), **gpu}


def enough(rule: str, *, runtime: int, mem_mb: int) -> dict[str, Function]:
    """Minutes and MB of a rule; a job that ran out of one asks for twice as much of it on its retry."""

    def amount(kind: Kind, usual: int, wildcards: Any) -> int:
        return usual * shortage.factor(kind, rule, dict(wildcards.items()))

    return {
        "runtime": _of_wildcards(partial(amount, "runtime", runtime)),
        "mem_mb": _of_wildcards(partial(amount, "mem_mb", mem_mb)),
    }


def _fingerprint(plan: Plan, artifact: str, role: str) -> Function:
    def fingerprint(wildcards: Any) -> str:
        return planning.request(plan, wildcards.checkpoint, artifact).fingerprint(role)

    return _of_wildcards(fingerprint)


def _of_wildcards(function: Function) -> Function:
    function.__signature__ = _OF_WILDCARDS  # type: ignore[attr-defined]
    return function


def _sorted(options: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted(options.items()))


def _content(path: str) -> Any:
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no valid YAML: {error}") from None
