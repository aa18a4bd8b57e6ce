"""CKA: how alike the layers of a checkpoint and of its teacher see the same samples."""

import math
import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from assay.artifacts.sampling import chosen_splits, stacked
from assay.errors import AssayError, ResultWarning
from assay.numerics.similarity import GROUPS, LEAST_SAMPLES, CkaTables, chance_sd, cka_tables
from assay.numerics.thinning import autocorrelation_threshold, leading_autocorrelation, thinning_step
from assay.protocols import Data, Layers, Samples

SHOWN_SAMPLES = 50  # below, chance alone reaches 0.06 in 1 cell of 20


@dataclass(frozen=True, slots=True)
class Thinning:
    """Whether samples were left out because neighbours in time are alike.

    `lag1_autocorrelation` is the largest of the layers, on both sides; None where samples carry no time.
    `capped`: a wider step would have left fewer than 4 samples.
    """

    applied: bool
    step: int
    capped: bool
    lag1_autocorrelation: float | None
    threshold: float
    n_before: int


@dataclass(frozen=True, slots=True)
class Cka:
    """Linear CKA; tables are [teacher layer][student layer], input side first.

    `scores` and `matrix` are debiased. With `compat` published they are biased, of all drawn samples, and there
    is no interval and no `chance_sd`, which are of the debiased score: within 2 `chance_sd` of 0 lies what
    unrelated layers give, and `interval` holds [low, high] with confidence 0.95. None is undefined, its reason in
    `undefined`: under the name of the cell, "interval" for all intervals, "interval of " and the cell for one.
    """

    scores: dict[str, float | None]  # teacher_{i}_student_{j}
    matrix: list[list[float | None]]
    biased: list[list[float | None]]
    interval: list[list[list[float] | None]]
    chance_sd: float | None
    n: int  # samples compared
    thinned: Thinning
    undefined: dict[str, str]
    compat: str
    split: str
    family: str
    teacher_family: str
    data: str


def compute(
    subject: Layers,
    teacher: Layers,
    data: Data,
    *,
    split: str,
    max_samples: int,
    batch_size: int,
    compat: str,
    seed: int,
) -> Cka:
    """Every layer of the teacher against every layer of the subject, on the same drawn samples.

    Samples are taken in time order and thinned where neighbours are alike; where they carry no time they
    are taken as independent, in random order. `compat` published compares all that are drawn, by the biased CKA.

    Raises:
        AssayError: a split that the data do not have, fewer than 4 samples, or values that are not finite.
    """
    (split,) = chosen_splits(data, (split,))
    samples = data.draw(split, max_samples=max_samples, seed=seed)
    if len(samples) < LEAST_SAMPLES:
        raise AssayError(
            f"CKA needs {LEAST_SAMPLES} samples or more; split {split!r} of {data.name!r} gives {len(samples)}"
        )
    order = _order(samples, seed)
    teachers = [layer[order] for layer in _layers(teacher, samples, batch_size, who="teacher")]
    students = [layer[order] for layer in _layers(subject, samples, batch_size, who="student")]
    published = compat == "published"
    thinned = _thinning([*teachers, *students], timed=samples.time is not None, published=published)
    step = thinned.step
    tables = cka_tables([layer[::step] for layer in teachers], [layer[::step] for layer in students])
    n = math.ceil(len(samples) / step)
    score = tables.biased if published else tables.debiased
    _warn(n, thinned, published=published)
    return Cka(
        scores=_scores(score),
        matrix=_cells(score),
        biased=_cells(tables.biased),
        interval=_intervals(tables, published=published),
        chance_sd=None if published else chance_sd(n),
        n=n,
        thinned=thinned,
        undefined=_undefined(score, tables, n, published=published),
        compat=compat,
        split=split,
        family=subject.family,
        teacher_family=teacher.family,
        data=data.name,
    )


def _order(samples: Samples, seed: int) -> Int64[np.ndarray, " n"]:
    if samples.time is None:
        return np.random.default_rng(seed).permutation(len(samples))
    return np.argsort(samples.time, kind="stable")


def _layers(subject: Layers, samples: Samples, batch_size: int, *, who: str) -> list[Float32[Tensor, "n _"]]:
    batches = [subject.layers(batch) for batch in samples.batches(batch_size)]
    return [
        stacked(parts, what=f"layer {layer} of the {who}")
        for layer, parts in enumerate(zip(*batches, strict=True))
    ]


def _thinning(layers: list[Float32[Tensor, "n _"]], *, timed: bool, published: bool) -> Thinning:
    n = len(layers[0])
    correlation = max(map(leading_autocorrelation, layers)) if timed else None
    wanted = 1 if published or correlation is None else thinning_step(correlation, n)
    widest = (n - 1) // (LEAST_SAMPLES - 1)
    step = min(wanted, widest)
    return Thinning(step > 1, step, wanted > widest, correlation, autocorrelation_threshold(n), n)


def _warn(n: int, thinned: Thinning, *, published: bool) -> None:
    if n < SHOWN_SAMPLES:
        chance = (
            "it, since the biased CKA of so few is high whatever the layers"
            if published
            else f"it that is not far above its chance level of {chance_sd(n):.3f}"
        )
        warnings.warn(
            f"CKA of {n} samples (of {thinned.n_before} drawn): below {SHOWN_SAMPLES} read nothing into {chance}",
            ResultWarning,
            stacklevel=3,
        )
    if thinned.capped:
        warnings.warn(
            f"samples are alike over a longer time than the draw can be thinned for; {n} are compared, "
            "and their CKA is too high",
            ResultWarning,
            stacklevel=3,
        )


def _scores(score: Float64[Tensor, "xs ys"]) -> dict[str, float | None]:
    return {_name(i, j): cell for i, row in enumerate(_cells(score)) for j, cell in enumerate(row)}


def _name(teacher_layer: int, student_layer: int) -> str:
    return f"teacher_{teacher_layer}_student_{student_layer}"


def _cells(table: Tensor) -> list[list[float | None]]:
    return [[None if math.isnan(cell) else cell for cell in row] for row in table.tolist()]


def _intervals(tables: CkaTables, *, published: bool) -> list[list[list[float] | None]]:
    if published:
        return [[None for _ in row] for row in tables.low.tolist()]
    rows = zip(tables.low.tolist(), tables.high.tolist(), strict=True)
    return [
        [None if math.isnan(low) else [low, high] for low, high in zip(*row, strict=True)] for row in rows
    ]


def _undefined(
    score: Float64[Tensor, "xs ys"], tables: CkaTables, n: int, *, published: bool
) -> dict[str, str]:
    reasons = {}
    if published:
        reasons["interval"] = "is of the debiased score; compat is published"
    elif n < GROUPS:
        reasons["interval"] = f"needs {GROUPS} samples, got {n}"
    for i, teacher_varies in enumerate(tables.x_varies):
        for j, student_varies in enumerate(tables.y_varies):
            if score[i, j].isnan():
                sides = ((teacher_varies, f"teacher layer {i}"), (student_varies, f"student layer {j}"))
                constant = " and ".join(side for varies, side in sides if not varies)
                reasons[_name(i, j)] = f"{constant}: constant over the samples, or one outweighs the rest"
            elif "interval" not in reasons and tables.low[i, j].isnan():
                reasons[f"interval of {_name(i, j)}"] = "a layer is constant where one group is left out"
    return reasons
