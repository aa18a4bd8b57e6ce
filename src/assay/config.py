"""config.yaml and the sheet -> a validated Plan; every error at once, by key, row and column."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assay import catalog
from assay.catalog import Value
from assay.datasets import DataSection, DataSet, data_sets, expanded
from assay.errors import ConfigError
from assay.options import meant, resolved, unknown
from assay.row_problems import row_problems
from assay.sheet import Row, read_rows

DEFAULT_CONFIG = "config/config.yaml"
PILOT = "ASSAY_PILOT"  # of the environment: set for all that a campaign's pilot starts


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ResourceSection(_Section):
    """What an artifact asks of the cluster, where its row in the table is not right for you."""

    gpu: int | None = Field(default=None, ge=0, description="GPUs.")
    minutes: int | None = Field(default=None, ge=1, description="Time limit in minutes.")
    mem_mb: int | None = Field(default=None, ge=1, description="Memory in MB.")


class IntakeSection(_Section):
    """How checkpoints are read at the border."""

    placeholders: list[str] = Field(
        default=[],
        description="Inert hyper-parameter types, as module.Name, that become placeholders; never run.",
    )


class Config(_Section):
    """config/config.yaml. Paths are relative to the working folder; $VARIABLES in them expand."""

    checkpoints: str = Field(description="The sheet: one row per checkpoint, tab separated.")
    results: str = Field(
        default="results", description="Folder of all results. A path below it is made by a rule."
    )
    data: dict[str, DataSection] = Field(description="Data sets by the name that the sheet uses.")
    artifacts: dict[str, bool] = Field(
        default={},
        description=(
            "Toggles: artifact -> true or false. Without one, an artifact is made where it applies; one that is made "
            "on request, of rows that name it."
        ),
    )
    options: dict[str, dict[str, Any]] = Field(default={}, description="Artifact -> option -> value.")
    resources: dict[str, ResourceSection] = Field(default={}, description="Artifact -> gpu, minutes, mem_mb.")
    figures: bool = Field(default=True, description="Whether every artifact is drawn, as PNG and SVG.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto",
        description=(
            "Where jobs compute: `cpu` asks for no GPU anywhere, `auto` takes one where there is one, and with `cuda` "
            "artifacts that ask for one (`resources`) fail where there is none."
        ),
    )
    seed: int = Field(default=42, ge=0, description="Default of every option `seed`.")
    intake: IntakeSection = Field(
        default=IntakeSection(), description="How checkpoints are read at the border."
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that config and sheet decide, checked."""

    config: str
    results: str
    rows: Mapping[str, Row]
    data: Mapping[str, DataSet]
    enabled: tuple[str, ...]  # what no toggle switches off
    options: Mapping[str, Mapping[str, Value]]  # artifact -> options, before a row's own
    resources: Mapping[str, Mapping[str, int]]
    figures: bool
    device: str
    placeholders: tuple[str, ...]

    def row(self, checkpoint: str) -> Row:
        """The row of a checkpoint.

        Raises:
            ConfigError: it is not in the sheet.
        """
        if checkpoint not in self.rows:
            raise ConfigError(f"checkpoint {unknown(checkpoint, self.rows)}.")
        return self.rows[checkpoint]

    def device_of(self, artifact: str) -> str:
        """Where an artifact computes. Only what asks for a GPU insists on one."""
        return "auto" if self.device == "cuda" and not self.resources[artifact]["gpu"] else self.device

    def data_set(self, name: str) -> DataSet:
        """A data set of the config.

        Raises:
            ConfigError: there is none of that name.
        """
        if name not in self.data:
            raise ConfigError(f"data {unknown(name, self.data)}.")
        return self.data[name]


