"""Four numbers that sum up a vector, and those of all nodes of a graph."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch_geometric.utils import scatter

from assay.protocols import GraphBatch


def row_statistics(x: Float[Tensor, "rows d"]) -> Float[Tensor, "rows 4"]:
    """Mean, standard deviation (n - 1; 0 of a single number), maximum and minimum of each row."""
    spread = x.std(1, correction=min(1, x.shape[1] - 1))
    return torch.stack([x.mean(1), spread, x.amax(1), x.amin(1)], dim=1)


def graph_statistics(z: Float[Tensor, "nodes d"], batch: GraphBatch) -> Float[Tensor, "graphs 4"]:
    """Of each graph: the mean of its nodes' means and of their deviations, the largest and the smallest number."""
    columns = row_statistics(z).unbind(1)
    pooled = [
        scatter(column, batch.graph, dim_size=batch.n_graphs, reduce=how)
        for column, how in zip(columns, ("mean", "mean", "max", "min"), strict=True)
    ]
    return torch.stack(pooled, dim=1)
