"""Which partition a job goes to, as the Slurm plugin chooses it."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.profile import Profile, read_mapping, runtime_minutes
from assay.cluster.preflight.site import Site
from assay.cluster.preflight.slurm_text import limit_minutes
from assay.errors import ConfigError

Declared = Mapping[str, Mapping[str, Any]]  # partition -> limits, of the profile's slurm-partition-config


def declared_partitions(profile: Profile) -> tuple[Declared, list[Finding]]:
    """The partitions that the profile describes to the plugin, and what is wrong with that file."""
    file = profile.partition_file
    if not file:
        return {}, []
    try:
        content = read_mapping(Path(file)).get("partitions")
    except ConfigError as error:
        got, advice = str(error).rstrip("."), "The Slurm plugin does not start without it."
        return {}, [Finding(profile.path, "slurm-partition-config", got, "a readable file", advice)]
    if not isinstance(content, dict):
        advice = "The Slurm plugin's documentation shows its form."
        return {}, [Finding(file, "partitions", repr(content), "a mapping of limits by name", advice)]
    limits = {str(name): limits or {} for name, limits in content.items()}
    wrong = [name for name, one in limits.items() if not _is_readable(one)]
    advice = "Take minutes, 12h, 7d or 1-12:00:00."
    findings = [
        Finding(file, f"max_runtime of {n}", repr(limits[n]["max_runtime"]), "a time", advice) for n in wrong
    ]
    return {name: one for name, one in limits.items() if name not in wrong}, findings


def destinations(ask: Ask, site: Site, declared: Declared) -> list[str]:
    """The partitions that a job may go to: its own; else those declared that have room; else the default, or ''."""
    if ask.partition:
        return [name.strip() for name in ask.partition.split(",")]
    return [name for name, limits in declared.items() if _has_room(ask, limits)] or [site.default]


def preferred(ask: Ask, site: Site, declared: Declared) -> list[str]:
    """Where to send a job by ourselves: of those that it may go to the ones without GPUs, where it needs none.

    The Slurm plugin weighs that against how tightly a job fits, so for its jobs `destinations` are held.
    """
    able = destinations(ask, site, declared)
    if ask.gpus or ask.partition:
        return able
    return [name for name in able if not declared.get(name, {}).get("max_gpu")] or able


def to_probe(asks: Sequence[Ask], site: Site, declared: Declared) -> dict[str, Ask]:
    """Partition -> the ask to probe it with: of those that go there, one with a GPU first, where it has such a GPU."""
    found: dict[str, Ask] = {}
    for ask in sorted(asks, key=lambda ask: ask.gpus == 0):
        partition = site.partitions.get(destinations(ask, site, declared)[0])
        if partition is None or partition.state != "UP":
            continue
        if any(node.n_gpus(ask.gpu_kind) >= min(1, ask.gpus) for node in partition.nodes):
            found.setdefault(partition.name, ask)
    return found


def _has_room(ask: Ask, limits: Mapping[str, Any]) -> bool:
    """Whether the plugin takes a partition for a job."""
    kinds = limits.get("available_gpu_models") or [ask.gpu_kind]
    return (
        ask.minutes <= _max_minutes(limits)
        and ask.mem_mb <= limits.get("max_mem_mb", math.inf)
        and ask.cpus <= limits.get("max_threads", math.inf)
        and ask.gpus <= limits.get("max_gpu", 0)
        and (not ask.gpus or not ask.gpu_kind or ask.gpu_kind in kinds)
    )


def _is_readable(limits: Mapping[str, Any]) -> bool:
    try:
        _max_minutes(limits)
    except ValueError:
        return False
    return True


def _max_minutes(limits: Mapping[str, Any]) -> float:
    """The declared time limit, in Snakemake's form or in Slurm's."""
    text = str(limits.get("max_runtime", "UNLIMITED"))
    minutes = runtime_minutes(text)
    return limit_minutes(text) if minutes is None else float(minutes)
