"""Grid points of a GAT's loss landscape beside the published loop: CPU seconds of one thread, in turns.

python benchmarks/landscape.py [conv_type] [graphs]

The published loop collates batches of 256 anew at every point and moves the model in place. Its time is
bimodal: glibc's allocator maps and unmaps large temporaries, or does not. It is pinned here, so that the ratio
does not flatter us.
"""

import os
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from assay.families import gat
from assay.families.gat.network import GatNetwork
from assay.numerics.directions import filter_normalised
from assay.protocols import GraphBatch

PINNED = {"MALLOC_MMAP_THRESHOLD_": str(2**31), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
POINTS = [(-0.8, 0.4), (0.0, 0.0), (0.5, -1.0), (1.0, 1.0), (-0.2, -0.6)]
SETTINGS = {
    "num_ids": 120,
    "embedding_dim": 16,
    "in_channels": 35,
    "edge_dim": 11,
    "hidden": 24,
    "heads": 4,
    "layers": 2,
    "fc_layers": 3,
    "num_classes": 2,
}


def main(conv_type: str = "gat", n: int = 500) -> None:
    torch.set_num_threads(1)
    subject, graphs = random_subject(conv_type), random_graphs(n)
    published = published_loop(subject.network, graphs)
    objective = subject.objective(Graphs(graphs), seed=0)
    origin = list(subject.parameters().values())
    d1, d2 = (filter_normalised(origin, seed=seed) for seed in (42, 43))

    def ours(x: float, y: float) -> float:
        return objective([p + x * a + y * b for p, a, b in zip(origin, d1, d2, strict=True)])

    def theirs(x: float, y: float) -> float:
        return published([p + x * a + y * b for p, a, b in zip(origin, d1, d2, strict=True)])

    times, losses = in_turns([theirs, ours], repeats=6)
    error = max(abs(a / b - 1) for a, b in zip(*losses, strict=True))
    print(f"{conv_type}, {n} graphs of {sum(len(g.x) for g in graphs)} nodes, a grid point")
    print(f"published loop   {1e3 * times[0]:7.1f} ms")
    share = f"{times[1] / times[0]:.2f}   largest relative difference {error:.1e}"
    print(f"ours             {1e3 * times[1]:7.1f} ms   {share}")


class Graphs:
    """Samples as an objective asks for them."""

    split = "val"

    def __init__(self, graphs: list[Data]):
        self._graphs = graphs
        self.labels = torch.cat([graph.y for graph in graphs]).numpy()

    def __len__(self) -> int:
        return len(self._graphs)

    def batches(self, size: int):
        """`size` at a time."""
        for batch in DataLoader(self._graphs, batch_size=size):
            yield as_batch(batch)


def as_batch(batch) -> GraphBatch:
    return GraphBatch(
        batch.x, batch.edge_index, batch.edge_attr, batch.node_id, batch.batch, batch.num_graphs, batch.y
    )


def published_loop(network: GatNetwork, graphs: list[Data]) -> Callable[[list[Tensor]], float]:
    """The loss of the parameters: set in place, collate, one `.item()` a batch, means weighted by graphs."""
    parameters = list(network.parameters())

    def loss(values: list[Tensor]) -> float:
        saved = [p.clone() for p in parameters]
        with torch.no_grad():
            for p, value in zip(parameters, values, strict=True):
                p.copy_(value)
            total = sum(
                nn.functional.cross_entropy(network(as_batch(b)), b.y).item() * b.num_graphs
                for b in DataLoader(graphs, batch_size=256)
            )
            for p, value in zip(parameters, saved, strict=True):
                p.copy_(value)
        return total / len(graphs)

    return loss


def in_turns(losses: list[Callable], *, repeats: int) -> tuple[list[float], list[list[float]]]:
    """The least CPU seconds a point of each, and its values; in turns, so that noise disturbs all alike."""
    best, values = [float("inf")] * len(losses), [[] for _ in losses]
    for _ in range(repeats):
        for k, loss in enumerate(losses):
            start = time.process_time()
            values[k] = [loss(x, y) for x, y in POINTS]
            best[k] = min(best[k], (time.process_time() - start) / len(POINTS))
    return best, values


def random_subject(conv_type: str):
    draw = torch.Generator().manual_seed(0)
    hparams = {"class_path": gat.CLASS_PATHS[0], "hyper_parameters": {**SETTINGS, "conv_type": conv_type}}
    state = GatNetwork(gat.settings(hparams)).state_dict()
    return gat.load({k: 0.1 * torch.randn(v.shape, generator=draw) for k, v in state.items()}, hparams)


def random_graphs(n: int) -> list[Data]:
    """About 30 nodes and 87 edges a graph, as windows of 100 messages have."""
    draw = torch.Generator().manual_seed(1)
    return [random_graph(draw) for _ in range(n)]


def random_graph(draw: torch.Generator) -> Data:
    nodes = int(torch.randint(20, 41, (), generator=draw))
    return Data(
        x=torch.randn(nodes, 35, generator=draw),
        edge_index=torch.randint(nodes, (2, 87), generator=draw),
        edge_attr=torch.randn(87, 11, generator=draw),
        node_id=torch.randint(120, (nodes,), generator=draw),
        y=torch.randint(2, (1,), generator=draw),
    )


if __name__ == "__main__":
    if any(name not in os.environ for name in PINNED):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **PINNED})
    main(*sys.argv[1:2], *map(int, sys.argv[2:]))
