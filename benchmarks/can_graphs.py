"""CPU seconds from a CAN log to prepared graphs, beside the same features by pandas, window by window.

python benchmarks/can_graphs.py [--messages 1000000] [--peer-messages 20000] [--stride 100]
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from assay.data.can_bus import prepare

WINDOW = 100


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "normal.csv")
        synthetic_log(log, options.messages)
        ours = cpu_seconds(lambda: prepared(log, options.stride)) / options.messages
        sample = Path(folder, "sample.csv")
        synthetic_log(sample, options.peer_messages)
        peer = cpu_seconds(lambda: pandas_graphs(sample, options.stride)) / options.peer_messages
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"assay   {ours * 1e6:7.2f} CPU-s a million messages (measured on {options.messages:,})")
    print(f"pandas  {peer * 1e6:7.2f} CPU-s a million messages (measured on {options.peer_messages:,})")
    print(
        f"ratio   {peer / ours:7.1f}; peak memory {peak_mib:.0f} MiB; window {WINDOW}, stride {options.stride}"
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--peer-messages", type=int, default=20_000)
    parser.add_argument("--stride", type=int, default=WINDOW)
    return parser.parse_args()


def synthetic_log(path: Path, n: int, n_ids: int = 80) -> None:
    """Ids of unequal rate, payloads of 0 to 8 bytes of which some are constant."""
    draw = np.random.default_rng(0)
    names = np.array([f"{number:03X}" for number in draw.choice(2048, n_ids, replace=False)])
    which = draw.choice(n_ids, n, p=draw.dirichlet(np.ones(n_ids)))
    lengths = draw.choice([0, 2, 4, 8, 8, 8, 8], n_ids)
    varies = draw.random((n_ids, 8)) < 0.5
    payload = np.where(varies[which], draw.integers(0, 256, (n, 8)), 7).astype(np.uint8)
    table = pd.DataFrame(
        {
            "timestamp": np.round(1.5e9 + np.cumsum(draw.exponential(0.0005, n)), 6),
            "arbitration_id": names[which],
            "data_field": [row[:k].tobytes().hex() for row, k in zip(payload, lengths[which], strict=True)],
            "attack": 0,
        }
    )
    table.to_csv(path, index=False)


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def prepared(log: Path, stride: int) -> object:
    return prepare(
        {"train": [log]},
        window=WINDOW,
        stride=stride,
        vocab_scope="train",
        val_fraction=0.2,
        scaler="z_benign",
        sequence_length=1,
        sequence_stride=1,
    )


def pandas_graphs(log: Path, stride: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Node and edge features of every window, most of them: no clustering, entropy or higher moments."""
    table = pd.read_csv(log, dtype={"arbitration_id": str, "data_field": str}, keep_default_na=False)
    payload = np.zeros((len(table), 8))
    for row, text in enumerate(table["data_field"]):
        payload[row, : len(text) // 2] = list(bytes.fromhex(text))
    columns = [f"byte_{i}" for i in range(8)]
    table[columns] = payload
    starts = range(0, len(table) - WINDOW + 1, stride)
    return [pandas_graph(table.iloc[start : start + WINDOW], columns) for start in starts]


def pandas_graph(window: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
    nodes = window.groupby("arbitration_id")
    gaps = window["timestamp"].groupby(window["arbitration_id"]).diff()
    ids = window["arbitration_id"].to_numpy()
    pairs = pd.DataFrame({"source": ids[1:], "target": ids[:-1]})
    features = [
        nodes[columns].mean(),
        nodes[columns].std().fillna(0),
        nodes[columns].max() - nodes[columns].min(),
        nodes.size().rename("count"),
        gaps.groupby(window["arbitration_id"]).agg(["mean", "std"]).fillna(0),
        pairs.groupby("target").size().rename("in"),
        pairs.groupby("source").size().rename("out"),
    ]
    edges = np.column_stack(
        [
            np.diff(window["timestamp"]),
            np.abs(np.diff(window[columns].to_numpy(), axis=0)),
            pairs.groupby(["source", "target"])["source"].transform("size"),
        ]
    )
    return pd.concat(features, axis=1).fillna(0).to_numpy(), edges


if __name__ == "__main__":
    main()
