"""Picking, batching and drawing graphs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from data.random_graphs import random_graphs

from assay.data.collated import Collated, open_data
from assay.errors import AssayError

INDEX = [np.array([3]), np.array([0, 1, 2]), np.array([11, 4, 4, 0]), np.arange(12), np.arange(0)]


def one_graph(graphs, g):
    nodes = slice(graphs.node_ptr[g], graphs.node_ptr[g + 1])
    edges = slice(graphs.edge_ptr[g], graphs.edge_ptr[g + 1])
    return graphs.x[nodes], graphs.node_id[nodes], graphs.edge_index[:, edges], graphs.edge_attr[edges]


@pytest.mark.parametrize("index", INDEX)
def test_selected_graphs_are_the_graphs_one_by_one(index):
    graphs = random_graphs()
    picked = graphs.select(index)
    assert len(picked) == len(index)
    for place, g in enumerate(index):
        for ours, expected in zip(one_graph(picked, place), one_graph(graphs, g), strict=True):
            np.testing.assert_array_equal(ours, expected)
    for name in ("y", "attack_type", "graph_wid", "record_id", "time"):
        np.testing.assert_array_equal(getattr(picked, name), getattr(graphs, name)[index])


def test_what_is_unknown_stays_unknown():
    bare = replace(random_graphs(), attack_type=None, graph_wid=None, record_id=None, time=None)
    assert bare.select(np.array([1, 2])).time is None
    assert set(bare.arrays()) == {"x", "edge_index", "edge_attr", "node_id", "y", "node_ptr", "edge_ptr"}
    assert Collated.from_arrays(bare.arrays()).record_id is None


def test_a_batch_is_its_graphs_side_by_side():
    graphs = random_graphs()
    batch = graphs.batch("cpu")
    offset = 0
    assert batch.n_graphs == 12
    for g in range(12):
        x, node_id, edge_index, edge_attr = one_graph(graphs, g)
        of_graph = batch.graph == g
        of_edge = of_graph[batch.edge_index[1]]
        np.testing.assert_array_equal(batch.x[of_graph], x)
        np.testing.assert_array_equal(batch.node_id[of_graph], node_id)
        np.testing.assert_array_equal(batch.edge_index[:, of_edge] - offset, edge_index)
        np.testing.assert_array_equal(batch.edge_attr[of_edge], edge_attr)
        offset += len(x)
    assert batch.y.tolist() == graphs.y.tolist()


def test_a_batch_has_its_own_memory():
    graphs = random_graphs()
    graphs.x.setflags(write=False)
    before = graphs.x.copy()
    graphs.batch("cpu").x.zero_()
    np.testing.assert_array_equal(graphs.x, before)


def test_arrays_and_back_give_the_same_graphs():
    graphs = random_graphs()
    arrays = graphs.arrays()
    assert arrays["record_id"].dtype == np.uint8
    again = Collated.from_arrays(arrays)
    assert again.record_id.tolist() == graphs.record_id.tolist()
    for name, array in again.arrays().items():
        np.testing.assert_array_equal(array, arrays[name])


def data(n=12):
    graphs = {"train": random_graphs(1, n=5).arrays(), "val": random_graphs(n=n).arrays()}
    return open_data(
        "demo", graphs.__getitem__, splits=("train", "val"), attack_names={0: "benign"}, device="cpu"
    )


@pytest.mark.parametrize("max_samples", [None, 12, 500])
def test_a_draw_of_all_is_the_split_in_order(max_samples):
    samples = data().draw("val", max_samples=max_samples, seed=1)
    assert samples.index.tolist() == list(range(12))
    assert samples.record_id.tolist() == random_graphs().record_id.tolist()


def test_a_draw_is_decided_by_its_seed_ascends_and_repeats_nothing():
    drawn = [data(1000).draw("val", max_samples=100, seed=seed).index for seed in (1, 1, 2)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    assert (np.diff(drawn[0]) > 0).all()
    expected = np.sort(np.random.default_rng(1).choice(1000, 100, replace=False))
    np.testing.assert_array_equal(drawn[0], expected)


def test_samples_carry_the_facts_of_their_graphs():
    samples, graphs = data().draw("val", max_samples=7, seed=3), random_graphs()
    assert (len(samples), samples.split) == (7, "val")
    np.testing.assert_array_equal(samples.labels, graphs.y[samples.index])
    np.testing.assert_array_equal(samples.attack_type, graphs.attack_type[samples.index])
    np.testing.assert_array_equal(samples.record_id, graphs.record_id[samples.index])
    np.testing.assert_array_equal(samples.time, graphs.time[samples.index])


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_batches_are_the_draw_in_order_whatever_their_size(size):
    samples = data().draw("val", max_samples=7, seed=3)
    batches = list(samples.batches(size))
    whole = random_graphs().select(samples.index).batch("cpu")
    assert [batch.n_graphs for batch in batches][:-1] == [size] * (len(batches) - 1)
    assert torch.equal(torch.cat([batch.x for batch in batches]), whole.x)
    assert torch.equal(torch.cat([batch.y for batch in batches]), whole.y)


def test_only_the_split_that_is_drawn_from_is_read():
    read = []

    def load(split):
        read.append(split)
        return random_graphs().arrays()

    source = open_data("demo", load, splits=("train", "val"), attack_names={}, device="cpu")
    assert read == []
    source.draw("val", max_samples=None, seed=0)
    assert read == ["val"]


def test_an_unknown_split_is_told_which_there_are():
    with pytest.raises(AssayError, match="data demo has no split 'test'; it has: train, val") as caught:
        data().draw("test", max_samples=None, seed=0)
    assert caught.value.exit_code == 1


def test_counts_are_of_graphs_nodes_edges_labels_and_the_attacks_of_attack_graphs():
    graphs = random_graphs()
    attacks = graphs.attack_type[graphs.y == 1]
    counts = graphs.counts()
    assert (counts["n_graphs"], counts["n_nodes"]) == (12, len(graphs.x))
    assert counts["n_edges"] == graphs.edge_index.shape[1]
    assert counts["labels"] == {"0": 8, "1": 4}
    assert counts["attack_types"] == {str(code): int((attacks == code).sum()) for code in np.unique(attacks)}
