"""The published ranking of known edges, which the table of edge tests holds all numbers of."""

import csv

import numpy as np
import pytest
from artifacts.edges import REFERENCE, edge_tests, reference_network

from assay.artifacts.edge_tests import EdgeTests


def published_ranking(result: EdgeTests) -> dict[tuple[str, str], tuple[float, float, int]]:
    """Score, rank and number of candidates of every known edge, all sources of its target being candidates."""
    table = list(zip(result.src.rows(), result.dst.rows(), result.corr, result.has_edge, strict=True))
    found = {}
    for source, target, score, known in table:
        if known:
            rivals = [other for _, to, other, _ in table if to == target and not np.isnan(other)]
            rank = np.nan if np.isnan(score) else 1 + sum(other > score for other in rivals)
            found[source, target] = (score, rank, len(rivals))
    return found


@pytest.mark.parametrize("score", ["corr", "partial"])
@pytest.mark.parametrize("reduction", ["l1", "l2"])
def test_the_published_ranking_of_known_edges_follows_from_the_table(reduction, score):
    with (REFERENCE / f"rank_bs100_{reduction}_pre_{score}_mean.csv").open() as file:
        published = {(row["src_func"], row["dst_func"]): row for row in csv.DictReader(file)}
    ranked = published_ranking(edge_tests(reference_network(), reduction=reduction, score=score))
    assert ranked.keys() == published.keys()
    for edge, (corr, rank, n_candidates) in ranked.items():
        row = published[edge]
        np.testing.assert_allclose(corr, float(row["score"] or "nan"), rtol=0, atol=5e-5)
        np.testing.assert_equal(rank, float(row["rank"] or "nan"))
        assert n_candidates == int(row["n_candidates"])
