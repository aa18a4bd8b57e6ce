"""The rows of a table of edges, gathered by blocks of targets: memory grows with the rows that are kept."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, Shaped

from assay.artifacts.edge_statistics import Pairs, PairTests, Scores, target_blocks
from assay.numerics.edges.multiple_testing import q_values
from assay.numerics.ranks import average_ranks

BINS = 100  # of the histogram of p
DUPLICATE = 1 - 1e-9  # a larger correlation is one of columns that are equal up to scale
SELF, EXISTING, NOWHERE = "self", "existing edge", "no layer in which both can be tested"

Columns = dict[str, Shaped[np.ndarray, " rows"]]
Block = dict[str, Shaped[np.ndarray, "sources targets"]]


@dataclass(frozen=True, slots=True)
class EdgeRows:
    """Columns in the order of the table, and what all pairs say together, kept or not."""

    columns: Columns
    reasons: tuple[str, ...]  # what the column `reason` counts into; the first is empty
    m: int  # pairs tested
    untested: dict[str, int]  # reason -> pairs
    p_histogram: tuple[int, ...]


class EdgePairs:
    """All pairs of functions, scored and tested block by block."""

    def __init__(self, scores: Scores, tests: PairTests, existing: Bool[np.ndarray, "n n"]):
        self._scores, self._tests, self._existing = scores, tests, existing
        sources, targets = tests.reasons()
        self.reasons = ("", SELF, EXISTING, NOWHERE, *sorted({*sources.tolist(), *targets.tolist()} - {""}))
        self._of_source, self._of_target = (
            np.array([self.reasons.index(reason) for reason in side], dtype=np.int8)
            for side in (sources, targets)
        )

    def block(self, targets: slice) -> Block:
        """Every column, of all sources with some targets."""
        r = self._scores.per_layer(targets)
        corr, tested = self._scores.aggregate(r), self._tests.tested(targets)
        reason = self._reason(targets, tested.p)
        of_family = {"p": tested.p, "p_max": tested.p_max, "p_omnibus": tested.p_omnibus}
        of_family["p_adjusted"] = self._tests.adjusted(targets)
        found = {name: np.where(reason == 0, p, np.nan) for name, p in of_family.items() if p is not None}
        found |= {"reason": reason, "corr": corr, "z": tested.z}
        found |= {} if tested.skew is None else {"skew": tested.skew}
        found |= {f"corr_a{p}_g{p + 1}": layer for p, layer in enumerate(r)}
        found |= _strongest(r) | self._among_candidates(targets, corr)
        found["has_edge"] = self._existing[:, targets]
        functions = np.arange(len(self._existing), dtype=np.int32)
        found["src_idx"], found["dst_idx"] = np.broadcast_arrays(functions[:, None], functions[targets])
        return found

    def tested_p(
        self, targets: slice, orders: Sequence[Int64[np.ndarray, " n"]]
    ) -> Iterator[Float64[np.ndarray, " pairs"]]:
        """The p of the family with the samples of one side in each of some orders."""
        for p in self._tests.p(targets, orders):
            yield p[self._reason(targets, p) == 0]

    def _reason(self, targets: slice, p: Pairs) -> Shaped[np.ndarray, "sources targets"]:
        """Numbers into `reasons`, the first that holds."""
        source, target = self._of_source[:, None], self._of_target[targets]
        itself = _itself(targets, len(p))
        reason = np.where(source > 0, source, np.where(target > 0, target, np.where(np.isnan(p), 3, 0)))
        return np.where(itself, 1, np.where(self._existing[:, targets], 2, reason)).astype(np.int8)

    def _among_candidates(self, targets: slice, corr: Pairs) -> Block:
        """Ranks among the sources that are no edge of the target yet, and how like the first of them a source is."""
        candidates = ~(self._existing[:, targets] | _itself(targets, len(corr)))
        level = np.where(candidates, np.nan_to_num(corr, nan=-2.0), 2.0)
        n = candidates.sum(0, dtype=np.int32)
        rank = np.where(candidates, n + 1 - average_ranks(level), np.nan)
        best = np.where(candidates & ~np.isnan(corr), corr, -2.0).argmax(0)
        known = (candidates & ~np.isnan(corr)).any(0)
        alike = self._scores.alike(best)
        return {
            "rank_in_target": rank,
            "n_candidates": np.broadcast_to(n, rank.shape),
            "r_with_best": np.where(known, alike, np.nan),
        }


def edge_rows(pairs: EdgePairs, n: int, *, keep_p: float, exclude_self: bool) -> EdgeRows:
    """The rows of all pairs of n functions, the largest `corr` first, NaN last; equal ones by source, then target.

    Below 1, `keep_p` leaves out all pairs but those with a p up to it; their q are those of all m tests.
    """
    tally = _Tally(pairs.reasons, keep_p)
    kept: list[dict[str, np.ndarray]] = []
    for targets in target_blocks(n, n):
        block = pairs.block(targets)
        rows = ~_itself(targets, n) if exclude_self else np.ones(block["corr"].shape, dtype=np.bool_)
        stands = rows & (block["p"] <= keep_p) if keep_p < 1 else rows
        tally.count(block, rows, stands)
        kept.append({name: column[stands] for name, column in block.items()})
    columns = _together(kept, n)
    columns["q"] = q_values(columns["p"], m=tally.m, limit=keep_p)
    if "p_adjusted" in columns:
        others = np.concatenate([np.empty(0), *tally.left_out])
        adjusted = columns.pop("p_adjusted")
        columns["q_adjusted"] = q_values(adjusted, m=tally.m_adjusted, others=others, limit=keep_p)
    untested = {reason: pairs for reason, pairs in sorted(tally.untested.items()) if pairs}
    return EdgeRows(columns, pairs.reasons, tally.m, untested, tuple(tally.histogram.tolist()))


class _Tally:
    """What is counted over all pairs, kept or not."""

    def __init__(self, reasons: tuple[str, ...], keep_p: float):
        self._reasons, self._keep_p = reasons, keep_p
        self.m = self.m_adjusted = 0
        self.untested: Counter[str] = Counter()
        self.histogram = np.zeros(BINS, dtype=np.int64)
        self.left_out: list[
            Float64[np.ndarray, " _"]
        ] = []  # adjusted p up to keep_p of pairs that are not kept

    def count(
        self, block: Block, rows: Bool[np.ndarray, "n targets"], stands: Bool[np.ndarray, "n targets"]
    ) -> None:
        """A block of which some pairs are rows of the table, and some of these are kept."""
        counts = np.bincount(block["reason"][rows], minlength=len(self._reasons)).tolist()
        self.untested.update(dict(zip(self._reasons[1:], counts[1:], strict=True)))
        self.m += counts[0]
        self.histogram += np.histogram(block["p"][block["reason"] == 0], BINS, (0, 1))[0]
        if "p_adjusted" in block:
            adjusted = block["p_adjusted"]
            self.m_adjusted += int((~np.isnan(adjusted)).sum())
            self.left_out.append(adjusted[~stands & (adjusted <= self._keep_p)])


def _strongest(r: Float64[np.ndarray, "layers sources targets"]) -> Block:
    """The largest correlation with its sign, its layer, -1 where there is none, and whether columns are equal."""
    layer = np.where(np.isnan(r), -2, r).argmax(0)
    largest = np.take_along_axis(r, layer[None], 0)[0]
    return {
        "r_max": largest,
        "layer_of_max": np.where(np.isnan(largest), -1, layer),
        "duplicate": (np.abs(r) > DUPLICATE).any(0),
    }


def _together(blocks: list[dict[str, np.ndarray]], n: int) -> Columns:
    """The blocks as one table in its order; each column of a block is let go of once it is copied."""
    corr, source, target = (
        np.concatenate([block[name] for block in blocks]) for name in ("corr", "src_idx", "dst_idx")
    )
    order = _order(corr, source, target, n)
    return {name: np.concatenate([block.pop(name) for block in blocks])[order] for name in list(blocks[0])}


def _order(
    corr: Float64[np.ndarray, " rows"],
    source: Int32[np.ndarray, " rows"],
    target: Int32[np.ndarray, " rows"],
    n: int,
) -> Int64[np.ndarray, " rows"]:
    """By falling score, NaN last; equal ones by source, then target. Few are equal, so these are put right after."""
    falling = -corr
    order = np.argsort(falling)
    ordered = falling[order]
    same = (ordered[1:] == ordered[:-1]) | (np.isnan(ordered[1:]) & np.isnan(ordered[:-1]))
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    rows = order[tied]
    order[tied] = rows[np.lexsort((source[rows].astype(np.int64) * n + target[rows], falling[rows]))]
    return order


def _itself(targets: slice, n: int) -> Bool[np.ndarray, "n targets"]:
    return np.arange(n)[:, None] == np.arange(n)[targets]
