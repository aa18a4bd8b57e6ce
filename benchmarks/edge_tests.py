"""Edge tests of N functions beside the published evaluation, pair by pair, on some of them: CPU seconds, one thread.

python benchmarks/edge_tests.py [functions] [samples] [pairs of blocks]
"""

import math
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from assay.artifacts.edge_tests import EdgeTests, compute
from assay.protocols import TableBatch, Trace

SOME = 300  # functions that the published way is timed on; its time grows with their square
OPTIONS: dict[str, Any] = {
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
    "max_samples": 100_000,
    "batch_size": 100,
    "seed": 0,
}


def main(functions: int = 3000, n: int = 400, pairs: int = 4) -> None:
    torch.set_num_threads(1)
    network = Network(functions, n, pairs)
    ours, found = timed(lambda: compute(network, Rows(n), **OPTIONS))
    fisher, _ = timed(lambda: compute(network, Rows(n), **OPTIONS | {"p_method": "published"}))
    some = Network(SOME, n, pairs)
    theirs, rows = timed(lambda: published_rows(*some.magnitudes()))
    _, table = timed(lambda: compute(some, Rows(n), **OPTIONS | {"p_method": "published"}))
    error = np.abs(np.sort([row["corr"] for row in rows]) - np.sort(table.corr)).max()
    whole = theirs * (functions / SOME) ** 2
    print(f"{functions} functions, {n} samples, {pairs} pairs of blocks: {len(found.corr):,} rows")
    print(f"pair by pair, as published   {whole:8.1f} s   ({theirs:.1f} s for {SOME} functions)")
    print(f"ours, p as published         {fisher:8.1f} s   1/{whole / fisher:.1f}")
    print(f"ours, exact p, three tests,  {ours:8.1f} s   1/{whole / ours:.1f}")
    print("  adjusted q and the check")
    print(f"largest difference of corr {error:.1e}; peak {peak_mib()} MiB; check {ratios(found)}")


def published_rows(x: np.ndarray, y: np.ndarray) -> list[dict[str, float]]:
    """A dictionary a pair, after the loop of the published inferer; correlations are matrices there, too."""
    n, k = x.shape[1:]
    x, y = ((side - side.mean(1, keepdims=True)) / side.std(1, keepdims=True) for side in (x, y))
    r = np.einsum("pni,pnj->pij", x, y, optimize=True) / n
    mean, rows = r.mean(0), []
    for i in range(k):
        for j in range(k):
            if i == j:
                continue
            z = math.atanh(min(max(float(mean[i, j]), -0.9999), 0.9999)) * math.sqrt(n - 3)
            row = {"src_idx": i, "dst_idx": j, "corr": float(mean[i, j])}
            row |= {f"corr_a{p}_g{p + 1}": float(r[p, i, j]) for p in range(len(r))}
            rows.append(row | {"p_value": 0.5 * (1 - math.erf(z / math.sqrt(2)))})
    rows.sort(key=lambda row: -row["corr"])
    return rows


@dataclass(frozen=True)
class Rows:
    """Samples whose only input is their number."""

    n: int
    name: str = "rows"
    splits: Sequence[str] = ("val",)

    def __len__(self) -> int:
        return self.n

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> "Rows":
        """All of them."""
        return self

    def batches(self, size: int) -> Iterator[TableBatch]:
        """In order, `size` at a time."""
        rows = torch.arange(self.n, dtype=torch.float32)[:, None]
        yield from (TableBatch(part, part) for part in rows.split(size))


class Network:
    """Independent magnitudes, half of the activations 0; 5 random edges a function."""

    family, norm = "random", "layer"

    def __init__(self, functions: int, n: int, pairs: int):
        draw = torch.Generator().manual_seed(0)
        self._activation = torch.randn(pairs + 1, n, functions, generator=draw).relu()
        self._gradient = torch.randn(pairs + 1, n, functions, generator=draw)
        self.functions = tuple(f"R-HSA-{1_000_000 + i}" for i in range(functions))
        self.edges = torch.randint(functions, (2, 5 * functions), generator=draw).numpy()
        self.channel_function = np.arange(functions)

    def trace(self, batch: TableBatch, *, criterion: str, prenorm: bool) -> Trace:
        """What was drawn for these samples."""
        rows = batch.x[:, 0].long()
        return Trace(self._activation[:, rows], self._gradient[:, rows])

    def magnitudes(self) -> tuple[np.ndarray, np.ndarray]:
        """Activations of all blocks but the last, gradients of all but the first."""
        return self._activation[:-1].double().numpy(), self._gradient[1:].abs().double().numpy()


def ratios(found: EdgeTests) -> str:
    return ", ".join(f"{check.ratio:.2f} at {check.level:g}" for check in found.calibration)


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def timed(compute: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = compute()
    return time.process_time() - start, result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
