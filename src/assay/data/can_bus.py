"""CAN-bus logs as graphs: the published windows, features, split and scaling."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from pathlib import Path
from typing import Any

import numpy as np

from assay.data.can_features import EDGE_FEATURES, NODE_FEATURES
from assay.data.can_graphs import window_graphs
from assay.data.can_labels import ATTACK_NAMES
from assay.data.can_messages import Messages, split_messages
from assay.data.can_scaler import fitted_scaler
from assay.data.can_sequences import window_sequences
from assay.data.can_vocabulary import UNKNOWN, Vocabulary, vocabulary
from assay.data.collated import Collated
from assay.data.prepared import Prepared, one_class_warnings
from assay.errors import AssayError, Refused

TRAIN, VAL = "train", "val"


def prepare(
    files: Mapping[str, Sequence[Path]],
    *,
    window: int,
    stride: int,
    vocab_scope: str,
    val_fraction: float,
    scaler: str,
    sequence_length: int,
    sequence_stride: int,
) -> Prepared:
    """Graphs of CAN logs; `files["train"]` gives the splits train and val, every other key a test split.

    Windows are split and scaled before they are put into sequences, which never cross from train to val.

    Raises:
        Refused: a log that is not sound, a split without a graph, nothing benign to fit the scaler on.
        AssayError: no training logs, or logs for val, which is made of them.
    """
    if TRAIN not in files or VAL in files:
        raise AssayError(
            f"can_bus got logs for {', '.join(files)}; allowed: train, and test splits; not val."
        )
    messages, warnings = _messages(files)
    known = messages if vocab_scope == "all" else {TRAIN: messages[TRAIN]}
    numbers = vocabulary(text for table in known.values() for text in table.ids)
    graphs = {
        split: _graphs(split, table, numbers, window=window, stride=stride)
        for split, table in messages.items()
    }
    gap = (0 if stride >= window else ceil(window / stride) - 1) + (sequence_length - 1) * sequence_stride
    splits = {**_train_and_val(graphs.pop(TRAIN), val_fraction, gap), **graphs}
    fitted = fitted_scaler(scaler, splits[TRAIN])
    facts = {
        **_features(),
        "vocabulary": numbers.facts(),
        "num_ids": numbers.num_ids,
        "unknown_messages": {split: _n_unknown(table, numbers) for split, table in messages.items()},
        "scaler": fitted.facts(),
        "warnings": warnings + one_class_warnings(splits),
    }
    return Prepared(
        {
            split: window_sequences(fitted(raw), length=sequence_length, stride=sequence_stride, split=split)
            for split, raw in splits.items()
        },
        facts,
    )


def _features() -> dict[str, Any]:
    """What holds of all CAN graphs."""
    return {
        "n_features": len(NODE_FEATURES),
        "n_edge_features": len(EDGE_FEATURES),
        "features": list(NODE_FEATURES),
        "edge_features": list(EDGE_FEATURES),
        "attack_names": {str(code): name for code, name in ATTACK_NAMES.items()},
    }


def _messages(files: Mapping[str, Sequence[Path]]) -> tuple[dict[str, Messages], list[str]]:
    read = {split: split_messages(split, paths) for split, paths in files.items()}
    tables = {split: table for split, (table, _) in read.items()}
    return tables, [text for _, warnings in read.values() for text in warnings]


def _graphs(split: str, messages: Messages, numbers: Vocabulary, *, window: int, stride: int) -> Collated:
    n_rows = len(messages.timestamp)
    if n_rows < window:
        raise Refused(
            f"split {split} has {n_rows} messages in {len(messages.names)} logs ({messages.names[0]} first); "
            f"a graph needs a window of {window}."
        )
    return window_graphs(messages, numbers, window=window, stride=stride)


def _train_and_val(graphs: Collated, val_fraction: float, gap: int) -> dict[str, Collated]:
    """The last windows are val; the `gap` windows before them share messages with val and are dropped."""
    n = len(graphs)
    n_val = floor(n * val_fraction)
    if val_fraction == 0:
        return {TRAIN: graphs}
    n_train = n - n_val - gap
    if n_val == 0 or n_train <= 0:
        raise Refused(
            f"split train has {n} windows: val_fraction {val_fraction} leaves {max(n_train, 0)} for train and "
            f"{n_val} for val, {gap} between them; each needs 1. val_fraction 0 makes all of them train."
        )
    return {TRAIN: graphs.select(np.arange(n_train)), VAL: graphs.select(np.arange(n - n_val, n))}


def _n_unknown(messages: Messages, numbers: Vocabulary) -> int:
    return int((numbers.numbers(messages.ids)[messages.id_code] == UNKNOWN).sum())
