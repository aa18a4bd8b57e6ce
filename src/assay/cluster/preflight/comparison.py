"""What differs between a node, as its probe saw it, and the machine that jobs are sent from."""

from collections.abc import Iterator, Mapping
from typing import Any

from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.node import package_digest
from assay.store.records import versions

CLOCK_SECONDS = 5.0


def compared(
    partition: str, node: Mapping[str, Any], *, gpu: bool, span: tuple[float, float]
) -> Iterator[Finding]:
    """What differs between a node and here; `span` is when the job was sent and when it had answered."""
    where = f"node {node['host']} of partition {partition}"
    torch = node.get("torch", {})
    if node["code"] != (here := package_digest()):
        advice = "Both must use one installation, or the same commit."
        yield Finding(where, f"code of assay in {node['package']}", node["code"], here, advice)
    for name, version in versions().items():
        if (got := node.get("versions", {}).get(name, "none")) != version:
            yield Finding(where, f"version of {name}", got, version, f"Its Python is {node['python']}.")
    if error := node.get("versions_error") or node.get("torch_error"):
        yield Finding(where, "environment", error, "torch and assay", "Install assay there as it is here.")
    if gpu and not torch.get("gpus"):
        got = f"torch {torch.get('version', 'none')} for CUDA {torch.get('cuda') or 'none'}"
        advice = "Is the driver as new as that CUDA, and torch built for it? `device: cpu` asks for no GPU."
        yield Finding(where, "torch sees no GPU in a job that has one", got, "a GPU", advice)
    early, late = span[0] - CLOCK_SECONDS, span[1] + CLOCK_SECONDS
    if not early <= node["time"] <= late:
        ahead = f"{node['time'] - span[1]:+.0f} s of this machine's clock"
        advice = "Snakemake compares times of files: ask for NTP."
        yield Finding(where, "clock", ahead, f"within {CLOCK_SECONDS:g} s", advice, is_warning=True)
