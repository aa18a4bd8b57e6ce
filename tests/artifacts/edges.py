"""Networks with known pairs of functions for tests of inferred edges, and the options of edge_tests."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from artifacts.traces import Recorded, RowData, RowSamples, recorded
from lab import ROOT

from assay.artifacts.edge_tests import EdgeTests, compute

REFERENCE = ROOT / "tests/reference/gsnn"
OPTIONS = {
    "score": "corr",
    "layer_agg": "mean",
    "reduction": "l1",
    "use_pre_norm": True,
    "exclude_self": True,
    "ridge": 1e-8,
    "p_method": "exact",
    "criterion": "mse",
    "unit": False,
    "batch": False,
    "keep_p": 1.0,
    "split": "val",
    "max_samples": 5000,
    "batch_size": 64,
    "seed": 0,
}


@dataclass(frozen=True)
class UnitData(RowData):
    unit: np.ndarray | None = None
    batch: np.ndarray | None = None

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> RowSamples:
        samples = super().draw(split, max_samples=max_samples, seed=seed)
        unit, batch = (None if c is None else c[samples.index] for c in (self.unit, self.batch))
        return replace(samples, unit=unit, batch=batch)


def edge_tests(network, data: RowData | int = 100, **changes) -> EdgeTests:
    data = RowData(data) if isinstance(data, int) else data
    return compute(network, data, **{**OPTIONS, **changes})


def reference_network() -> Recorded:
    """What the published network recorded on 100 samples; its gradients are of the mean loss of all."""
    held = np.load(REFERENCE / "trace.npz")
    return Recorded(
        activation=held["act_pre"],
        gradient=held["grad_pre"],
        functions=[f"fn{i}" for i in range(8)],
        edges=held["homo_edge_index"][:, :13].astype(np.int64),
        channel_function=held["channel_groups"],
    )


def published_table(name: str) -> dict[str, np.ndarray]:
    """A published table by columns; empty cells are NaN."""
    with Path(REFERENCE, f"mei_{name}_mean.csv").open() as file:
        rows = list(csv.DictReader(file))
    texts = ("src_func", "dst_func", "has_edge")
    return {
        column: np.array([row[column] if column in texts else float(row[column] or "nan") for row in rows])
        for column in rows[0]
    }


def planted(
    n: int = 120, k: int = 12, *, layers: int = 3, strength: float = 0.6, seed: int = 0, edges=()
) -> Recorded:
    """Independent magnitudes but for function 0, whose activation drives the gradient of function 1."""
    rng = np.random.default_rng(seed)
    activation, gradient = (np.exp(0.5 * rng.standard_normal((layers, n, k))) for _ in range(2))
    gradient[1:, :, 1] += strength * activation[:-1, :, 0]
    return recorded(activation, gradient, edges)


def cell(table: EdgeTests, source: int, target: int) -> int:
    """The row of a pair."""
    (row,) = np.flatnonzero((table.src_idx == source) & (table.dst_idx == target))
    return int(row)
