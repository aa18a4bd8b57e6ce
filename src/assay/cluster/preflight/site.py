"""What Slurm says of itself: its settings, partitions and nodes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.cluster.commands import Answer, answer, is_installed
from assay.cluster.preflight import slurm_text
from assay.cluster.preflight.finding import Finding

OUT_OF_SERVICE = {"DOWN", "DRAIN", "DRAINED", "DRAINING", "FAIL", "FAILING", "FUTURE", "UNKNOWN", "ERROR"}


@dataclass(frozen=True, slots=True)
class Node:
    """One compute node: what a job can get of it."""

    name: str
    cpus: int
    mem_mb: int
    gpus: Mapping[str, int]  # by kind
    state: str
    partitions: frozenset[str]

    @property
    def in_service(self) -> bool:
        """Whether jobs start there; IDLE+DRAIN and DOWN* do not."""
        words = {word.strip("*~#!%$@^- ") for word in self.state.upper().split("+")}
        return not words & OUT_OF_SERVICE

    def n_gpus(self, kind: str) -> int:
        """How many GPUs of a kind it has; of any kind where that is empty."""
        return self.gpus.get(kind, 0) if kind else sum(self.gpus.values())


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition and its limits; infinite where there is none."""

    name: str
    state: str
    is_default: bool
    max_minutes: float
    max_mem_mb: float  # a node
    nodes: tuple[Node, ...]
    fields: Mapping[str, str]  # as Slurm prints them


@dataclass(frozen=True, slots=True)
class Site:
    """One Slurm cluster."""

    settings: Mapping[str, str]
    partitions: Mapping[str, Partition]

    @property
    def default(self) -> str:
        """The name of the default partition; empty where there is none."""
        return next((name for name, partition in self.partitions.items() if partition.is_default), "")


def read_site() -> tuple[Site | None, list[Finding]]:
    """The cluster that `scontrol` reaches; without one, why not."""
    if not is_installed("scontrol"):
        advice = "Run this on a login node, or load the site's Slurm module."
        return None, [Finding("this machine", "no Slurm on PATH", "no scontrol", "scontrol", advice)]
    said = []
    for words in ("config", "partition --oneliner", "node --oneliner"):
        said.append(answer(["scontrol", "show", *words.split()]))
        if said[-1].error:
            return None, [_unreachable(words, said[-1])]
    return site_of(*(reply.out for reply in said)), []


def site_of(config: str, partitions: str, nodes: str) -> Site:
    """The cluster that the outputs of `scontrol show` describe, the last two with --oneliner."""
    machines = [_node(record) for record in slurm_text.records(nodes) if "NodeName" in record]
    found = [_partition(record, machines) for record in slurm_text.records(partitions)]
    return Site(slurm_text.settings(config), {partition.name: partition for partition in found})


def _unreachable(what: str, reply: Answer) -> Finding:
    return Finding(
        f"scontrol show {what}",
        "Slurm does not answer",
        reply.error,
        "its controller",
        "Is SLURM_CONF right, and is slurmctld up? `scontrol ping` tells.",
    )


def _node(record: Mapping[str, str]) -> Node:
    return Node(
        name=record["NodeName"],
        cpus=int(record.get("CPUEfctv") or record.get("CPUTot") or 1),
        mem_mb=int(record.get("RealMemory") or 0) - int(record.get("MemSpecLimit") or 0),
        gpus=slurm_text.gpus(record.get("Gres", "")),
        state=record.get("State", ""),
        partitions=frozenset(record.get("Partitions", "").split(",")),
    )


def _partition(record: Mapping[str, str], nodes: Iterable[Node]) -> Partition:
    name = record["PartitionName"]
    return Partition(
        name=name,
        state=record.get("State", "UP"),
        is_default=record.get("Default") == "YES",
        max_minutes=slurm_text.limit_minutes(record.get("MaxTime", "")),
        max_mem_mb=slurm_text.limit_mb(record.get("MaxMemPerNode", "")),
        nodes=tuple(node for node in nodes if name in node.partitions),
        fields=dict(record),
    )
