"""Whether p-values come true: how often they are small where the samples of one side are permuted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

LEVELS = (0.05, 1e-3, 1e-4)
PERMUTATIONS = 5
TOO_OFTEN = 1.3
CLEAR = 3  # standard errors above 1, which few pairs or a common driver make large


@dataclass(frozen=True, slots=True)
class LevelCheck:
    """How often p <= level where nothing is associated, over how often it should be."""

    level: float
    ratio: float  # mean over the permutations; 1 is right, above it p-values are too small
    standard_error: float  # over the permutations

    @property
    def too_bold(self) -> bool:
        """Above 1.3, and not by the chance of a few permutations."""
        return self.ratio > max(TOO_OFTEN, 1 + CLEAR * self.standard_error)


def permutation_check(
    p_in_orders: Callable[[Sequence[Int64[np.ndarray, " n"]]], Iterable[Float64[np.ndarray, " pairs"]]],
    groups: Int64[np.ndarray, " n"],
    *,
    generator: np.random.Generator,
) -> tuple[LevelCheck, ...]:
    """The calibration at .05, .001 and .0001 over 5 permutations within groups, one for all pairs and layers.

    `p_in_orders` gives the p of the pairs with the samples of one side in each of some orders. Nothing where it
    gives none.
    """
    drawn = p_in_orders([_order(groups, generator) for _ in range(PERMUTATIONS)])
    shares = np.array([[(p <= level).mean() / level for level in LEVELS] for p in drawn if len(p)])
    if not len(shares):
        return ()
    errors = shares.std(0, ddof=1) / np.sqrt(PERMUTATIONS)
    return tuple(map(LevelCheck, LEVELS, shares.mean(0).tolist(), errors.tolist()))


def _order(groups: Int64[np.ndarray, " n"], generator: np.random.Generator) -> Int64[np.ndarray, " n"]:
    """A random order of the samples in which each group keeps its places."""
    order = np.empty(len(groups), dtype=np.int64)
    places = np.argsort(groups, kind="stable")
    order[places] = np.lexsort((generator.random(len(groups)), groups))
    return order
