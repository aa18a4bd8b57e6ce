"""What jobs ask, held against the partitions and nodes that they go to."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from assay.cluster.preflight.asks import Ask
from assay.cluster.preflight.destinations import Declared, destinations
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.profile import Profile
from assay.cluster.preflight.site import Node, Partition, Site

MOST_NAMES = 3


def limit_findings(
    asks: Sequence[Ask], site: Site, profile: Profile, declared: Declared
) -> Iterator[Finding]:
    """Every partition that is not there or closed, and every ask that its partition cannot serve."""
    by_partition: dict[str, list[Ask]] = defaultdict(list)
    for ask in asks:
        for name in destinations(ask, site, declared):
            by_partition[name].append(ask)
    for name, sent in by_partition.items():
        if name not in site.partitions:
            yield _absent(name, sent, site, profile, declared)
            continue
        partition = site.partitions[name]
        yield from _closed(partition, sent)
        for ask in sent:
            yield from _misfits(ask, partition, site)


def _absent(name: str, sent: Sequence[Ask], site: Site, profile: Profile, declared: Declared) -> Finding:
    jobs, there = _names([ask.job for ask in sent]), ", ".join(site.partitions) or "none"
    if not name:
        advice = f"Add slurm_partition to default-resources there. The cluster has: {there}."
        return Finding(profile.path, f"no partition for {jobs}", "no default", "a partition", advice)
    where = profile.partition_file if name in declared else profile.path
    return Finding(where, f"partition of {jobs}", name, f"one of {there}", "Correct its name there.")


def _closed(partition: Partition, sent: Sequence[Ask]) -> Iterator[Finding]:
    where, other = f"partition {partition.name}", "Choose another slurm_partition."
    if partition.state != "UP":
        yield Finding(where, "is not up", partition.state, "UP", f"Jobs wait until it is. {other}")
    if partition.fields.get("RootOnly") == "YES":
        yield Finding(where, "is for root only", "RootOnly=YES", "NO", other)
    if not partition.nodes:
        yield Finding(where, "has no node", "0 nodes", "one at least", other)
    allowed = partition.fields.get("AllowAccounts", "ALL")
    for account in sorted({ask.account for ask in sent} - {""}):
        if allowed != "ALL" and account not in allowed.split(","):
            yield Finding(where, "account", account, f"one of {allowed}", f"Change slurm_account. {other}")


def _misfits(ask: Ask, partition: Partition, site: Site) -> Iterator[Finding]:
    """What of an ask is beyond a partition's limits, or beyond every node of it."""
    where, nodes = f"partition {partition.name}", partition.nodes
    advice = f"Change {ask.settings}{_elsewhere(ask, partition, site)}."
    for what, got, needed in _shortages(ask, partition):
        yield Finding(where, f"{what} of {ask.job}", got, needed, advice)
    able = [node for node in nodes if _fits(ask, node)]
    if able and not any(node.in_service for node in able):
        states = _names([f"{node.name} {node.state}" for node in able])
        waits = "Its jobs wait for them."
        yield Finding(where, f"nodes for {ask.job}", states, "one in service", waits, is_warning=True)


def _shortages(ask: Ask, partition: Partition) -> list[tuple[str, str, str]]:
    """What is too small for an ask, how large it is, and how large it must be."""
    short = []
    if ask.minutes > partition.max_minutes:
        short.append(("minutes", f"MaxTime of {partition.max_minutes:g}", f"{ask.minutes}"))
    if ask.mem_mb > partition.max_mem_mb:
        short.append(("memory", f"MaxMemPerNode of {partition.max_mem_mb:g} MB", f"{ask.mem_mb} MB"))
    nodes = partition.nodes
    if not nodes or any(_fits(ask, node) for node in nodes):
        return short
    mem_mb, cpus = max(node.mem_mb for node in nodes), max(node.cpus for node in nodes)
    n_gpus, kind = max(node.n_gpus(ask.gpu_kind) for node in nodes), ask.gpu_kind and f" {ask.gpu_kind}"
    alone = [
        ("memory", f"{mem_mb} MB on the largest node", f"{ask.mem_mb} MB", ask.mem_mb > mem_mb),
        ("CPUs", f"{cpus} on the largest node", f"{ask.cpus}", ask.cpus > cpus),
        ("GPUs", f"{n_gpus} on a node ({_kinds(nodes)})", f"{ask.gpus}{kind}", ask.gpus > n_gpus),
    ]
    if beyond := [(what, got, needed) for what, got, needed, is_beyond in alone if is_beyond]:
        return [*short, *beyond]
    together = f"{ask.mem_mb} MB, {ask.cpus} CPUs and {ask.gpus} GPUs on one node"
    return [*short, ("all together", "no node that has them", together)]


def _elsewhere(ask: Ask, partition: Partition, site: Site) -> str:
    """Where the ask would fit, as an ending of the advice."""
    others = [other for other in site.partitions.values() if other is not partition and other.state == "UP"]
    able = [
        other.name
        for other in others
        if not _shortages(ask, other) and any(node.in_service for node in other.nodes)
    ]
    return f", or send it to partition {' or '.join(able)} by slurm_partition" if able else ""


def _fits(ask: Ask, node: Node) -> bool:
    return ask.mem_mb <= node.mem_mb and ask.cpus <= node.cpus and ask.gpus <= node.n_gpus(ask.gpu_kind)


def _kinds(nodes: Sequence[Node]) -> str:
    """The GPUs of a partition, in words."""
    if not any(node.gpus for node in nodes):
        return "it has none"
    return f"it has {', '.join(sorted({kind or 'gpu' for node in nodes for kind in node.gpus}))}"


def _names(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
