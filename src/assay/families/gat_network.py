"""The published GAT classifier of CAN-bus graphs, built on torch-geometric's layers."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch_geometric.nn import GATConv, GATv2Conv, JumpingKnowledge, global_mean_pool

from assay.protocols import Attention, GraphBatch


@dataclass(frozen=True, slots=True)
class GatSettings:
    """The hyper-parameters that decide the network."""

    conv_type: str  # gat or gatv2
    num_ids: int
    embedding_dim: int
    in_channels: int
    edge_dim: int
    hidden: int  # of one head
    heads: int
    layers: int
    fc_layers: int
    num_classes: int
    dropout: float

    @property
    def width(self) -> int:
        """Width of a layer's output: all heads side by side."""
        return self.hidden * self.heads

    @property
    def reads_edge_features(self) -> bool:
        """Whether the convolutions take `edge_attr`."""
        return self.conv_type == "gatv2"


class GatNetwork(nn.Module):
    """Identity embedding and features, convolutions, jumping knowledge (LSTM), mean pool, linear layers.

    Parameters are named and ordered as in the published checkpoints. `temporal_event_head` is one of those
    names: it acts on event sequences only, never on graphs.
    """

    def __init__(self, settings: GatSettings):
        super().__init__()
        width = settings.width
        self.settings = settings
        self.input_encoder = InputEncoder(settings)
        self.convs = nn.ModuleList(_convolutions(settings))
        self.jk = JumpingKnowledge("lstm", channels=width, num_layers=settings.layers)
        self.fc_layers = nn.ModuleList(_head(settings))
        self.temporal_event_head = nn.Sequential(
            nn.Linear(2 * width + settings.in_channels, width),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(width, settings.num_classes),
        )
        self.dropout = nn.Dropout(settings.dropout)

    def representations(self, batch: GraphBatch) -> list[Float[Tensor, "nodes d"]]:
        """The output of every convolution after ReLU (and, while training, dropout)."""
        x = self.input_encoder(batch.x, batch.node_id)
        edge_features = (batch.edge_attr,) if self.settings.reads_edge_features else ()
        outputs = []
        for conv in self.convs:
            x = self.dropout(torch.relu(conv(x, batch.edge_index, *edge_features)))
            outputs.append(x)
        return outputs

    def attention(self, batch: GraphBatch) -> list[Attention]:
        """The weights of every convolution, as the layer itself returns them."""
        x = self.input_encoder(batch.x, batch.node_id)
        edge_features = (batch.edge_attr,) if self.settings.reads_edge_features else ()
        weights = []
        for conv in self.convs:
            x, attended = conv(x, batch.edge_index, *edge_features, return_attention_weights=True)
            x = self.dropout(torch.relu(x))
            weights.append(Attention(*attended))
        return weights

    def embedding(self, batch: GraphBatch) -> Float[Tensor, "graphs d"]:
        """The mean over a graph's nodes of its layers, weighed by the jumping knowledge."""
        return global_mean_pool(self.jk(self.representations(batch)), batch.graph, batch.n_graphs)

    def forward(self, batch: GraphBatch) -> Float[Tensor, "graphs classes"]:
        """Logits."""
        x = self.embedding(batch)
        for layer in self.fc_layers:
            x = layer(x)
        return x


class InputEncoder(nn.Module):
    """The embedding of a node's identity, then its features."""

    def __init__(self, settings: GatSettings):
        super().__init__()
        self.id_encoder = LookupIdEncoder(settings)

    def forward(
        self, x: Float[Tensor, "nodes features"], node_id: Int64[Tensor, " nodes"]
    ) -> Float[Tensor, "nodes inputs"]:
        """Identity first."""
        return torch.cat([self.id_encoder(node_id), x], dim=1)


class LookupIdEncoder(nn.Module):
    """One vector per known identity; 0 is the unknown one."""

    def __init__(self, settings: GatSettings):
        super().__init__()
        self.embedding = nn.Embedding(settings.num_ids, settings.embedding_dim)

    def forward(self, node_id: Int64[Tensor, " nodes"]) -> Float[Tensor, "nodes d"]:
        """The rows of the table."""
        return self.embedding(node_id)


def _convolutions(settings: GatSettings) -> list[nn.Module]:
    first = settings.embedding_dim + settings.in_channels
    widths = [first] + [settings.width] * (settings.layers - 1)
    if settings.reads_edge_features:
        return [
            GATv2Conv(width, settings.hidden, heads=settings.heads, edge_dim=settings.edge_dim)
            for width in widths
        ]
    return [GATConv(width, settings.hidden, heads=settings.heads) for width in widths]


def _head(settings: GatSettings) -> list[nn.Module]:
    width = settings.width
    modules: list[nn.Module] = []
    for _ in range(settings.fc_layers - 1):
        modules += [nn.Linear(width, width), nn.ReLU(), nn.Dropout(settings.dropout)]
    return [*modules, nn.Linear(width, settings.num_classes)]
