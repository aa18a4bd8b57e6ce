"""The jobs that Snakemake sends to Slurm under a profile: rules alone, and groups as large as they may become."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from assay.cluster.preflight.asks import Ask, asks_by_rule, components
from assay.cluster.preflight.profile import Profile
from assay.config import Plan
from assay.plan import Request

Levels = tuple[tuple[Ask, ...], ...]  # the jobs of one component; a level waits for the one before


def submitted(plan: Plan, wanted: Sequence[Request], profile: Profile) -> list[Ask]:
    """What every kind of Slurm job of a plan asks."""
    shapes = components(plan, wanted)
    rules = list(dict.fromkeys(rule for shape in shapes for level in shape for rule in level))
    asks, groups = asks_by_rule(plan, rules, profile), profile.groups
    members: dict[str, Counter[Levels]] = defaultdict(Counter)
    for shape, n in shapes.items():
        for group in {groups[rule] for level in shape for rule in level if rule in groups}:
            inside = tuple(
                tuple(asks[rule] for rule in level if groups.get(rule) == group) for level in shape
            )
            members[group][inside] += n
    alone = [ask for rule, ask in asks.items() if rule not in groups]
    return [*alone, *(largest_group(name, levels, profile) for name, levels in members.items())]


def largest_group(name: str, shapes: Mapping[Levels, int], profile: Profile) -> Ask:
    """The most that one job of a group may ask: all its components are the slowest, or the largest, of the plan.

    Snakemake packs the jobs of a level into layers that `cores` and `resources` of the profile let run side by side:
    minutes add up over layers and levels, all else over the jobs of a layer.
    """
    n = profile.components.get(name, 1)
    there = [shape for shape, count in shapes.items() for _ in range(min(count, n))]
    slowest = _layers(sorted(there, key=_minutes, reverse=True)[:n], profile.limits)
    largest = _layers(sorted(there, key=_mem_mb, reverse=True)[:n], profile.limits)
    jobs = [job for shape in there for level in shape for job in level]
    one = max(jobs, key=lambda job: job.gpus)
    fewer = (
        f"group-components: {{{name}: {max(1, n // 2)}}} in {profile.path}, or keep rules out of the group"
    )
    return Ask(
        job=f"a group {name} of up to {n}",
        minutes=sum(max(job.minutes for job in layer) for layer in slowest),
        mem_mb=max(sum(job.mem_mb for job in layer) for layer in largest),
        gpus=max(sum(job.gpus for job in layer) for layer in [*slowest, *largest]),
        gpu_kind=one.gpu_kind,
        cpus=max(sum(job.cpus for job in layer) for layer in [*slowest, *largest]),
        partition=one.partition,
        account=one.account,
        qos=one.qos,
        settings=fewer,
    )


def _minutes(shape: Levels) -> int:
    return sum(max((job.minutes for job in level), default=0) for level in shape)


def _mem_mb(shape: Levels) -> int:
    return max((job.mem_mb for level in shape for job in level), default=0)


def _layers(shapes: Sequence[Levels], limits: Mapping[str, int | float]) -> list[list[Ask]]:
    """The layers of all levels, one level after the other; a job goes to the first layer that has room for it."""
    layers: list[list[Ask]] = []
    for depth in range(max(map(len, shapes))):
        jobs = [job for shape in shapes for job in (shape[depth] if depth < len(shape) else ())]
        layers += _packed(sorted(jobs, key=lambda job: job.minutes, reverse=True), limits)
    return layers


def _packed(jobs: Sequence[Ask], limits: Mapping[str, int | float]) -> list[list[Ask]]:
    layers: list[list[Ask]] = []
    for job in jobs:
        layer = next((layer for layer in layers if _has_room([*layer, job], limits)), None)
        if layer is None:
            layers.append([job])
        else:
            layer.append(job)
    return layers


def _has_room(layer: Sequence[Ask], limits: Mapping[str, int | float]) -> bool:
    taken = {
        "cores": sum(job.cpus for job in layer),
        "gpu": sum(job.gpus for job in layer),
        "mem_mb": sum(job.mem_mb for job in layer),
    }
    return all(amount <= limits.get(name, math.inf) for name, amount in taken.items())
