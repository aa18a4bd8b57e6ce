"""One block of a GSNN: from the edges to the channels of the functions, and back to the edges."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from assay.families.gsnn.norms import channel_norm, edge_norm
from assay.families.gsnn.settings import GsnnSettings
from assay.families.gsnn.sparse import Arranged, Connections, SparseLinear


@dataclass(frozen=True, slots=True)
class BlockStates:
    """What a block makes of samples."""

    pre: Float[Tensor, "samples channels"]  # before the norm
    post: Float[Tensor, "samples channels"]  # after the last step on channels
    edges: Float[Tensor, "samples edges"]


class ResBlock(nn.Module):
    """Edges to channels, norm and nonlinearity, perceptron and gate of each function, channels to edges.

    Parameters and buffers are named and ordered as published.
    """

    channel_groups: Int64[Tensor, " channels"]

    def __init__(self, settings: GsnnSettings, n_edges: int, lin_in: SparseLinear, lin_out: SparseLinear):
        super().__init__()
        channels, groups = settings.n_channels, settings.groups
        self.norm_first, self.residual, self.groups = settings.norm_first, settings.residual, groups
        self.residual_weight = nn.Parameter(torch.empty(()))
        self.register_buffer("channel_groups", torch.empty(channels, dtype=torch.int64))
        self.node_attn = NodeAttention(settings, n_edges) if settings.attention_hidden else None
        self._edge_norm = edge_norm(settings.norm, n_edges)
        self.lin_in = lin_in
        self.lin_out = lin_out
        self.norm = channel_norm(settings.norm, channels, groups)
        self.mlp = NodeMlp(settings) if settings.mlp_hidden else None
        self.nonlin = settings.nonlin()
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, edges: Float[Tensor, "samples edges"]) -> BlockStates:
        """The states of the block; the residual is of the edges before their norm."""
        pre = self.lin_in(edges if self._edge_norm is None else self._edge_norm(edges))
        post = self._of_functions(pre)
        out = self.lin_out(post)
        return BlockStates(pre, post, out + self.residual_weight.relu() * edges if self.residual else out)

    def _of_functions(self, x: Float[Tensor, "samples channels"]) -> Float[Tensor, "samples channels"]:
        x = self.nonlin(self.norm(x)) if self.norm_first else self.norm(self.nonlin(x))
        x = self.dropout(x)
        if self.mlp is not None:
            x = self.mlp(x.unflatten(1, (self.groups, -1))).flatten(1)
        if self.node_attn is not None:
            x = self.node_attn(x.unflatten(1, (self.groups, -1))).flatten(1)
        return x


class NodeMlp(nn.Module):
    """A perceptron on the channels of one function, the same for all; it replaces what it reads."""

    def __init__(self, settings: GsnnSettings):
        super().__init__()
        width, hidden = settings.channels[0], settings.mlp_hidden
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden),
            nn.LayerNorm(hidden),
            settings.nonlin(),
            nn.Dropout(settings.dropout),
            nn.Linear(hidden, width),
            nn.Dropout(settings.dropout),
        )

    def forward(
        self, x: Float[Tensor, "samples functions width"]
    ) -> Float[Tensor, "samples functions width"]:
        """The new channels of each function."""
        return self.mlp(x)


class NodeAttention(nn.Module):
    """A gate from 0 to 1 on the channels of each function; with edge weights, gates pass along the edges first."""

    def __init__(self, settings: GsnnSettings, n_edges: int):
        super().__init__()
        width, hidden = settings.channels[0], settings.attention_hidden
        self.register_buffer("channel_groups", torch.empty(settings.n_channels, dtype=torch.int64))
        self.signed_message_passing = (
            SignedMessages(n_edges, settings.groups) if settings.edge_weights else nn.Identity()
        )
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.ELU(), nn.LayerNorm(hidden), nn.Linear(hidden, 1)
        )

    def forward(
        self, x: Float[Tensor, "samples functions width"]
    ) -> Float[Tensor, "samples functions width"]:
        """The channels of each function times its gate."""
        gate = self.signed_message_passing(self.mlp(x).squeeze(-1))
        return x * gate.sigmoid().unsqueeze(-1)


class SignedMessages(Arranged):
    """Of each function the sum over its edges from functions of weight times what the other end has."""

    edge_index: Int64[Tensor, "2 edges"]  # of the whole network
    edge_weight: Float[Tensor, " edges"]
    between: Tensor

    def __init__(self, n_edges: int, functions: int):
        super().__init__()
        self.functions = functions
        self.register_buffer("edge_index", torch.empty(2, n_edges, dtype=torch.int64))
        self.register_buffer("edge_weight", torch.empty(n_edges))
        self.register_buffer("between", torch.empty(n_edges, dtype=torch.bool), persistent=False)
        self.connections = Connections()

    def arrange(self) -> None:
        """See `Arranged`."""
        self.between = (self.edge_index < self.functions).all(0)
        self.connections.arrange(self.edge_index[:, self.between], self.functions, self.functions)

    def forward(self, x: Float[Tensor, "samples functions"]) -> Float[Tensor, "samples functions"]:
        """The weighted sums."""
        return self.connections(x, self.edge_weight[self.between])
