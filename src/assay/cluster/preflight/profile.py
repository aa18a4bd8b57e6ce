"""A Snakemake profile for Slurm: what it adds to what the rules ask, and how it groups and polls jobs."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from assay.errors import ConfigError

NAMES = ("profile.yaml", "config.yaml")
INIT_SECONDS = 40  # of the Slurm plugin, where the profile has no slurm-init-seconds-before-status-checks
MINUTES_OF_UNIT = {"": 1, "m": 1, "h": 60, "d": 1440, "w": 10080}


@dataclass(frozen=True, slots=True)
class Profile:
    """The file of a profile and what it says."""

    path: str
    content: Mapping[str, Any]

    def resources(self, rule: str, own: Mapping[str, Any]) -> dict[str, Any]:
        """What a rule asks under this profile: defaults, then the rule's own, then `set-resources` of it."""
        set_here = self.content.get("set-resources") or {}
        return {**_pairs(self.content.get("default-resources")), **own, **(set_here.get(rule) or {})}

    @property
    def groups(self) -> dict[str, str]:
        """Rule -> its group."""
        return {rule: str(group) for rule, group in _pairs(self.content.get("groups")).items()}

    @property
    def components(self) -> dict[str, int]:
        """Group -> how many connected components share a job; 1 where it is not named."""
        return {group: int(n) for group, n in _pairs(self.content.get("group-components")).items()}

    @property
    def limits(self) -> dict[str, int | float]:
        """What the jobs of a group that run side by side may take together: `cores` and `resources`."""
        cores = self.content.get("cores")
        given = {name: n for name, n in _pairs(self.content.get("resources")).items() if isinstance(n, int)}
        return {**given, "cores": cores if isinstance(cores, int) else math.inf}

    @property
    def status_command(self) -> str:
        """The command that the plugin asks for states; empty where it chooses by itself."""
        return str(self.content.get("slurm-status-command") or "")

    @property
    def init_seconds(self) -> int:
        """Seconds from a submission to the plugin's first look."""
        return int(self.content.get("slurm-init-seconds-before-status-checks") or INIT_SECONDS)

    @property
    def partition_file(self) -> str:
        """The file that describes partitions to the plugin; empty where the profile names none."""
        name = str(self.content.get("slurm-partition-config") or "")
        beside = Path(self.path).with_name(name) if name else Path()
        return str(beside) if name and beside.exists() else name


def read_profile(name: str) -> Profile:
    """The profile that `snakemake --profile NAME` takes: here, in the user's folder, in the site's.

    Raises:
        ConfigError: there is none of that name, or it cannot be read.
    """
    path = _found(name)
    if path is None:
        raise ConfigError(f"profile {name}: there is none in {', '.join(map(str, _folders()))}.")
    return Profile(str(path), read_mapping(path))


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: must hold keys, got {type(content).__name__}.")
    return content


def runtime_minutes(value: Any) -> int | None:
    """A `runtime` in minutes: a number of them, or as `2h`, `1d`; nothing where it is an expression."""
    if isinstance(value, int | float):
        return math.ceil(value)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([mhdw]?)\s*", str(value))
    return math.ceil(float(found[1]) * MINUTES_OF_UNIT[found[2]]) if found else None


def _found(name: str) -> Path | None:
    for folder in _folders():
        place = folder / name
        if place.is_file():
            return place
        if there := [place / file for file in NAMES if (place / file).is_file()]:
            return there[0]
    return None


def _folders() -> list[Path]:
    own = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return [Path(), own / "snakemake", Path("/etc/xdg/snakemake")]


def _pairs(given: Any) -> dict[str, Any]:
    """Key -> value of a mapping, or of a list of `key=value`."""
    if isinstance(given, Mapping):
        return dict(given)
    pairs = (str(item).partition("=") for item in given or [])
    return {key: int(value) if value.isdigit() else value for key, _, value in pairs}
