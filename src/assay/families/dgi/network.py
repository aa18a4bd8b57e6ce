"""The published Deep Graph Infomax network of CAN-bus graphs; the corrupted features are handed in.

Source: Velickovic et al. 2019 (arXiv:1809.10341); as published for CAN-bus graphs one summary a graph, and the
corruption exchanges features among all nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch_geometric.nn import global_mean_pool

from assay.families.graph_encoder import EncoderSettings, convolution_stack, graph_norms, stack_outputs
from assay.families.input_encoder import InputEncoder
from assay.protocols import GraphBatch


@dataclass(frozen=True, slots=True)
class DgiSettings:
    """The hyper-parameters that decide the network."""

    encoder: EncoderSettings
    latent: int


@dataclass(frozen=True, slots=True)
class Discrimination:
    """The probability that a node belongs to its graph, as the discriminator sees it."""

    true: Float[Tensor, " nodes"]
    corrupted: Float[Tensor, " nodes"]  # of the same nodes with the features of others


class DgiNetwork(nn.Module):
    """Encoder and discriminator; parameters and buffers are named and ordered as in the published checkpoints."""

    svdd_center: Tensor

    def __init__(self, settings: DgiSettings):
        super().__init__()
        encoder, latent = settings.encoder, settings.latent
        self.settings = settings
        self.discriminator_weight = nn.Parameter(torch.empty(latent, latent))
        nn.init.xavier_uniform_(self.discriminator_weight)
        self.register_buffer("svdd_center", torch.zeros(latent))
        self.input_encoder = InputEncoder(encoder.inputs)
        self.encoder_layers = convolution_stack(encoder, encoder.inputs.width, encoder.widths)
        self.encoder_bns = graph_norms(encoder, encoder.widths)
        self.z_proj = nn.Linear(encoder.widths[-1], latent)
        self.activation = nn.Sequential(nn.ReLU(), nn.Dropout(encoder.dropout))

    def representations(self, batch: GraphBatch) -> list[Float[Tensor, "nodes d"]]:
        """The output of every encoder layer: after norm and ReLU where it is no gps layer."""
        x = self.input_encoder(batch.x, batch.node_id)
        return stack_outputs(self.encoder_layers, self.encoder_bns, x, batch, activation=self.activation)

    def encode(self, batch: GraphBatch) -> Float[Tensor, "nodes latent"]:
        """One vector a node."""
        return self.z_proj(self.representations(batch)[-1])

    def discriminate(
        self, z: Float[Tensor, "nodes latent"], summaries: Float[Tensor, "graphs latent"], batch: GraphBatch
    ) -> Float[Tensor, " nodes"]:
        """The probability that each vector belongs to the summary of its graph."""
        return ((z @ self.discriminator_weight) * summaries[batch.graph]).sum(1).sigmoid()

    def forward(self, batch: GraphBatch, corrupted_x: Float[Tensor, "nodes features"]) -> Discrimination:
        """Both probabilities of each node, against the summary of its true graph; identities and edges stay."""
        z = self.encode(batch)
        summaries = summary(z, batch)
        corrupted = self.encode(replace(batch, x=corrupted_x))
        return Discrimination(
            self.discriminate(z, summaries, batch), self.discriminate(corrupted, summaries, batch)
        )


def summary(z: Float[Tensor, "nodes latent"], batch: GraphBatch) -> Float[Tensor, "graphs latent"]:
    """The sigmoid of the mean over each graph's nodes."""
    return global_mean_pool(z, batch.graph, batch.n_graphs).sigmoid()


def corrupted_features(
    batches: Sequence[GraphBatch], *, seed: int, compat: Literal["published"] | None = None
) -> list[Float[Tensor, "nodes features"]]:
    """The features of all nodes, permuted, and cut by batch again: how the nodes are batched decides nothing.

    The published permutation is one a batch, so that the loss depends on the batch size: `compat="published"`.
    """
    generator = torch.Generator().manual_seed(seed)
    if compat == "published":
        return [batch.x[_permutation(batch.x, generator)] for batch in batches]
    x = torch.cat([batch.x for batch in batches])
    return list(x[_permutation(x, generator)].split([len(batch.x) for batch in batches]))


def _permutation(x: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randperm(len(x), generator=generator).to(x.device)
