"""The published GAT classifier of CAN-bus graphs, built on torch-geometric's layers."""

from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch_geometric.nn import JumpingKnowledge
from torch_geometric.nn.aggr import MultiAggregation

from assay.families.convolutions import (
    attention_step,
    convolution,
    convolution_step,
    edge_attention,
    reads_edge_features,
)
from assay.families.gat.sequence_pool import SEQUENCE_POOLS, occupied_cells
from assay.families.input_encoder import InputEncoder, InputSettings
from assay.protocols import Attention, GraphBatch

POOLS = ("mean", "max", "sum", "min", "std")


@dataclass(frozen=True, slots=True)
class GatSettings:
    """The hyper-parameters that decide the network."""

    inputs: InputSettings
    conv_type: str  # one of CONV_TYPES
    edge_dim: int
    hidden: int  # of one head
    heads: int
    layers: int
    pools: tuple[str, ...]  # of POOLS, over the nodes of a graph, side by side
    sequence_pool: str  # flat or one of SEQUENCE_POOLS
    fc_layers: int
    num_classes: int
    dropout: float

    @property
    def width(self) -> int:
        """Width of a layer's output: all heads side by side."""
        return self.hidden * self.heads

    @property
    def pooled_width(self) -> int:
        """Width of a graph's embedding: all pools side by side."""
        return self.width * len(self.pools)

    @property
    def reads_edge_features(self) -> bool:
        """Whether the convolutions take `edge_attr`."""
        return reads_edge_features(self.conv_type)


class GatNetwork(nn.Module):
    """Identity and features, convolutions, jumping knowledge (LSTM), pools, linear layers.

    Parameters are named and ordered as in the published checkpoints. `temporal_event_head` is one of those
    names: it acts on event sequences only, never on graphs.
    """

    def __init__(self, settings: GatSettings):
        super().__init__()
        width, pooled = settings.width, settings.pooled_width
        self.settings = settings
        self.input_encoder = InputEncoder(settings.inputs)
        self.convs = nn.ModuleList(_convolutions(settings))
        self.jk = JumpingKnowledge("lstm", channels=width, num_layers=settings.layers)
        self.pool = MultiAggregation(list(settings.pools))
        if settings.sequence_pool in SEQUENCE_POOLS:
            self.add_module(_sequence_pool(settings), SEQUENCE_POOLS[settings.sequence_pool](pooled))
        self.fc_layers = nn.ModuleList(_head(settings))
        self.temporal_event_head = nn.Sequential(
            nn.Linear(2 * width + settings.inputs.in_channels, pooled),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(pooled, settings.num_classes),
        )
        self.activation = nn.Sequential(nn.ReLU(), nn.Dropout(settings.dropout))

    def representations(self, batch: GraphBatch) -> list[Float[Tensor, "nodes d"]]:
        """The output of every layer: after ReLU (and, while training, dropout) where it is no gps layer."""
        x = self.input_encoder(batch.x, batch.node_id)
        outputs = []
        for conv in self.convs:
            x = convolution_step(conv, x, batch, activation=self.activation)
            outputs.append(x)
        return outputs

    def attention(self, batch: GraphBatch) -> list[Attention]:
        """The weights of every convolution, as the layer itself returns them; a gps layer has none."""
        x = self.input_encoder(batch.x, batch.node_id)
        *before, last = self.convs
        weights = []
        for conv in before:
            x, attended = attention_step(conv, x, batch, activation=self.activation)
            weights.append(attended)
        return [*weights, edge_attention(last, x, batch)]

    def embedding(self, batch: GraphBatch) -> Float[Tensor, "graphs d"]:
        """A graph's nodes, whose layers the jumping knowledge weighs, pooled; by steps where the batch has them."""
        nodes, steps = self.jk(self.representations(batch)), self.steps(batch)
        if steps is None:
            return self.pool(nodes, batch.graph, dim_size=batch.n_graphs)
        occupied = occupied_cells(batch.graph, steps, batch.n_graphs)
        pooled = self.pool(nodes, occupied.of_node, dim_size=len(occupied.graph))
        return self.get_submodule(_sequence_pool(self.settings))(pooled, occupied)

    def steps(self, batch: GraphBatch) -> Int64[Tensor, " nodes"] | None:
        """The steps that are pooled one by one; None where all nodes of a graph are pooled at once."""
        return batch.node_sequence_step if self.settings.sequence_pool in SEQUENCE_POOLS else None

    def forward(self, batch: GraphBatch) -> Float[Tensor, "graphs classes"]:
        """Logits."""
        return self.logits(self.embedding(batch))

    def logits(self, embedding: Float[Tensor, "graphs d"]) -> Float[Tensor, "graphs classes"]:
        """What the linear layers make of embeddings."""
        for layer in self.fc_layers:
            embedding = layer(embedding)
        return embedding


def _convolutions(settings: GatSettings) -> list[nn.Module]:
    widths = [settings.inputs.width] + [settings.width] * (settings.layers - 1)
    return [
        convolution(settings.conv_type, width, settings.hidden, settings.heads, settings.edge_dim)
        for width in widths
    ]


def _sequence_pool(settings: GatSettings) -> str:
    """The published name: sequence_attention or sequence_gru; the mean has no parameters."""
    return f"sequence_{settings.sequence_pool}"


def _head(settings: GatSettings) -> list[nn.Module]:
    width = settings.pooled_width
    modules: list[nn.Module] = []
    for _ in range(settings.fc_layers - 1):
        modules += [nn.Linear(width, width), nn.ReLU(), nn.Dropout(settings.dropout)]
    return [*modules, nn.Linear(width, settings.num_classes)]
