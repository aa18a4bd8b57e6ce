"""Graphs that were collated elsewhere: one npz or safetensors file a split."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from assay.data.collated import Collated, text_bytes
from assay.data.prepared import Prepared, one_class_warnings
from assay.data.soundness import refuse_names
from assay.errors import Refused
from assay.raw.npz import read_npz


def prepare(files: Mapping[str, Sequence[Path]]) -> Prepared:
    """The splits as they are in the files, checked.

    Fields: `x edge_index edge_attr node_id y node_ptr edge_ptr`, and where known `attack_type
    graph_wid record_id time node_sequence_step`, as in `Collated`; `record_id` may be an array of text.

    Raises:
        Refused: a split of several files, a damaged file, a field that is missing, unknown or
            unsound, or splits that differ in their features.
    """
    splits = {split: _graphs(split, paths) for split, paths in files.items()}
    _refuse_other_widths(splits, files)
    any_split = next(iter(splits.values()))
    facts = {
        "num_ids": 1 + max(int(graphs.node_id.max()) for graphs in splits.values()),
        "n_features": any_split.x.shape[1],
        "n_edge_features": any_split.edge_attr.shape[1],
        "attack_names": {},
        "warnings": one_class_warnings(splits),
    }
    return Prepared(splits, facts)


def _graphs(split: str, paths: Sequence[Path]) -> Collated:
    if len(paths) != 1:
        raise Refused(f"split {split} has {len(paths)} files; allowed: 1 npz or safetensors file.")
    path = paths[0]
    arrays = read_npz(path, refuse_names) if path.suffix.lower() == ".npz" else _safetensors(path)
    if "record_id" in arrays and arrays["record_id"].dtype.kind == "U":
        arrays["record_id"] = _encoded(arrays["record_id"], path)
    return Collated.from_arrays(arrays, str(path))


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        return load_file(path)
    except Exception as error:  # the format's own errors and those of unknown types are one refusal
        raise Refused(f"{path} is not a readable safetensors file: {error}.") from error


def _encoded(text: np.ndarray, path: Path) -> np.ndarray:
    if text.ndim != 1:
        raise Refused(f"{path}: record_id is text of shape {text.shape}; allowed: [graphs].")
    try:
        return text_bytes(text)
    except ValueError as error:
        raise Refused(f"{path}: record_id is not text: {error}.") from error


def _refuse_other_widths(splits: Mapping[str, Collated], files: Mapping[str, Sequence[Path]]) -> None:
    widths = {name: (graphs.x.shape[1], graphs.edge_attr.shape[1]) for name, graphs in splits.items()}
    if len(set(widths.values())) > 1:
        said = "; ".join(f"{files[name][0]}: {x} and {edge}" for name, (x, edge) in widths.items())
        raise Refused(f"the splits differ in the number of node and edge features: {said}.")
