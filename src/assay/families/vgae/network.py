"""The published variational graph autoencoder of CAN-bus graphs; all that is random in it is handed in."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from assay.families.graph_encoder import EncoderSettings, convolution_stack, graph_norms, stack_outputs
from assay.families.input_encoder import InputEncoder
from assay.protocols import GraphBatch

COMPONENTS = ("recon", "recon_max", "affinity", "rq")  # of the score, in the order of the checkpoint


@dataclass(frozen=True, slots=True)
class VgaeSettings:
    """The hyper-parameters that decide the network."""

    encoder: EncoderSettings
    latent: int
    mlp_hidden: int  # of the head that predicts neighbours
    mask_rate: float

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """The encoder's turned round, with the features at the end."""
        return (*self.encoder.widths[:0:-1], self.encoder.inputs.in_channels)


@dataclass(frozen=True, slots=True)
class Latent:
    """A normal distribution for each node, and one draw from it."""

    mu: Float[Tensor, "nodes latent"]
    logvar: Float[Tensor, "nodes latent"]
    z: Float[Tensor, "nodes latent"]

    @property
    def kl(self) -> Float[Tensor, " nodes"]:
        """Its divergence from the standard normal in nats: as published the mean over the latent axes, not the sum."""
        return -0.5 * (1 + self.logvar - self.mu.square() - self.logvar.exp()).mean(1)


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """What the autoencoder makes of a batch."""

    latent: Latent
    x: Float[Tensor, "nodes features"]


@dataclass(frozen=True, slots=True)
class Heads:
    """What else is read from the draw while training."""

    identity_logits: Float[Tensor, "nodes ids"]
    neighbours: Float[Tensor, "nodes latent"]  # the mean draw of the nodes that the edges from a node go to
    edge_attr: Float[Tensor, "edges edge_features"] | None  # None where the convolutions read none


class VgaeNetwork(nn.Module):
    """Encoder, decoder and heads; parameters and buffers are named and ordered as in the published checkpoints."""

    score_norm_fitted: Tensor
    mu_mean: Tensor
    mu_std: Tensor

    def __init__(self, settings: VgaeSettings):
        super().__init__()
        encoder, latent = settings.encoder, settings.latent
        self.settings = settings
        self._register_score_buffers()
        self.input_encoder = InputEncoder(encoder.inputs)
        self.encoder_layers = convolution_stack(encoder, encoder.inputs.width, encoder.widths)
        self.encoder_bns = graph_norms(encoder, encoder.widths)
        self.z_mean = nn.Linear(encoder.widths[-1], latent)
        self.z_logvar = nn.Linear(encoder.widths[-1], latent)
        self.decoder_layers = convolution_stack(encoder, latent, settings.decoder_widths)
        self.decoder_bns = graph_norms(encoder, settings.decoder_widths[:-1])
        self.canid_classifier = nn.Linear(latent, encoder.inputs.num_ids)
        self.neighborhood_decoder = _perceptron(
            latent, settings.mlp_hidden, settings.mlp_hidden, latent, dropout=encoder.dropout
        )
        if encoder.reads_edge_features:
            self.edge_decoder = _perceptron(2 * latent, latent, encoder.edge_dim, dropout=encoder.dropout)
        self.masker = Masker(encoder.inputs.in_channels, mask_id=encoder.inputs.num_ids)
        self.activation = nn.Sequential(nn.ReLU(), nn.Dropout(encoder.dropout))

    def representations(self, batch: GraphBatch) -> list[Float[Tensor, "nodes d"]]:
        """The output of every encoder layer: after norm and ReLU where it is no gps layer."""
        x = self.input_encoder(batch.x, batch.node_id)
        return stack_outputs(self.encoder_layers, self.encoder_bns, x, batch, activation=self.activation)

    def encode(self, batch: GraphBatch, noise: Float[Tensor, "nodes latent"] | None) -> Latent:
        """z = mu + noise * exp(logvar / 2), with logvar in -10..10; z = mu without noise."""
        encoded = self.representations(batch)[-1]
        mu, logvar = self.z_mean(encoded), self.z_logvar(encoded).clamp(-10, 10)
        return Latent(mu, logvar, mu if noise is None else mu + noise * (logvar / 2).exp())

    def decode(
        self,
        z: Float[Tensor, "nodes latent"],
        batch: GraphBatch,
        *,
        compat: Literal["published"] | None = None,
    ) -> Float[Tensor, "nodes features"]:
        """The features again; the last layer has no norm and no activation.

        Where it is a gps layer, its self-attention is within each graph. The published one runs over all nodes of the
        batch, so that a graph's numbers depend on its companions: `compat="published"`.
        """
        hidden, last = self.decoder_layers[:-1], self.decoder_layers[-1]
        outputs = stack_outputs(hidden, self.decoder_bns, z, batch, activation=self.activation)
        graph = None if compat == "published" else batch.graph
        return last([z, *outputs][-1], batch.edge_index, batch.edge_attr, graph)

    def forward(
        self,
        batch: GraphBatch,
        noise: Float[Tensor, "nodes latent"] | None,
        *,
        compat: Literal["published"] | None = None,
    ) -> Reconstruction:
        """The batch encoded and decoded; hide nodes with `masker` first for the masked pass."""
        latent = self.encode(batch, noise)
        return Reconstruction(latent, self.decode(latent.z, batch, compat=compat))

    def heads(self, z: Float[Tensor, "nodes latent"], batch: GraphBatch) -> Heads:
        """Identities, neighbours and edge features, from the draw alone."""
        edge_attr = None
        if self.settings.encoder.reads_edge_features:
            edge_attr = self.edge_decoder(torch.cat([z[batch.edge_index[0]], z[batch.edge_index[1]]], dim=1))
        return Heads(self.canid_classifier(z), self.neighborhood_decoder(z), edge_attr)

    def _register_score_buffers(self) -> None:
        for component in COMPONENTS:
            self.register_buffer(f"score_{component}_mean", torch.zeros(()))
            self.register_buffer(f"score_{component}_std", torch.ones(()))
        self.register_buffer("mu_mean", torch.zeros(self.settings.latent))
        self.register_buffer("mu_std", torch.ones(self.settings.latent))
        self.register_buffer("score_norm_fitted", torch.tensor(False))


class Masker(nn.Module):
    """Hides nodes: a token for their features, an identity of its own for theirs."""

    mask_token: Tensor

    def __init__(self, in_channels: int, *, mask_id: int):
        super().__init__()
        self.mask_id = mask_id
        self.register_buffer("mask_token", torch.zeros(in_channels))

    def forward(self, batch: GraphBatch, mask: Bool[Tensor, " nodes"]) -> GraphBatch:
        """The batch with the masked nodes hidden; edges stay."""
        return replace(
            batch,
            x=torch.where(mask[:, None], self.mask_token, batch.x),
            node_id=batch.node_id.masked_fill(mask, self.mask_id),
        )


def _perceptron(*widths: int, dropout: float) -> nn.Sequential:
    """Linear maps at 0, 3, 6, ... with ReLU and dropout between them."""
    modules: list[nn.Module] = [nn.Linear(widths[0], widths[1])]
    for width_in, width in pairwise(widths[1:]):
        modules += [nn.ReLU(), nn.Dropout(dropout), nn.Linear(width_in, width)]
    return nn.Sequential(*modules)
