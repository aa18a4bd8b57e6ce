"""Scaling by benign training graphs."""

import numpy as np
import pytest
from data.random_graphs import random_graphs

from assay.data.can_scaler import fitted_scaler
from assay.errors import AssayError


def train(seed=0):
    return random_graphs(seed, n_features=35, n_edge_features=11)


def benign_nodes(graphs):
    return graphs.x[np.repeat(graphs.y, np.diff(graphs.node_ptr)) == 0].astype(np.float64)


def test_z_benign_gives_benign_features_mean_zero_and_deviation_one():
    x = benign_nodes(fitted_scaler("z_benign", train())(train()))
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-6)


def test_robust_benign_gives_median_zero_and_a_middle_half_of_width_one():
    x = benign_nodes(fitted_scaler("robust_benign", train())(train()))
    low, middle, high = np.percentile(x, (25, 50, 75), axis=0, method="linear")
    np.testing.assert_allclose(middle, 0, atol=1e-6)
    np.testing.assert_allclose(high - low, 1, atol=1e-6)


def test_none_changes_nothing():
    np.testing.assert_array_equal(fitted_scaler("none", train())(train()).x, train().x)


def test_labels_and_edges_are_left_alone():
    scaled = fitted_scaler("z_benign", train())(train())
    for name in ("edge_index", "node_id", "y", "node_ptr", "edge_ptr"):
        np.testing.assert_array_equal(getattr(scaled, name), getattr(train(), name))


@pytest.mark.parametrize("kind", ["z_benign", "robust_benign"])
def test_a_column_that_is_constant_in_benign_data_is_only_centred(kind):
    graphs = train()
    attacked = np.repeat(graphs.y, np.diff(graphs.node_ptr)) > 0
    graphs.x[:, 24] = np.where(attacked, 5.1, 0.1)
    scaler = fitted_scaler(kind, graphs)
    np.testing.assert_allclose(scaler(graphs).x[:, 24], np.where(attacked, 5, 0), atol=1e-6)
    assert scaler.facts()["x"]["only_centred"] == ["msg_count"]
    assert scaler.facts()["x"]["scale"][24] == 1
    assert scaler.facts()["edge_attr"]["only_centred"] == []


def test_an_unknown_kind_is_told_which_there_are():
    with pytest.raises(AssayError, match="'z' is unknown; allowed: z_benign, robust_benign, none"):
        fitted_scaler("z", train())
