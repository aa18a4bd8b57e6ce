"""What the published graph networks see of a node: the embedding of its identity, then its features."""

import dataclasses
import warnings
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from assay.errors import AssayError, CountedWarning
from assay.families.hyperparameters import HyperParameters
from assay.protocols import GraphBatch

LOOKUP = "graphids.core.models.id_encoding.LookupIdEncoder"
HASH = "graphids.core.models.id_encoding.HashIdEncoder"
MULTIPLIER = 2654435761  # of the published hash, as is the distance of its offsets
OFFSET = 2**30


@dataclass(frozen=True, slots=True)
class InputSettings:
    """The hyper-parameters that decide the input encoder."""

    num_ids: int  # identities that the checkpoint knows; 0 is the unknown one
    n_rows: int  # of the table of embeddings
    embedding_dim: int
    in_channels: int
    proj_dim: int = 0  # 0: the features as they are
    n_hashes: int = 0  # rows that are summed for one identity; 0: an identity is a row
    hash_seed: int = 42

    @property
    def width(self) -> int:
        """Width of a node's vector."""
        return self.embedding_dim + (self.proj_dim or self.in_channels)


def input_settings(values: HyperParameters, *, embedding_dim: int, mask_ids: int = 0) -> InputSettings:
    """What the hyper-parameters say of the encoder.

    Args:
        values: where the problems are kept, as those of every read.
        embedding_dim: the default of the family.
        mask_ids: identities that the network adds to those of the data.
    """
    num_ids = values.integer("num_ids", default=None, least=1, most=2**29)
    n_rows, n_hashes, seed = _table(values, num_ids + mask_ids)
    return InputSettings(
        num_ids=num_ids,
        n_rows=n_rows,
        embedding_dim=values.integer("embedding_dim", default=embedding_dim, least=1, most=4096),
        in_channels=values.integer("in_channels", default=None, least=1, most=65536),
        proj_dim=values.integer("proj_dim", default=0, least=0, most=65536),
        n_hashes=n_hashes,
        hash_seed=seed,
    )


class InputEncoder(nn.Module):
    """Identity first, then the features, projected where `proj_dim` is not 0."""

    def __init__(self, settings: InputSettings):
        super().__init__()
        self.id_encoder = HashIdEncoder(settings) if settings.n_hashes else LookupIdEncoder(settings)
        self.feat_proj = (
            nn.Linear(settings.in_channels, settings.proj_dim) if settings.proj_dim else nn.Identity()
        )

    def forward(
        self, x: Float[Tensor, "nodes features"], node_id: Int64[Tensor, " nodes"]
    ) -> Float[Tensor, "nodes inputs"]:
        """One vector a node."""
        return torch.cat([self.id_encoder(node_id), self.feat_proj(x)], dim=1)


class LookupIdEncoder(nn.Module):
    """One vector an identity."""

    def __init__(self, settings: InputSettings):
        super().__init__()
        self.embedding = nn.Embedding(settings.n_rows, settings.embedding_dim)

    def forward(self, node_id: Int64[Tensor, " nodes"]) -> Float[Tensor, "nodes d"]:
        """The rows of the table."""
        return self.embedding(node_id)


class HashIdEncoder(nn.Module):
    """The sum of a few rows of a table that identities share; so every integer is an identity that it knows."""

    _hash_offsets: Int64[Tensor, " hashes"]

    def __init__(self, settings: InputSettings):
        super().__init__()
        self.register_buffer("_hash_offsets", settings.hash_seed + OFFSET * torch.arange(settings.n_hashes))
        self.embedding = nn.Embedding(settings.n_rows, settings.embedding_dim)

    def forward(self, node_id: Int64[Tensor, " nodes"]) -> Float[Tensor, "nodes d"]:
        """The rows (identity * MULTIPLIER + offset) mod n_rows, one an offset, summed."""
        rows = (node_id[:, None] * MULTIPLIER + self._hash_offsets) % self.embedding.num_embeddings
        return self.embedding(rows).sum(1)


def fitting_batch(batch: GraphBatch, settings: InputSettings, *, edge_dim: int | None) -> GraphBatch:
    """The batch with the identities that a table does not have as 0, unknown; told where there are any.

    Args:
        batch: of the data.
        settings: of the checkpoint.
        edge_dim: how many edge features the checkpoint reads; None where it reads none.

    Raises:
        AssayError: the data have another number of features than the checkpoint takes.
    """
    _check_width("node features", batch.x.shape[1], "in_channels", settings.in_channels)
    if edge_dim is not None:
        _check_width("edge features", batch.edge_attr.shape[1], "edge_dim", edge_dim)
    unknown = (batch.node_id < 0) | (batch.node_id >= settings.num_ids)
    if settings.n_hashes or not unknown.any():
        return batch
    text = (
        f"the data have nodes with an identity outside 0..{settings.num_ids - 1}, the checkpoint's own; "
        "taken as 0, unknown"
    )
    warnings.warn(CountedWarning(text, int(unknown.sum()), model=settings), stacklevel=4)
    return dataclasses.replace(batch, node_id=batch.node_id.masked_fill(unknown, 0))


def _table(values: HyperParameters, n_ids: int) -> tuple[int, int, int]:
    """The rows of the table, how many of them an identity has (0: its own), and the seed of the hashes."""
    if values.raw("id_encoder_cfg") is not None:
        values.not_yet("id_encoder_cfg, an object of the code that trained the checkpoint (supported: None)")
    encoder = values.choice("id_encoder_class_path", default=LOOKUP, supported=(LOOKUP, HASH))
    if encoder == LOOKUP:
        return n_ids, 0, 0
    kwargs = values.below("id_encoder_kwargs")
    n_hashes = kwargs.integer("k", default=2, least=1, most=64)
    seed = kwargs.integer("seed", default=42, least=-(2**62), most=2**62)
    factor = kwargs.integer("num_buckets_factor", default=4, least=1, most=1024)
    n_rows = kwargs.integer("num_buckets", default=0, least=0, most=2**31)
    return n_rows or _power_of_two(max(8, factor * n_ids)), n_hashes, seed


def _power_of_two(n: int) -> int:
    """The least that is not below n."""
    return 1 << (n - 1).bit_length()


def _check_width(what: str, got: int, key: str, expected: int) -> None:
    if got != expected:
        raise AssayError(
            f"the data have {got} {what}, the checkpoint takes {expected} (hyper_parameters.{key}): "
            "it was trained on other data; change the column `data` of the checkpoint sheet"
        )
