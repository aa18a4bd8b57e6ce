"""What a plan asks of a cluster: one ask for every rule, and one for the largest job of every group."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.catalog import artifacts
from assay.cluster.preflight.profile import Profile, runtime_minutes
from assay.cluster.preflight.slurm_text import gpus
from assay.config import Plan
from assay.plan import Request

# The resources of the rules that no row of the table stands for, as the .smk files give them.
INTAKE = {"runtime": 10, "mem_mb": 4000}
DATA = {"runtime": 60, "mem_mb": 8000}
FIGURE = {"runtime": 10, "mem_mb": 2000}

Component = tuple[tuple[str, ...], ...]  # rules that depend on each other, by level


@dataclass(frozen=True, slots=True)
class Ask:
    """What one kind of job asks; `settings` says where to change it."""

    job: str
    minutes: int
    mem_mb: int
    gpus: int = 0
    gpu_kind: str = ""  # any where empty
    cpus: int = 1
    partition: str = ""  # the plugin's choice where empty
    account: str = ""
    qos: str = ""
    settings: str = ""


def asks_by_rule(plan: Plan, rules: Sequence[str], profile: Profile) -> dict[str, Ask]:
    """What a job of each rule asks, alone."""
    return {rule: ask_of(rule, _own(plan, rule), profile) for rule in rules}


def ask_of(rule: str, own: Mapping[str, Any], profile: Profile) -> Ask:
    """What a rule with these resources of its own asks under a profile.

    An amount that is an expression, which Snakemake evaluates job by job, counts as nothing.
    """
    asked = profile.resources(rule, own)
    kinds = gpus(str(asked.get("gres", "")))
    in_config = rule in artifacts()
    return Ask(
        job=rule,
        minutes=runtime_minutes(asked.get("runtime")) or 0,
        mem_mb=int(asked["mem_mb"]) if isinstance(asked.get("mem_mb"), int | float) else 0,
        gpus=int(asked.get("gpu") or sum(kinds.values())),
        gpu_kind=str(asked.get("gpu_model") or next(iter(kinds), "")),
        cpus=max(1, int(asked.get("cpus_per_task") or 1)),
        partition=str(asked.get("slurm_partition") or ""),
        account=str(asked.get("slurm_account") or ""),
        qos=str(asked.get("qos") or profile.content.get("slurm-qos") or ""),
        settings=f"resources.{rule} in the config"
        if in_config
        else f"set-resources.{rule} in {profile.path}",
    )


def components(plan: Plan, wanted: Sequence[Request]) -> Counter[Component]:
    """The connected jobs of a plan and how often each such shape occurs.

    An artifact that is made of another one of its checkpoint is one level above it; intakes, data and figures depend
    on nothing of their own group, and neither does any other artifact.
    """
    levels: dict[tuple[str, str], tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for request in wanted:
        below = request.made_from
        key = (request.row.checkpoint, below or request.artifact)
        levels[key][1 if below else 0].append(request.artifact)
    shapes = Counter(tuple(tuple(sorted(level)) for level in pair) for pair in levels.values())
    shapes[(("intake",),)] = len(plan.rows)
    shapes.update(((f"data_{name}",),) for name in {request.data.name for request in wanted})
    if plan.figures:
        shapes.update(((f"figure_{request.artifact}",),) for request in wanted if request.table.figure)
    return shapes


def _own(plan: Plan, rule: str) -> Mapping[str, Any]:
    if rule in artifacts():
        asked = plan.resources[rule]
        return {"runtime": asked["minutes"], "mem_mb": asked["mem_mb"], "gpu": asked["gpu"]}
    return INTAKE if rule == "intake" else DATA if rule.startswith("data_") else FIGURE
