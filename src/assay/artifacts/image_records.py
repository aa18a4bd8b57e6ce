"""The records of a split that a saliency artifact looks at: those named, or a draw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int64, Shaped
from torch import Tensor

from assay.artifacts.sampling import chosen_splits
from assay.errors import AssayError
from assay.protocols import Data, ImageBatch, ImageSamples, Samples

NAMED = 5  # records, in an error


@dataclass(frozen=True, slots=True)
class ImageRecords:
    """Records in the order of their split, on the subject's device."""

    split: str
    id: Shaped[np.ndarray, " n"]  # text: the record's own, or its index in the split
    index: Int64[np.ndarray, " n"]
    label: Int64[np.ndarray, " n"]  # -1 where the class is not known
    x: Float32[Tensor, "n channels *space"]
    class_names: Sequence[str] = ()  # of the data set, by number; none where they are not known

    def __len__(self) -> int:
        return len(self.id)

    def batch(self, i: int, size: int) -> ImageBatch:
        """Batch `i` of `size` records; the last one may be smaller."""
        rows = slice(i * size, (i + 1) * size)
        return ImageBatch(self.x[rows], torch.from_numpy(self.label[rows]).to(self.x.device))

    def n_batches(self, size: int) -> int:
        """How many batches there are."""
        return -(-len(self) // size)


def chosen_records(
    data: Data, *, split: str, records: Sequence[str], max_records: int, batch_size: int, seed: int
) -> ImageRecords:
    """The records of these ids, else `max_records` drawn from the split.

    Raises:
        AssayError: a split or ids that the data do not have, or no record at all.
    """
    (split,) = chosen_splits(data, (split,))
    samples = data.draw(split, max_samples=None if records else max_records, seed=seed)
    ids = _ids(samples)
    if unknown := sorted(set(records) - set(ids.tolist())):
        raise AssayError(
            f"split {split!r} of {data.name!r} has no record {named(unknown)}; its {len(ids)} records begin with "
            f"{named(ids.tolist())}"
        )
    if len(ids) == 0:
        raise AssayError(f"split {split!r} of {data.name!r} has no record")
    wanted = np.isin(ids, records) if records else np.ones(len(ids), np.bool_)
    return ImageRecords(
        split=split,
        id=ids[wanted],
        index=samples.index[wanted],
        label=samples.labels[wanted],
        x=_images(samples, wanted, batch_size),
        class_names=samples.class_names if isinstance(samples, ImageSamples) else (),
    )


def refuse_failed(failed: Mapping[str, Sequence[str]], n: int) -> None:
    """Fail where records failed: reason -> ids. What was made of the others is kept.

    Raises:
        AssayError: every reason, with how many records it holds of.
    """
    if n_failed := sum(map(len, failed.values())):
        reasons = "; ".join(f"{named(ids)}: {reason}" for reason, ids in failed.items() if ids)
        raise AssayError(f"{n_failed} of {n} records failed, the others are kept in parts. {reasons}")


def named(ids: Sequence[str]) -> str:
    """The first ids, and how many more there are."""
    rest = len(ids) - NAMED
    return ", ".join(ids[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _ids(samples: Samples) -> Shaped[np.ndarray, " n"]:
    known = samples.index if samples.record_id is None else samples.record_id
    return known.astype(np.str_)


def _images(samples: Samples, wanted: np.ndarray, batch_size: int) -> Float32[Tensor, "n channels *space"]:
    images, seen = [], 0
    for batch in samples.batches(batch_size):
        rows = torch.from_numpy(wanted[seen : seen + len(batch.x)]).to(batch.x.device)
        images.append(batch.x[rows])
        seen += len(batch.x)
    return torch.cat(images)
