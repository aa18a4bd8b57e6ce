"""What families take: samples side by side as tensors."""

from dataclasses import dataclass

from jaxtyping import Float32, Int64
from torch import Tensor


@dataclass(frozen=True, slots=True)
class GraphBatch:
    """Graphs side by side as one graph; edge e goes from `edge_index[0, e]` to `edge_index[1, e]`."""

    x: Float32[Tensor, "nodes features"]
    edge_index: Int64[Tensor, "2 edges"]
    edge_attr: Float32[Tensor, "edges edge_features"]
    node_id: Int64[Tensor, " nodes"]
    graph: Int64[Tensor, " nodes"]  # the graph of each node, 0 .. n_graphs-1, ascending
    n_graphs: int
    y: Int64[Tensor, " graphs"]
    node_sequence_step: Int64[Tensor, " nodes"] | None = None  # of a graph that is a sequence: 0, 1, ...


@dataclass(frozen=True, slots=True)
class StateBatch:
    """What the experts of a fusion policy say of samples, in the columns of `numerics.fusion_states`."""

    features: Float32[Tensor, "samples features"]
    y: Int64[Tensor, " samples"]


@dataclass(frozen=True, slots=True)
class TargetUnits:
    """How quantities became the targets of a table: by `transform`, then less `mean`, over `std`."""

    transform: str  # ln, log10, none; empty where the source does not say
    mean: Float32[Tensor, " outputs"]
    std: Float32[Tensor, " outputs"]


@dataclass(frozen=True, slots=True)
class TableBatch:
    """Rows of a table, one a sample: what goes into a network and what should come out."""

    x: Float32[Tensor, "samples inputs"]
    y: Float32[Tensor, "samples outputs"]
    x_names: tuple[str, ...] = ()  # of the columns, in any order; none: the order of the network
    y_names: tuple[str, ...] = ()
    y_units: TargetUnits | None = None  # in the order of y; None where nothing says so


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images, or signals, from 0 to 1 or in the units of their source; the subject scales them as it was trained."""

    x: Float32[Tensor, "samples channels *space"]
    y: Int64[Tensor, " samples"]  # -1 where the class is not known
