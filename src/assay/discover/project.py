"""What the project's config says of data sets and results; its sheet may not be there yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.datasets import DataSection, DataSet, data_sets, expanded
from assay.discover.documents import yaml_map
from assay.errors import ConfigError, Refused


@dataclass(frozen=True, slots=True)
class Project:
    """The data sets by name, and the folder of results."""

    data: Mapping[str, DataSet]
    results: Path


def read_project(config: str) -> Project:
    """The project of a config file; an empty one where there is no such file.

    Raises:
        ConfigError: it is no YAML, or `data` or `results` are not what they must be.
    """
    path = Path(config)
    if not path.exists():
        return Project({}, Path("results").resolve())
    try:
        content = yaml_map(path)
        sections = {name: DataSection.model_validate(part) for name, part in _map(content, "data").items()}
    except Refused as refusal:
        raise ConfigError(f"{config}: {refusal}.") from None
    except ValidationError as error:
        raise ConfigError(f"{config}: data: {error.errors()[0]['msg']}. assay check says more.") from None
    results, _ = expanded(str(content.get("results") or "results"))
    return Project(data_sets(sections, results)[0], Path(results).resolve())


def _map(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, Mapping):
        raise Refused(f"{key} is a {type(value).__name__}, expected a map")
    return value
