"""Units of work -> shares of about equal cost, one for each pilot."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapreplace


@dataclass(frozen=True, slots=True)
class Share:
    """What one pilot makes: numbers of units, in their order, and what they cost together."""

    units: tuple[int, ...]
    cost: int


def shares(costs: Sequence[int], n: int) -> list[Share]:
    """At most `n` shares of units with these costs: disjoint, none empty, all units in one.

    The longest unit goes first to the lightest share (LPT): the heaviest is then at most 4/3 of the best possible.
    Source: Graham 1969, Bounds on multiprocessing timing anomalies (doi:10.1137/0117039).
    """
    n = min(n, len(costs))
    if n < 1:
        return []
    members: list[list[int]] = [[] for _ in range(n)]
    lightest = [(0, 0, number) for number in range(n)]  # cost, units, share
    for unit in sorted(range(len(costs)), key=lambda unit: costs[unit], reverse=True):
        cost, n_units, number = lightest[0]
        members[number].append(unit)
        heapreplace(lightest, (cost + costs[unit], n_units + 1, number))
    return [Share(tuple(sorted(units)), sum(costs[unit] for unit in units)) for units in members]
