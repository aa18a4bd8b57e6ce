"""Attention weights of a draw in one batched pass, beside the published way: CPU seconds, one thread, in turns.

python benchmarks/attention.py [conv_type] [least nodes] [most nodes] [samples]

The published way is a loader of one graph a batch, and every layer asked for its weights. The allocator keeps what is
freed, as in every job: without that both page-fault, and the ratio depends on the day.
"""

import sys
import time
from functools import partial

import numpy as np
import torch
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from assay.allocator import keep_freed_memory
from assay.artifacts.attention_weights import AttentionWeights, compute
from assay.data.collated import Collated, pointer
from assay.data.draws import DrawnSamples, SplitData
from assay.families.gat import CLASS_PATHS, GatSubject, settings
from assay.families.gat.network import GatNetwork

N_IDS, FEATURES, EDGE_FEATURES = 40, 35, 11
ROUNDS = 9
Layers = list[list[np.ndarray]]  # alpha, [sample][layer]


def main(conv_type: str = "", least: int = 0, most: int = 0, samples: int = 50) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    print(f"{samples} graphs, 3 edges a node; hidden 24, heads 4, layers 2")
    for name in [conv_type] if conv_type else ["gat", "gatv2"]:
        for bounds in [(least, most)] if most else [(6, 14), (20, 40)]:  # windows of 100 messages: the latter
            compare(name, bounds, samples)


def compare(conv_type: str, bounds: tuple[int, int], samples: int) -> None:
    subject, data = random_gat(conv_type), random_data(*bounds, n=4 * samples)
    drawn = data.draw("val", max_samples=samples, seed=42)
    batched = partial(compute, subject, data, split="val", max_samples=samples, seed=42)
    one_by_one = partial(published, subject.network, graphs_of(drawn))
    runs = [(timed(batched), timed(one_by_one)) for _ in range(ROUNDS)]
    ours, theirs = (min(seconds for seconds, _ in side) for side in zip(*runs, strict=True))
    error = largest_difference(runs[0][0][1], runs[0][1][1])
    print(
        f"{conv_type:5} {bounds[0]:2} to {bounds[1]} nodes: published {1e3 * theirs:6.1f} ms, "
        f"ours {1e3 * ours:6.1f} ms   1/{theirs / ours:.1f}   largest difference {error:.1e}"
    )


def graphs_of(drawn: DrawnSamples) -> list[Data]:
    return [
        Data(x=g.x, edge_index=g.edge_index, edge_attr=g.edge_attr, node_id=g.node_id, y=g.y)
        for g in drawn.batches(1)
    ]


@torch.no_grad()
def published(network: GatNetwork, graphs: list[Data]) -> Layers:
    weights = []
    for batch in DataLoader(graphs, batch_size=1):
        x, layers = network.input_encoder(batch.x, batch.node_id), []
        for conv in network.convs:
            x, (_, alpha) = conv(
                x, batch.edge_index, batch.edge_attr, batch.batch, return_attention_weights=True
            )
            x = network.activation(x)
            layers.append(alpha.cpu().numpy())
        weights.append(layers)
    return weights


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


def random_data(least: int, most: int, *, n: int) -> SplitData:
    draw = np.random.default_rng(0)
    nodes = draw.integers(least, most + 1, n)
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
    main(*sys.argv[1:2], *map(int, sys.argv[2:]))
