"""Attention maps of a transformer: what every head of every layer looks at, on the grid of the patches."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int64, Shaped
from torch import Tensor

from assay.artifacts.image_records import ImageRecords, chosen_records, refuse_failed
from assay.artifacts.record_rows import packed, unpacked
from assay.errors import AssayError
from assay.numerics.rollout import (
    attention_entropy,
    class_attention,
    given_to_patches,
    received_attention,
    rollout_to_patches,
)
from assay.protocols import AttendsTokens, Data, ImageBatch, Parts, TokenAttention

LARGEST_BYTES = 2**31  # of `attention` in the file


@dataclass(frozen=True, slots=True)
class AttentionMaps:
    """Row i of every array is one record, in the order of its split; layers stand input side first.

    `attention` holds the rows of all tokens, or that of the class token alone (`keep` cls); a row sums to 1. Tokens are
    `prefix` that are no patches, a class token first where there is one, then the patches row by row of `grid`.
    """

    attention: Float32[np.ndarray, "records layers heads queries tokens"]
    cls_to_patches: Float32[np.ndarray, "records layers heads *grid"] | None  # None without a class token
    received: Float32[np.ndarray, "records layers heads *grid"]  # mean over all tokens that attend
    given_to_patches: Float32[
        np.ndarray, "records layers heads *grid"
    ]  # nearly constant: see numerics.rollout
    rollout: Float32[np.ndarray, "records *grid"]
    entropy: Float32[np.ndarray, "records layers heads"]  # 0 one token .. 1 all alike
    grid: Int64[np.ndarray, " axes"]
    prefix: int
    keep: str
    labels: Int64[np.ndarray, " records"]  # -1 where the class is not known
    record_id: Shaped[np.ndarray, " records"]  # text
    sample: Int64[np.ndarray, " records"]  # index in the split
    image: Float32[np.ndarray, "records channels *space"]  # as the data give it
    split: str
    family: str
    data: str


class Maps(NamedTuple):
    """What is kept of the attention of some records; axes as in `AttentionMaps`."""

    attention: Float32[Tensor, "n layers heads queries tokens"]
    cls_to_patches: Float32[Tensor, "n layers heads *grid"]
    received: Float32[Tensor, "n layers heads *grid"]
    given_to_patches: Float32[Tensor, "n layers heads *grid"]
    rollout: Float32[Tensor, "n *grid"]
    entropy: Float32[Tensor, "n layers heads"]


def compute(
    subject: AttendsTokens,
    data: Data,
    parts: Parts,
    *,
    split: str,
    records: tuple[str, ...],
    keep: str,
    max_records: int,
    batch_size: int,
    seed: int,
) -> AttentionMaps:
    """The attention of the named records, else of `max_records` drawn from the split.

    Raises:
        AssayError: a split or record that there is not, `keep` cls without a class token, more than 2 GiB, or records
            whose weights are not finite.
    """
    chosen = chosen_records(
        data, split=split, records=records, max_records=max_records, batch_size=batch_size, seed=seed
    )
    with torch.no_grad():
        first = subject.attend_tokens(chosen.batch(0, 1))
    shapes = _shapes(first, keep)
    _refuse_huge(shapes[0], len(chosen), keep)

    def part(i: int) -> Float32[np.ndarray, " m"]:
        return packed(_maps(subject, chosen.batch(i, batch_size), keep))

    rows = np.concatenate(parts.gather(chosen.n_batches(batch_size), part))
    maps = Maps(*unpacked(rows, len(chosen), shapes))
    _refuse_not_finite(maps, chosen)
    return AttentionMaps(
        attention=maps.attention.numpy(),
        cls_to_patches=maps.cls_to_patches.numpy() if _has_class_token(first) else None,
        received=maps.received.numpy(),
        given_to_patches=maps.given_to_patches.numpy(),
        rollout=maps.rollout.numpy(),
        entropy=maps.entropy.numpy(),
        grid=np.array(first.grid),
        prefix=first.prefix,
        keep=keep,
        labels=chosen.label,
        record_id=chosen.id,
        sample=chosen.index,
        image=chosen.x.cpu().numpy(),
        split=chosen.split,
        family=subject.family,
        data=data.name,
    )


def _maps(subject: AttendsTokens, batch: ImageBatch, keep: str) -> Maps:
    with torch.no_grad():
        answer = subject.attend_tokens(batch)
    weights, prefix = answer.weights, answer.prefix
    of_record = weights.transpose(0, 1)  # (records, layers, heads, tokens, tokens)
    return Maps(
        attention=of_record[..., :1, :] if keep == "cls" else of_record,
        cls_to_patches=class_attention(of_record, prefix=prefix),
        received=received_attention(of_record, prefix=prefix),
        given_to_patches=given_to_patches(of_record, prefix=prefix),
        rollout=rollout_to_patches(weights, prefix=prefix, class_token=_has_class_token(answer)),
        entropy=attention_entropy(of_record),
    )


def _shapes(first: TokenAttention, keep: str) -> list[tuple[int, ...]]:
    """Of each field of `Maps`, for one record."""
    layers, _, heads, tokens, _ = first.weights.shape
    if keep == "cls" and not _has_class_token(first):
        raise AssayError("keep: cls is for models with a class token, and this one has none. Take all.")
    if (patches := tokens - first.prefix) != (positions := int(np.prod(first.grid))):
        raise AssayError(f"{patches} patches of {tokens} tokens do not fill a grid of {positions} positions")
    maps = (layers, heads, *first.grid)
    rows = 1 if keep == "cls" else tokens
    return [(layers, heads, rows, tokens), maps, maps, maps, tuple(first.grid), (layers, heads)]


def _refuse_not_finite(maps: Maps, chosen: ImageRecords) -> None:
    finite = maps.entropy.isfinite().all((1, 2)).numpy()
    reason = "attention that is not finite: the checkpoint overflows"
    refuse_failed({reason: chosen.id[~finite].tolist()}, len(chosen))


def _has_class_token(answer: TokenAttention) -> bool:
    return answer.class_token and answer.prefix > 0


def _refuse_huge(shape: tuple[int, ...], n: int, keep: str) -> None:
    n_bytes = 4 * n * int(np.prod(shape))
    if n_bytes > LARGEST_BYTES:
        fewer = "" if keep == "cls" else ", or keep: cls"
        raise AssayError(
            f"the attention of {n} records takes {n_bytes / 2**30:.1f} GiB ({' x '.join(map(str, shape))} numbers a "
            f"record); at most {LARGEST_BYTES >> 30} GiB are saved. Take fewer max_records{fewer}."
        )
