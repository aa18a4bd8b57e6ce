"""Attention weights of a draw in one batched pass, beside graph by graph: CPU seconds, one thread, in turns.

python benchmarks/attention.py [samples] [rounds]
"""

import sys
import time
from functools import partial

import numpy as np
import torch

from assay.artifacts.attention_weights import AttentionWeights, compute
from assay.data.collated import Collated, pointer
from assay.data.draws import DrawnSamples, SplitData
from assay.families.gat import CLASS_PATHS, GatSubject, settings
from assay.families.gat.network import GatNetwork

N_IDS, FEATURES, EDGE_FEATURES = 40, 35, 11
SIZES = {"6 to 14": (6, 15), "20 to 40": (20, 41)}  # nodes; windows of 100 messages lie in the latter
Layers = list[list[np.ndarray]]  # alpha, [sample][layer]


def main(samples: int = 50, rounds: int = 9) -> None:
    torch.set_num_threads(1)
    print(f"{samples} graphs, 3 edges a node; hidden 24, heads 4, layers 2")
    for nodes, bounds in SIZES.items():
        for conv_type in ("gat", "gatv2"):
            subject, data = random_gat(conv_type), random_data(*bounds, n=4 * samples)
            compare(f"{conv_type:5} {nodes:>8} nodes", subject, data, samples, rounds)


def compare(what: str, subject: GatSubject, data: SplitData, samples: int, rounds: int) -> None:
    drawn = data.draw("val", max_samples=samples, seed=42)
    batched = partial(compute, subject, data, split="val", max_samples=samples, seed=42)
    one_by_one = partial(each_alone, subject, drawn)
    runs = [(timed(batched), timed(one_by_one)) for _ in range(rounds)]
    ours, theirs = (min(seconds for seconds, _ in side) for side in zip(*runs, strict=True))
    error = largest_difference(runs[0][0][1], runs[0][1][1])
    print(
        f"{what}: one by one {1e3 * theirs:6.1f} ms, batched {1e3 * ours:6.1f} ms   "
        f"1/{theirs / ours:.1f}   largest difference {error:.1e}"
    )


def each_alone(subject: GatSubject, drawn: DrawnSamples) -> Layers:
    return [[layer.alpha.numpy() for layer in subject.attend(graph)] for graph in drawn.batches(1)]


def largest_difference(result: AttentionWeights, layers: Layers) -> float:
    return max(
        float(np.abs(layer.alpha - alpha).max())
        for sample, alone in zip(result.samples, layers, strict=True)
        for layer, alpha in zip(sample.layers, alone, strict=True)
    )


def random_gat(conv_type: str) -> GatSubject:
    torch.manual_seed(0)
    sizes = {"scale": "small", "num_ids": N_IDS, "in_channels": FEATURES, "edge_dim": EDGE_FEATURES}
    hparams = {"class_path": CLASS_PATHS[0], "hyper_parameters": {"conv_type": conv_type, **sizes}}
    return GatSubject(GatNetwork(settings(hparams)))


def random_data(least: int, below: int, *, n: int) -> SplitData:
    draw = np.random.default_rng(0)
    nodes = draw.integers(least, below, n)
    edges = 3 * nodes
    graphs = Collated(
        x=draw.standard_normal((nodes.sum(), FEATURES), dtype=np.float32),
        edge_index=draw.integers(0, np.repeat(nodes, edges), (2, edges.sum())),
        edge_attr=draw.standard_normal((edges.sum(), EDGE_FEATURES), dtype=np.float32),
        node_id=draw.integers(0, N_IDS, nodes.sum()),
        y=draw.integers(0, 2, n),
        node_ptr=pointer(nodes),
        edge_ptr=pointer(edges),
    )
    return SplitData("random", lambda _: graphs, ("val",), {})


def timed(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
