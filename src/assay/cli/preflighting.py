"""`assay check --slurm`: what the preflight found, as lines or as JSON."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import typer

from assay.cluster.preflight.checks import Preflight, preflight
from assay.cluster.preflight.finding import Finding
from assay.cluster.preflight.space import size
from assay.config import Plan


def check_slurm(plan: Plan, profile: str, *, probe: bool, as_json: bool) -> None:
    """Print what stands between a plan and the cluster; exit 2 where something must be put right."""
    found = preflight(plan, profile, probe=probe)
    if as_json:
        print(json.dumps(_as_json(found), indent=1))
    else:
        for warning in found.warnings:
            print(f"warning: {warning.line}", file=sys.stderr)
        for problem in found.problems:
            print(problem.line, file=sys.stderr)
        print("\n".join(_summary(found)))
    if found.problems:
        raise typer.Exit(2)


def _summary(found: Preflight) -> list[str]:
    lines = [
        f"expected: {size(found.expected.n_bytes)}, {found.expected.n_files} files: {found.expected.how}"
    ]
    lines += [f"partition {partition}: {_node(node)}" for partition, node in found.nodes.items()]
    counts = f"{_count(found.problems, 'problem')}, {_count(found.warnings, 'warning')}"
    return [*lines, f"slurm: {counts}" if found.findings else "slurm: ok"]


def _count(findings: Sequence[Finding], word: str) -> str:
    return f"{len(findings)} {word}{'' if len(findings) == 1 else 's'}"


def _node(node: Mapping[str, Any]) -> str:
    torch, python = node.get("torch") or {}, node.get("versions", {}).get("python", "unknown")
    gpus = f", {', '.join(torch['gpus'])}" if torch.get("gpus") else ""
    said = f"torch {torch['version']}{gpus}" if torch else "no torch"
    return f"node {node['host']}, Python {python}, {said}"


def _as_json(found: Preflight) -> dict[str, Any]:
    return {
        "problems": [asdict(finding) for finding in found.problems],
        "warnings": [asdict(finding) for finding in found.warnings],
        "expected": asdict(found.expected),
        "nodes": {partition: dict(node) for partition, node in found.nodes.items()},
    }
