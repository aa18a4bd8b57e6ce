"""Embeddings: one vector a sample, with what is needed to find the sample again."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64, Shaped
from torch import Tensor

from assay.artifacts.pooling import pooled
from assay.artifacts.sampling import attack_names, chosen_splits, known_somewhere, stacked
from assay.errors import AssayError
from assay.protocols import Data, Embeds, Samples


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Row i of every array is one sample; splits follow each other, samples in their split's order.

    `record_id`, `attack_type` and its name are None where no split knows them; where only some do, the rows of the
    others hold "", -1 and "".
    """

    embeddings: Float32[np.ndarray, "n d"]
    labels: Int64[np.ndarray, " n"]
    split: Shaped[np.ndarray, " n"]  # text
    sample: Int64[np.ndarray, " n"]  # index in its split
    record_id: Shaped[np.ndarray, " n"] | None  # text
    attack_type: Int64[np.ndarray, " n"] | None
    attack_name: Shaped[np.ndarray, " n"] | None  # text
    family: str
    data: str


def compute(
    subject: Embeds,
    data: Data,
    *,
    splits: tuple[str, ...],
    max_samples: int,
    batch_size: int,
    latent: str,
    pooling: str,
    layer: str,
    seed: int,
) -> Embeddings:
    """What the family's head sees of at most `max_samples` samples drawn from each split.

    Where it is random, `latent` says whether its mean is taken or one sample, drawn with `seed` for all nodes of
    a split at once, so that batches do not matter.

    Raises:
        AssayError: a split that the data do not have, no sample in any, an embedding that is not finite,
            `latent` sample of a family whose embedding is not random, or see `pooled`.
    """
    if latent == "sample" and subject.noise_width == 0:
        raise AssayError(
            f"latent: sample is for embeddings that are random; those of {subject.family} are not"
        )
    subject = pooled(subject, pooling=pooling, layer=layer)
    draws = [data.draw(split, max_samples=max_samples, seed=seed) for split in chosen_splits(data, splits)]
    noisy = latent == "sample"
    attack_type = known_somewhere(draws, [samples.attack_type for samples in draws], unknown=-1)
    parts = [rows for samples in draws for rows in _embedded(subject, samples, batch_size, seed, noisy=noisy)]
    return Embeddings(
        embeddings=stacked(parts, what="embeddings").numpy(),
        labels=np.concatenate([samples.labels for samples in draws]),
        split=np.concatenate([np.full(len(samples), samples.split) for samples in draws]),
        sample=np.concatenate([samples.index for samples in draws]),
        record_id=known_somewhere(draws, [samples.record_id for samples in draws], unknown=""),
        attack_type=attack_type,
        attack_name=None if attack_type is None else attack_names(data, attack_type),
        family=subject.family,
        data=data.name,
    )


def _embedded(
    subject: Embeds, samples: Samples, batch_size: int, seed: int, *, noisy: bool
) -> list[Float32[Tensor, "samples d"]]:
    if not noisy:
        return [subject.embed(batch) for batch in samples.batches(batch_size)]
    batches = list(samples.batches(batch_size))
    n_nodes = [len(batch.node_id) for batch in batches]
    draw = torch.Generator().manual_seed(seed)
    noise = torch.randn(sum(n_nodes), subject.noise_width, generator=draw).split(n_nodes)
    return [subject.embed(b, part.to(b.x.device)) for b, part in zip(batches, noise, strict=True)]
