"""Data in memory for tests of artifacts, and a subject whose answers are the node features themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from families.graphs import random_graph, together

from assay.protocols import Detection, GraphBatch


@dataclass(frozen=True)
class TinySamples:
    split: str
    index: np.ndarray
    graphs: Sequence[GraphBatch]
    attack_type: np.ndarray | None = None
    record_id: np.ndarray | None = None
    time: np.ndarray | None = None

    @property
    def labels(self) -> np.ndarray:
        return np.array([int(graph.y) for graph in self.graphs], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.graphs)

    def batches(self, size: int) -> Iterator[GraphBatch]:
        for start in range(0, len(self.graphs), size):
            yield together(self.graphs[start : start + size])

    def drawn(self, chosen: np.ndarray) -> "TinySamples":
        columns = (self.attack_type, self.record_id, self.time)
        return TinySamples(
            self.split,
            self.index[chosen],
            [self.graphs[i] for i in chosen],
            *(None if column is None else column[chosen] for column in columns),
        )


@dataclass(frozen=True)
class TinyData:
    whole: Mapping[str, TinySamples]
    name: str = "tiny"
    attack_names: Mapping[int, str] = field(default_factory=lambda: {0: "benign", 1: "dos", 2: "fuzzing"})

    @property
    def splits(self) -> Sequence[str]:
        return tuple(self.whole)

    def draw(self, split: str, *, max_samples: int | None, seed: int) -> TinySamples:
        samples = self.whole[split]
        if max_samples is None or len(samples) <= max_samples:
            return samples
        chosen = np.random.default_rng(seed).choice(len(samples), max_samples, replace=False)
        return samples.drawn(np.sort(chosen))


class Echo:
    """Answers every question with the features of a graph's only node."""

    family = "echo"
    noise_width = 0

    def to(self, device: str) -> "Echo":
        return self

    def embed(self, batch: GraphBatch, noise: torch.Tensor | None = None) -> torch.Tensor:
        return batch.x if noise is None else batch.x + noise

    def layers(self, batch: GraphBatch) -> Sequence[torch.Tensor]:
        return [batch.x]

    def detect(self, samples: TinySamples, *, batch_size: int, seed: int) -> Detection:
        logits = torch.cat([batch.x for batch in samples.batches(batch_size)])
        odds = logits[:, 1:].double().logsumexp(1) - logits[:, 0]
        return Detection(odds, logits.argmax(1), logits)

    def predict(self, batch: GraphBatch) -> torch.Tensor:
        return batch.x


class Classes(Echo):
    """The same features as logits of classes of which none is benign."""

    def __init__(self, class_names: Sequence[str]):
        self.class_names = class_names

    def detect(self, samples: TinySamples, *, batch_size: int, seed: int) -> Detection:
        return replace(
            super().detect(samples, batch_size=batch_size, seed=seed),
            scores=None,
            class_names=self.class_names,
        )


def random_split(split: str, n: int, *, seed: int = 0, **columns: np.ndarray) -> TinySamples:
    graphs = [random_graph(1000 * seed + i) for i in range(n)]
    return TinySamples(split, np.arange(n), graphs, **columns)


def feature_split(split: str, rows: object, labels: Sequence[int] | None = None, **columns) -> TinySamples:
    """One node a graph, whose features are the row."""
    x = torch.as_tensor(rows, dtype=torch.float32)
    graphs = [
        GraphBatch(
            x=row[None],
            edge_index=torch.zeros(2, 0, dtype=torch.int64),
            edge_attr=torch.zeros(0, 1),
            node_id=torch.zeros(1, dtype=torch.int64),
            graph=torch.zeros(1, dtype=torch.int64),
            n_graphs=1,
            y=torch.tensor([label]),
        )
        for row, label in zip(x, labels or [0] * len(x), strict=True)
    ]
    return TinySamples(split, np.arange(len(x)), graphs, **columns)
