"""Work -> arrays of pilots: how many, what each makes, and what each asks of the cluster."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median_high

from assay.cluster.campaign.folder import CPU, GPU, INPUTS, PILOT_MB, Array, Asked, Executor
from assay.cluster.campaign.gpus import VARIABLE, visible_gpus
from assay.cluster.campaign.shares import Share, shares
from assay.cluster.campaign.work import Unit, Work, needs_gpu, open_work
from assay.cluster.preflight.asks import Ask, asks_by_rule
from assay.cluster.preflight.profile import Profile
from assay.config import Plan
from assay.errors import ConfigError

USUAL_PILOTS = 4  # on Slurm; here one
USUAL_CPUS = 4
USUAL_MINUTES = 240
MARGIN_MINUTES = 10  # of a pilot beyond its longest job, where nothing is asked


@dataclass(frozen=True, slots=True)
class Pilots:
    """One array with the shares of its pilots, and what it asks, as the preflight takes it."""

    array: Array
    units: tuple[Unit, ...]
    shares: tuple[Share, ...]
    ask: Ask

    def targets(self, pilot: int) -> list[str]:
        """The files that a pilot makes."""
        return [target for unit in self.shares[pilot].units for target in self.units[unit].targets]

    def minutes(self, pilot: int) -> int:
        """What a pilot takes at most, where its jobs leave no CPU idle; one with a GPU runs one job after another."""
        return round(self.shares[pilot].cost / (1 if self.array.gpus else self.array.cpus))


def split(plan: Plan, asked: Asked, *, executor: Executor, profile: Profile) -> list[Pilots]:
    """The open work of a plan in arrays that are not empty: inputs, which the others wait for, then cpu and gpu.

    Raises:
        ConfigError: nothing of that name, a limit below what a job asks, or a file that a rule has to make first.
    """
    work = open_work(plan, asked, with_gpus=with_gpus(asked, executor))
    asks = asks_by_rule(plan, work.rules, profile)
    n = asked.pilots or (USUAL_PILOTS if executor == "slurm" else 1)
    counts = {INPUTS: n, CPU: n, GPU: n if asked.gpus is None else asked.gpus}
    cpus = asked.cpus or (USUAL_CPUS if executor == "slurm" else max(1, len(os.sched_getaffinity(0)) // n))
    devices = visible_gpus() if executor == "local" and work.gpu else []
    problems = [*_problems(work, asked, asks), *_gpu_problems(plan, work, asked, executor, devices)]
    if problems:
        raise ConfigError(problems)
    return [
        _pilots(name, units, counts[name], cpus, asked, asks, devices if name == GPU else ())
        for name, units in ((INPUTS, work.inputs), (CPU, work.cpu), (GPU, work.gpu))
        if units
    ]


def array_of(name: str, ask: Ask) -> Array:
    """One job that asks for this."""
    places = {"partition": ask.partition, "account": ask.account, "qos": ask.qos, "gpu_kind": ask.gpu_kind}
    return Array(name, 1, ask.gpus, ask.cpus, ask.mem_mb, ask.minutes, **places)


def with_gpus(asked: Asked, executor: Executor) -> bool:
    """Whether there are pilots with GPUs: on Slurm unless 0 are asked, here where some are."""
    return bool(asked.gpus) or (asked.gpus is None and executor == "slurm")


def _pilots(
    name: str,
    units: Sequence[Unit],
    n: int,
    cpus: int,
    asked: Asked,
    asks: Mapping[str, Ask],
    devices: Sequence[str],
) -> Pilots:
    jobs = [asks[rule] for unit in units for rule in unit.rules]
    alike = [job for job in jobs if bool(job.gpus) == (name == GPU)] or jobs
    heaviest = max(alike, key=lambda job: job.minutes)  # partition and account are those of its rule
    memory = PILOT_MB + max(max(job.mem_mb for job in jobs), cpus * median_high(job.mem_mb for job in jobs))
    ask = replace(
        heaviest,
        job=f"the pilots {name}",
        minutes=asked.minutes or max(USUAL_MINUTES, max(job.minutes for job in jobs) + MARGIN_MINUTES),
        mem_mb=memory,
        gpus=int(name == GPU),
        cpus=cpus,
        settings="--minutes or --cpus, or `resources` in the config",
    )
    made = shares([unit.minutes(asks) for unit in units], n)
    array = replace(array_of(name, ask), n_pilots=len(made), devices=",".join(devices))
    return Pilots(array, tuple(units), tuple(made), ask)


def _problems(work: Work, asked: Asked, asks: Mapping[str, Ask]) -> Iterator[str]:
    for rule, ask in asks.items():
        if asked.minutes is not None and ask.minutes > asked.minutes:
            yield f"--minutes {asked.minutes}: {rule} asks {ask.minutes}. Change it, or {ask.settings}."
        if ask.gpus > 1 and work.gpu:
            yield f"{ask.settings}: {rule} asks {ask.gpus} GPUs, a pilot has one. Send it by snakemake --profile slurm."


def _gpu_problems(
    plan: Plan, work: Work, asked: Asked, executor: Executor, devices: Sequence[str]
) -> Iterator[str]:
    n = asked.gpus or 0
    rules = {rule for unit in work.cpu for rule in unit.rules if rule in plan.resources}
    lacking = not with_gpus(asked, executor) and any(needs_gpu(plan, rule) for rule in rules)
    if plan.device == "cuda" and lacking:
        yield f"--gpus {n}: {plan.config} says `device: cuda`. Set it to auto or cpu, or ask for --gpus 1 or more."
    if executor == "local" and min(n, len(work.gpu)) > len(devices):
        there = f"{'is' if len(devices) == 1 else 'are'} {len(devices)}"
        named = f"{VARIABLE}, else nvidia-smi: {', '.join(devices) or 'none'}"
        yield f"--gpus {n}: here {there} ({named}). Ask for as many at most."
