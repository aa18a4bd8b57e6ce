"""The convolutions of the published graph networks, on torch-geometric's layers, all called alike.

A layer is called `layer(x, edge_index, edge_attr, graph)`, whatever of it the layer reads; its parameters and
buffers have the published names.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GATv2Conv, GPSConv, GraphNorm, TransformerConv
from torch_geometric.utils import add_self_loops, remove_self_loops

from assay.protocols import Attention, GraphBatch

CONV_TYPES = ("gat", "gatv2", "transformer", "gps")
GPS_DROPOUT = 0.1  # of the published layer; only while training


def convolution(conv_type: str, width_in: int, width: int, heads: int, edge_dim: int) -> nn.Module:
    """A layer from `width_in` to `heads * width` features; `edge_dim` counts for those that read edge features."""
    if conv_type == "gat":
        return GatConvolution(width_in, width, heads=heads)
    if conv_type == "gatv2":
        return GatV2Convolution(width_in, width, heads=heads, edge_dim=edge_dim)
    if conv_type == "transformer":
        return TransformerConvolution(width_in, width, heads=heads, edge_dim=edge_dim)
    if conv_type == "gps":
        core = GpsConvolution(heads * width, heads, edge_dim)
        return core if width_in == heads * width else ProjectedGps(width_in, core)
    raise ValueError(f"conv_type {conv_type!r} is unknown; there are: {', '.join(CONV_TYPES)}")


def reads_edge_features(conv_type: str) -> bool:
    """Whether the layer takes `edge_attr` into account."""
    return conv_type != "gat"


def attends_along_edges(conv_type: str) -> bool:
    """Whether the output of the layer is made of weights that its heads give to edges, and nothing else mixes nodes."""
    return conv_type != "gps"


def convolution_step(
    layer: nn.Module,
    x: Float[Tensor, "nodes features"],
    batch: GraphBatch,
    *,
    norm: GraphNorm | None = None,
    activation: Callable[[Tensor], Tensor] | None = torch.relu,
) -> Float[Tensor, "nodes width"]:
    """The layer, then its norm over the nodes of each graph, then its activation.

    A gps layer has norms and activations of its own: none follow, as published, though a norm may be given.
    """
    x = layer(x, batch.edge_index, batch.edge_attr, batch.graph)
    return x if isinstance(layer, GpsConvolution | ProjectedGps) else _finished(x, batch, norm, activation)


def attention_step(
    layer: nn.Module,
    x: Float[Tensor, "nodes features"],
    batch: GraphBatch,
    *,
    activation: Callable[[Tensor], Tensor] | None = torch.relu,
) -> tuple[Float[Tensor, "nodes width"], Attention]:
    """The step without a norm, and the weights of its heads; for layers that attend along edges alone."""
    x, weights = layer(x, batch.edge_index, batch.edge_attr, batch.graph, return_attention_weights=True)
    return _finished(x, batch, None, activation), Attention(*weights)


def edge_attention(layer: nn.Module, x: Float[Tensor, "nodes features"], batch: GraphBatch) -> Attention:
    """The weights of `attention_step` alone; gat and gatv2 then compute no output."""
    if isinstance(layer, GatConvolution | GatV2Convolution):
        return layer.attention(x, batch.edge_index, batch.edge_attr)
    return attention_step(layer, x, batch)[1]


class _AsWritten:
    """A torch-geometric layer that runs the library's own code, and none that it generates for the class.

    The generated modules are files in the temporary folder, for every class and process, which the library leaves
    there. They compute the same bits in the same time, and cost 50 to 100 ms to write.
    """

    def _set_jittable_templates(self, raise_on_error: bool = False) -> None:
        """Generate nothing."""


class GatConvolution(_AsWritten, GATConv):
    """Graph attention (Velickovic et al. 2018, arXiv:1710.10903); reads no edge features."""

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, graph: Tensor | None, **asked: Any
    ) -> Any:
        """Loops are replaced: one a node."""
        return super().forward(x, edge_index, **asked)

    def attention(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Attention:
        """What `forward` gives to each edge."""
        values = self.lin(x).view(-1, self.heads, self.out_channels)
        of_ends = tuple((values * end).sum(-1) for end in (self.att_src, self.att_dst))
        edges, _ = add_self_loops(remove_self_loops(edge_index)[0], num_nodes=len(x))
        return Attention(edges, self.edge_updater(edges, alpha=of_ends, edge_attr=None))


class GatV2Convolution(_AsWritten, GATv2Conv):
    """Dynamic graph attention (Brody et al. 2022, arXiv:2105.14491)."""

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, graph: Tensor | None, **asked: Any
    ) -> Any:
        """Loops are replaced: one a node, with the mean features of the edges that enter it."""
        return super().forward(x, edge_index, edge_attr, **asked)

    def attention(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor) -> Attention:
        """What `forward` gives to each edge."""
        ends = tuple(lin(x).view(-1, self.heads, self.out_channels) for lin in (self.lin_l, self.lin_r))
        edges, features = remove_self_loops(edge_index, edge_attr)
        edges, features = add_self_loops(edges, features, fill_value=self.fill_value, num_nodes=len(x))
        return Attention(edges, self.edge_updater(edges, x=ends, edge_attr=features))


class TransformerConvolution(_AsWritten, TransformerConv):
    """Attention of queries to keys along the edges (Shi et al. 2021, arXiv:2009.03509); adds no loops."""

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, graph: Tensor | None, **asked: Any
    ) -> Any:
        """A node that no edge enters keeps its skip term alone."""
        return super().forward(x, edge_index, edge_attr, **asked)


class GpsConvolution(GPSConv):
    """GATv2 along the edges plus self-attention within each graph (Rampasek et al. 2022, arXiv:2205.12454).

    The heads of its GATv2 are each as wide as the layer and averaged, as published. Batch norms have running
    statistics: use it in eval mode.
    """

    def __init__(self, width: int, heads: int, edge_dim: int):
        along_edges = _AlongEdges(width, width, heads=heads, concat=False, edge_dim=edge_dim)
        super().__init__(width, along_edges, heads=heads, dropout=GPS_DROPOUT)

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, graph: Int64[Tensor, " nodes"] | None
    ) -> Tensor:
        """Without `graph` all nodes count as one graph."""
        return super().forward(x, edge_index, graph, edge_attr=edge_attr)


class _AlongEdges(_AsWritten, GATv2Conv):
    """The part of a gps layer that follows the edges."""


class ProjectedGps(nn.Module):
    """A gps layer whose input has another width: a linear map before it."""

    def __init__(self, width_in: int, core: GpsConvolution):
        super().__init__()
        self.proj = nn.Linear(width_in, core.channels)
        self.gps = core

    def forward(self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, graph: Tensor | None) -> Tensor:
        """As the layer itself."""
        return self.gps(self.proj(x), edge_index, edge_attr, graph)


def _finished(
    x: Tensor, batch: GraphBatch, norm: GraphNorm | None, activation: Callable[[Tensor], Tensor] | None
) -> Tensor:
    if norm is not None:
        x = norm(x, batch.graph, batch.n_graphs)
    return x if activation is None else activation(x)
