"""The 18 numbers that the two experts, GAT and VGAE, say of a graph: what a fusion policy decides on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

from assay.errors import Refused


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring columns of the state that one expert gives under one name."""

    model: str
    name: str
    columns: slice
    entries: tuple[str, ...]  # what each column holds

    @property
    def width(self) -> int:
        """How many columns."""
        return len(self.entries)


BLOCKS = (  # in the published order: by model, then by name
    Block("gat", "conf", slice(0, 1), ("certainty",)),
    Block("gat", "emb_stats", slice(1, 5), ("mean", "std", "max", "min")),
    Block("gat", "probs", slice(5, 7), ("benign", "attack")),
    Block("vgae", "affinity", slice(7, 8), ("affinity",)),
    Block("vgae", "conf", slice(8, 9), ("certainty",)),
    Block("vgae", "errors", slice(9, 12), ("reconstruction", "mahalanobis", "kl")),
    Block("vgae", "rq", slice(12, 13), ("rayleigh_quotient",)),
    Block("vgae", "spike", slice(13, 14), ("largest_reconstruction",)),
    Block("vgae", "z_stats", slice(14, 18), ("mean", "std", "max", "min")),
)
STATE_DIM = 18


@dataclass(frozen=True, slots=True)
class FusionStates:
    """One row a sample in the published columns, neither scaled nor clamped.

    Raises:
        Refused: a value is not finite; every block that has some is named.
    """

    features: Float32[Tensor, "n 18"]

    def __post_init__(self) -> None:
        if problems := list(_not_finite(self.features)):
            raise Refused(_listed(problems))

    @property
    def gat_conf(self) -> Float32[Tensor, " n"]:
        """Certainty of the GAT: 1 less the entropy of its probabilities in units of ln 2."""
        return self.block("gat", "conf")[:, 0]

    @property
    def gat_emb_stats(self) -> Float32[Tensor, "n 4"]:
        """Mean, standard deviation, maximum and minimum over the GAT's embedding."""
        return self.block("gat", "emb_stats")

    @property
    def gat_probs(self) -> Float32[Tensor, "n 2"]:
        """The GAT's probabilities of benign and attack."""
        return self.block("gat", "probs")

    @property
    def vgae_affinity(self) -> Float32[Tensor, " n"]:
        """How unlike neighbouring nodes are: 1 less the mean cosine of their latent vectors."""
        return self.block("vgae", "affinity")[:, 0]

    @property
    def vgae_conf(self) -> Float32[Tensor, " n"]:
        """Certainty of the VGAE: 1 / (1 + reconstruction error)."""
        return self.block("vgae", "conf")[:, 0]

    @property
    def vgae_errors(self) -> Float32[Tensor, "n 3"]:
        """Reconstruction error, Mahalanobis distance and KL divergence."""
        return self.block("vgae", "errors")

    @property
    def vgae_rq(self) -> Float32[Tensor, " n"]:
        """The Rayleigh quotient of the features on the graph."""
        return self.block("vgae", "rq")[:, 0]

    @property
    def vgae_spike(self) -> Float32[Tensor, " n"]:
        """The largest reconstruction error of a node."""
        return self.block("vgae", "spike")[:, 0]

    @property
    def vgae_z_stats(self) -> Float32[Tensor, "n 4"]:
        """Mean, standard deviation, maximum and minimum of the latent vectors."""
        return self.block("vgae", "z_stats")

    def block(self, model: str, name: str) -> Float32[Tensor, "n width"]:
        """The columns of one block; KeyError where there is none of that name."""
        columns = {(block.model, block.name): block.columns for block in BLOCKS}
        return self.features[:, columns[model, name]]

    def clamped(self) -> Float32[Tensor, "n 18"]:
        """The features with both certainties brought to 0..1, as the policies that choose an alpha see them."""
        features = self.features.clone()
        for block in BLOCKS:
            if block.name == "conf":
                features[:, block.columns] = features[:, block.columns].clamp(0, 1)
        return features


def states_from_blocks(blocks: Mapping[tuple[str, str], Tensor]) -> FusionStates:
    """The states of nested blocks `{(model, name): [n, width]}`, cast to float32.

    Raises:
        Refused: missing or unknown blocks, one of another width or type, numbers of samples that disagree,
            values that are not finite as float32. All of them are listed.
    """
    if problems := list(_problems(blocks)):
        raise Refused(_listed(problems))
    columns = [blocks[block.model, block.name].to(torch.float32) for block in BLOCKS]
    return FusionStates(torch.cat(columns, dim=1))


def _problems(blocks: Mapping[tuple[str, str], Tensor]) -> Iterator[str]:
    expected = {(block.model, block.name): block for block in BLOCKS}
    yield from (f"missing: {'/'.join(key)}" for key in expected if key not in blocks)
    unknown = [key for key in blocks if key not in expected]
    yield from (f"unknown: {'/'.join(key)!a}" for key in unknown)
    known = {key: blocks[key] for key in expected if key in blocks}
    for key, tensor in known.items():
        name, width = "/".join(key), expected[key].width
        if tensor.ndim != 2 or tensor.shape[1] != width:
            yield f"wrong shape: {name} is {list(tensor.shape)}, expected [n, {width}]"
        elif not tensor.is_floating_point():
            yield f"wrong type: {name} is {tensor.dtype}, expected a float type"
    counts = {"/".join(key): len(tensor) for key, tensor in known.items() if tensor.ndim == 2}
    if len(set(counts.values())) > 1:
        yield f"numbers of samples disagree: {', '.join(f'{name} {n}' for name, n in counts.items())}"


def _not_finite(features: Float32[Tensor, "n 18"]) -> Iterator[str]:
    for block in BLOCKS:
        bad = ~features[:, block.columns].isfinite().all(1)
        if bad.any():
            yield f"not finite: {block.model}/{block.name}, first in sample {int(bad.nonzero()[0])}"


def _listed(problems: list[str]) -> str:
    lines = "\n  ".join(problems)
    return f"these are not the {STATE_DIM} columns of a fusion state:\n  {lines}"
