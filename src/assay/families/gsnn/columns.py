"""The columns of a table against the inputs and outputs of a network: by name where the table has names."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float32
from torch import Tensor

from assay.errors import AssayError, ResultWarning
from assay.families.gsnn.graph import Graph
from assay.protocols import TableBatch


def fitting(batch: TableBatch, graph: Graph) -> TableBatch:
    """The batch with its columns in the order of the network, and their names.

    Raises:
        AssayError: a table without names has not as many columns as the network; one with names lacks one.
    """
    return replace(
        batch,
        x=_ordered(batch.x, batch.x_names, graph.inputs, "x", "inputs"),
        y=_ordered(batch.y, batch.y_names, graph.outputs, "y", "outputs"),
        x_names=graph.inputs,
        y_names=graph.outputs,
    )


def _ordered(
    columns: Float32[Tensor, "samples columns"],
    names: Sequence[str],
    wanted: Sequence[str],
    table: str,
    what: str,
) -> Float32[Tensor, "samples wanted"]:
    if not names:
        if columns.shape[1] != len(wanted):
            raise AssayError(
                f"table {table} has {columns.shape[1]} columns without names, the network has {len(wanted)} {what}"
            )
        return columns
    place = {name: i for i, name in enumerate(names)}
    if lacks := [name for name in wanted if name not in place]:
        more = f" and {len(lacks) - 5} more" if len(lacks) > 5 else ""
        raise AssayError(f"table {table} lacks {what} of the network: {', '.join(lacks[:5])}{more}")
    if len(names) > len(wanted):
        text = f"table {table} has {len(names) - len(wanted)} columns that are no {what} of the network; left out"
        warnings.warn(text, ResultWarning, stacklevel=3)
    if tuple(names) == tuple(wanted):
        return columns
    return columns[:, torch.tensor([place[name] for name in wanted], device=columns.device)]
