"""Embeddings: one vector a sample, with what is needed to find the sample again."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64, Shaped

from assay.artifacts.sampling import chosen_splits, stacked
from assay.protocols import Data, Embeds, Samples


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Row i of every array is one sample; splits follow each other, samples in their split's order.

    `record_id` and `attack_type` are None where no split knows them; where only some do, the rows of the
    others hold "" and -1.
    """

    embeddings: Float32[np.ndarray, "n d"]
    labels: Int64[np.ndarray, " n"]
    split: Shaped[np.ndarray, " n"]  # text
    sample: Int64[np.ndarray, " n"]  # index in its split
    record_id: Shaped[np.ndarray, " n"] | None  # text
    attack_type: Int64[np.ndarray, " n"] | None
    family: str
    data: str


def compute(
    subject: Embeds, data: Data, *, splits: tuple[str, ...], max_samples: int, batch_size: int, seed: int
) -> Embeddings:
    """What the family's head sees of at most `max_samples` samples drawn from each split.

    Raises:
        AssayError: a split that the data do not have, no sample in any, or an embedding that is not finite.
    """
    draws = [data.draw(split, max_samples=max_samples, seed=seed) for split in chosen_splits(data, splits)]
    parts = [subject.embed(batch) for samples in draws for batch in samples.batches(batch_size)]
    return Embeddings(
        embeddings=stacked(parts, what="embeddings").numpy(),
        labels=np.concatenate([samples.labels for samples in draws]),
        split=np.concatenate([np.full(len(samples), samples.split) for samples in draws]),
        sample=np.concatenate([samples.index for samples in draws]),
        record_id=_known(draws, [samples.record_id for samples in draws], unknown=""),
        attack_type=_known(draws, [samples.attack_type for samples in draws], unknown=-1),
        family=subject.family,
        data=data.name,
    )


def _known(
    draws: list[Samples], columns: list[np.ndarray | None], *, unknown: str | int
) -> Shaped[np.ndarray, " n"] | None:
    if all(column is None for column in columns):
        return None
    return np.concatenate(
        [
            np.full(len(samples), unknown) if column is None else column
            for samples, column in zip(draws, columns, strict=True)
        ]
    )
