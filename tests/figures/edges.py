"""Edge scores and their recovery, made by hand, to draw."""

import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from artifacts.traces import Recorded, RowData, noise
from numerics.edges.planted import planted

from assay.artifacts import edge_recovery, edge_scores
from assay.artifacts.edge_recovery import EdgeRecovery
from assay.artifacts.edge_scores import EdgeScores
from assay.catalog import ARTIFACTS
from assay.errors import ResultWarning

SCORES, RECOVERY = (
    {name: option.default for name, option in ARTIFACTS[artifact].options.items()}
    for artifact in ("edge_scores", "edge_recovery")
)


def edge_scores_result(
    n: int, *, names: Sequence[str] = (), everything: bool = False, family: str = "echo", **options
) -> EdgeScores:
    """Of a network of n functions; `everything`: between which there are all edges."""
    activation, gradient = noise(3, 30, n)
    edges = np.argwhere(np.ones((n, n)) if everything else np.eye(n, k=1)).T
    network = Recorded(
        activation, gradient, names or [f"f{i}" for i in range(n)], edges, np.arange(n), family
    )
    return edge_scores.compute(network, RowData(30, name="can"), **SCORES | options)


def edge_recovery_result(n: int, *, family: str = "echo", data: str = "can", **options) -> EdgeRecovery:
    """Of a network of n functions with planted edges."""
    case = planted(0, n=n, samples=60)
    network = Recorded(
        case.activation,
        case.gradient,
        [f"f{i}" for i in range(n)],
        np.argwhere(case.network).T,
        np.arange(n),
        family,
    )
    held_out = [(f"f{source}", f"f{target}") for source, target in case.held_out.T.tolist()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)
        return edge_recovery.compute(network, RowData(60, held_out, name=data), **RECOVERY | options)


def without_graphs(result: EdgeRecovery) -> EdgeRecovery:
    """The same where no graph of the same degrees could be drawn, and no score is known of one positive."""
    metrics = {
        name: replace(metric, degree_preserving=None, above_degree_preserving=None)
        for name, metric in result.metrics.items()
    }
    reason = {"degree_preserving": "needs 10 swaps an edge, and 0.1 were possible: other edges are too few"}
    return replace(result, metrics=metrics, undefined=reason, n_missing=1)
