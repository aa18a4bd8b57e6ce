"""The published GSNN: a network whose hidden units are functions, joined as a known graph says."""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from assay.families.gsnn.block import BlockStates, ResBlock
from assay.families.gsnn.graph import Graph
from assay.families.gsnn.settings import GsnnSettings
from assay.families.gsnn.sparse import Arranged, Connections, SparseLinear


class GsnnNetwork(nn.Module):
    """Blocks on the edges of the graph; parameters and buffers are named and ordered as published.

    After its state was loaded, `arrange` makes it ready.
    """

    edge_index: Int64[Tensor, "2 edges"]  # nodes: functions, then inputs, then outputs
    input_edge_mask: Bool[Tensor, " edges"]
    output_edge_mask: Bool[Tensor, " edges"]

    def __init__(self, settings: GsnnSettings, graph: Graph):
        super().__init__()
        self.settings, self.graph = settings, graph
        self.n_edges = graph.n_edges(self_edges=settings.self_edges, edge_channels=settings.edge_channels)
        self.register_buffer("output_node_mask", torch.empty(graph.n_nodes, dtype=torch.bool))
        self.register_buffer("input_node_mask", torch.empty(graph.n_nodes, dtype=torch.bool))
        self.register_buffer("edge_index", torch.empty(2, self.n_edges, dtype=torch.int64))
        for kind in ("function", "input", "output"):
            self.register_buffer(f"{kind}_edge_mask", torch.empty(self.n_edges, dtype=torch.bool))
        self.ResBlocks = nn.ModuleList(_blocks(settings, self.n_edges))
        self.readout = Connections()
        self.register_buffer("output_degree", torch.empty(len(graph.outputs)), persistent=False)

    def arrange(self) -> None:
        """Makes what the sparse sums need of the buffers; once, after they are loaded."""
        n_outputs = len(self.graph.outputs)
        edge = self.output_edge_mask.nonzero().flatten()
        output = self.edge_index[1, edge] - (self.graph.n_nodes - n_outputs)
        self.readout.arrange(torch.stack([edge, output]), self.n_edges, n_outputs)
        self.output_degree = torch.bincount(output, minlength=n_outputs).to(torch.float32)
        for module in self.ResBlocks.modules():
            if isinstance(module, Arranged):
                module.arrange()

    def forward(self, x: Float[Tensor, "samples inputs"]) -> Float[Tensor, "samples outputs"]:
        """The outputs of the samples."""
        *_, last = self.states(self.entered(x))
        return self.outputs(last.edges)

    def entered(self, x: Float[Tensor, "samples inputs"]) -> Float[Tensor, "samples edges"]:
        """What the first block reads: each input on the edges that leave it, 0 on all others."""
        edges = x.new_zeros(len(x), self.n_edges)
        source = self.edge_index[0, self.input_edge_mask] - len(self.graph.functions)
        edges[:, self.input_edge_mask] = x[:, source]
        return edges

    def states(self, edges: Float[Tensor, "samples edges"]) -> Iterator[BlockStates]:
        """What the blocks make of it, one after the other."""
        for block in self.ResBlocks:
            states = block(edges)
            yield states
            edges = states.edges

    def outputs(self, edges: Float[Tensor, "samples edges"]) -> Float[Tensor, "samples outputs"]:
        """The sum over the edges into each output, over the root of their number."""
        if self.settings.residual:
            edges = edges / math.sqrt(self.settings.layers)
        return self.readout(edges) / self.output_degree.sqrt()


def _blocks(settings: GsnnSettings, n_edges: int) -> Iterator[ResBlock]:
    shared: tuple[SparseLinear, SparseLinear] | None = None
    for entries in settings.entries:
        linear = shared or _linear(settings, n_edges, entries)
        shared = linear if settings.share_layers else None
        yield ResBlock(settings, n_edges, *linear)


def _linear(
    settings: GsnnSettings, n_edges: int, entries: tuple[int, int]
) -> tuple[SparseLinear, SparseLinear]:
    channels, kind = settings.n_channels, {"bias": settings.bias, "column": settings.values_are_column}
    return (
        SparseLinear(n_edges, channels, entries[0], **kind),
        SparseLinear(channels, n_edges, entries[1], **kind),
    )
