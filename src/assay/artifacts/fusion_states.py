"""Fusion states: what the two experts of a fusion policy say of every sample, made once for all that needs it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64, Shaped
from torch import Tensor

from assay.artifacts.compat import compatible
from assay.artifacts.sampling import chosen_splits, known_somewhere
from assay.errors import AssayError, Refused
from assay.numerics.fusion_states import states_from_blocks
from assay.protocols import AnomalyFeatures, ClassFeatures, Data, Decides, Samples

Blocks = dict[tuple[str, str], Tensor]


@dataclass(frozen=True, slots=True)
class ExpertStates:
    """Row i of every array is one sample; splits follow each other, samples in their split's order.

    `features` holds the 18 published columns, as `numerics.fusion_states` names them. `record_id`, `attack_type` and
    `time` are None where no split knows them; where only some do, the others hold "", -1 and NaN.
    """

    features: Float32[np.ndarray, "n 18"]
    labels: Int64[np.ndarray, " n"]
    split: Shaped[np.ndarray, " n"]  # text
    sample: Int64[np.ndarray, " n"]  # index in its split
    record_id: Shaped[np.ndarray, " n"] | None  # text
    attack_type: Int64[np.ndarray, " n"] | None
    time: Float64[np.ndarray, " n"] | None  # seconds
    policy: str
    vgae_family: str
    gat_family: str
    family: str
    data: str


def compute(
    subject: Decides,
    vgae: AnomalyFeatures,
    gat: ClassFeatures,
    data: Data,
    *,
    splits: tuple[str, ...],
    batch_size: int,
    compat: str,
    seed: int,
) -> ExpertStates:
    """The states of every sample of the splits; what is random in them is drawn once a split, with `seed`.

    With `compat` published, `batch_size` is part of what the VGAE says.

    Raises:
        AssayError: a split that the data do not have or that is empty, or a feature that is not finite.
    """
    draws = [data.draw(split, max_samples=None, seed=0) for split in chosen_splits(data, splits)]
    vgae = compatible(vgae, compat)
    features = [_features(vgae, gat, samples, batch_size=batch_size, seed=seed) for samples in draws]
    return ExpertStates(
        features=np.concatenate(features),
        labels=np.concatenate([samples.labels for samples in draws]),
        split=np.concatenate([np.full(len(samples), samples.split) for samples in draws]),
        sample=np.concatenate([samples.index for samples in draws]),
        record_id=known_somewhere(draws, [samples.record_id for samples in draws], unknown=""),
        attack_type=known_somewhere(draws, [samples.attack_type for samples in draws], unknown=-1),
        time=known_somewhere(draws, [samples.time for samples in draws], unknown=np.nan),
        policy=subject.policy,
        vgae_family=vgae.family,
        gat_family=gat.family,
        family=subject.family,
        data=data.name,
    )


def _features(
    vgae: AnomalyFeatures, gat: ClassFeatures, samples: Samples, *, batch_size: int, seed: int
) -> Float32[np.ndarray, "n 18"]:
    if len(samples) == 0:
        raise AssayError(f"split {samples.split!r}: there is no sample")
    with _named_in_errors("vgae"):
        anomaly = vgae.anomaly_features(samples, batch_size=batch_size, seed=seed)
    with _named_in_errors("gat"):
        classes = gat.class_features(samples, batch_size=batch_size)
    blocks = {**_named("vgae", anomaly), **_named("gat", classes)}
    try:
        return states_from_blocks(blocks).features.numpy()
    except Refused as problem:
        raise AssayError(f"split {samples.split!r}: what the experts say is no state: {problem}") from None


@contextmanager
def _named_in_errors(role: str) -> Iterator[None]:
    """Whatever an expert cannot do is said of it: a policy has two."""
    try:
        yield
    except AssayError as problem:
        raise AssayError(f"the expert in the role {role}: {problem}") from None


def _named(model: str, features: Mapping[str, Float32[Tensor, "n width"]]) -> Blocks:
    return {(model, name): block.float().cpu() for name, block in features.items()}