def read_plan(path: str = DEFAULT_CONFIG, *, may_lack_files: bool = False) -> Plan:
    """The plan of a config file.

    It `may_lack_files`, checkpoints and raw data, once it was sent as a campaign, and so within a pilot: what needs one
    that is gone fails by itself.

    Raises:
        ConfigError: every problem of config and sheet, a line each.
    """
    config = _validated(_read_yaml(path), path)
    may_lack_files = may_lack_files or PILOT in os.environ
    results, wrong_results = _results(config.results)
    sheet, wrong_sheet = expanded(config.checkpoints)
    data, wrong_data = data_sets(config.data, results, may_lack_files=may_lack_files)
    options, wrong_options = _artifact_options(config)
    problems = [*wrong_results, *wrong_sheet, *wrong_data, *wrong_options, *_unknown_artifacts(config)]
    enabled = tuple(name for name in catalog.artifacts() if config.artifacts.get(name, True))
    usual = tuple(
        name for name in enabled if name in config.artifacts or not catalog.artifacts()[name].on_request
    )
    rows, wrong_rows = ({}, []) if wrong_sheet else read_rows(Path(sheet), usual)
    found = row_problems(rows, data, options, results, enabled, may_lack_files=may_lack_files)
    wrong_rows += [f"{sheet}:{line} {problem}" for line, problem in found]
    if problems or wrong_rows:
        raise ConfigError([*(f"{path}: {problem}" for problem in problems), *wrong_rows])
    return Plan(
        config=path,
        results=results,
        rows=rows,
        data=data,
        enabled=enabled,
        options=options,
        resources={name: _resources(config, name) for name in catalog.artifacts()},
        figures=config.figures,
        device=config.device,
        placeholders=tuple(config.intake.placeholders),
    )


def read_results(path: str = DEFAULT_CONFIG) -> str:
    """The results folder of a config, whatever else is wrong with that, and with its sheet.

    Raises:
        ConfigError: the file cannot be read, or its key `results` is wrong.
    """
    content = _keys(_read_yaml(path), path)
    given = content.get("results", Config.model_fields["results"].default)
    if not isinstance(given, str):
        raise ConfigError(f"{path}: results: expected the path of a folder, got {given!r}.")
    folder, problems = _results(given)
    if problems:
        raise ConfigError([f"{path}: {problem}" for problem in problems])
    return folder


def _read_yaml(path: str) -> Any:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file, in {Path.cwd()}. --config names another."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as text: {error}.") from None
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _StrictLoader)):
            raise ConfigError(f"{path}: holds a YAML alias (*name): write the value out.")
        return yaml.load(text, _StrictLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path}: is no valid YAML: {' '.join(str(error).split())}") from None


class _StrictLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML without repeated keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key is no text", problem_mark=key.start_mark)
            if key.value in seen:
                problem = f"key {key.value!r} occurs twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _keys(content: Any, path: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: must hold keys such as checkpoints and data, got {type(content).__name__}."
        )
    return content


def _validated(content: Any, path: str) -> Config:
    try:
        return Config.model_validate(_keys(content, path))
    except ValidationError as error:
        raise ConfigError([f"{path}: {line}" for line in _lines(error)]) from None


def _lines(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        parts = [str(part) for part in problem["loc"]]
        where = ".".join(part for part in parts if not re.fullmatch(r"str|list\[str\]", part))
        if problem["type"] == "extra_forbidden":
            known = _keys_beside(parts)
            yield f"{where} is unknown{meant(parts[-1], known)}. Allowed: {', '.join(known)}."
        elif problem["type"] == "missing":
            yield f"{where} is missing."
        else:
            yield f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}, got {problem['input']!r}."


def _keys_beside(location: list[str]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {"resources": ResourceSection, "intake": IntakeSection}
    section = sections.get(location[0], Config) if len(location) > 1 else Config
    return list(section.model_fields)


def _results(path: str) -> tuple[str, list[str]]:
    """The results folder in its shortest form, and what is wrong with it."""
    text, problems = expanded(path)
    folder = os.path.normpath(text)
    if folder == os.curdir:
        problems.append(f"{path!r} is not a folder of its own, but paths below it are made by rules")
    if Path(folder).is_file():
        problems.append(f"{path!r} is a file, allowed: a folder, which need not exist")
    return folder, [f"results: {problem}." for problem in problems]


def _unknown_artifacts(config: Config) -> Iterator[str]:
    for key in ("artifacts", "options", "resources"):
        for name in getattr(config, key):
            if name not in catalog.artifacts():
                yield f"{key}: {unknown(name, catalog.artifacts())}."


def _artifact_options(config: Config) -> tuple[dict[str, dict[str, Value]], list[str]]:
    options, problems = {}, []
    for name, row in catalog.artifacts().items():
        seed = {"seed": config.seed} if "seed" in row.options else {}
        options[name], wrong = resolved(row.options, seed | config.options.get(name, {}))
        problems += [f"options.{name}.{problem}" for problem in wrong]
    return options, problems


def _resources(config: Config, artifact: str) -> dict[str, int]:
    row = catalog.artifacts()[artifact]
    asked = {"gpu": row.gpu, "minutes": row.minutes, "mem_mb": row.mem_mb}
    if artifact in config.resources:
        asked |= config.resources[artifact].model_dump(exclude_none=True)
    return asked | ({"gpu": 0} if config.device == "cpu" else {})
