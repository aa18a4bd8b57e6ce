"""Attention weights: the published ones, each with its edge, sample by sample as if each were alone."""

import dataclasses
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from artifacts.tiny import TinyData, TinySamples, random_split
from families.checkpoints import random_gat, reference_student
from families.graphs import REFERENCE, random_graph, reference_graphs, together, without_edges
from lab import ROOT

from assay.artifacts import attention_weights
from assay.artifacts.attention_weights import AttentionWeights, compute
from assay.errors import AssayError
from assay.families import gat
from assay.protocols import GraphBatch
from assay.store import formats

OPTIONS = {"split": "val", "max_samples": 50, "seed": 42}
CONVOLUTIONS = pytest.mark.parametrize("conv_type", ["gat", "gatv2", "transformer"])


def data_of(graphs) -> TinyData:
    return TinyData({"val": TinySamples("val", np.arange(len(graphs)), graphs)})


def alone(subject, graph: GraphBatch) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights and edges of every layer of one graph, as the subject gives them."""
    return [(layer.alpha.numpy(), layer.edge_index.numpy()) for layer in subject.attend(graph)]


def large_graph(seed: int) -> GraphBatch:
    """One graph of 24 nodes or more, in unconnected pieces."""
    pieces = together([random_graph(100 * seed + i) for i in range(8)])
    return dataclasses.replace(pieces, graph=torch.zeros_like(pieces.graph), n_graphs=1, y=pieces.y[:1])


def odd_graphs() -> list[GraphBatch]:
    """Of one node and of two, with loops, parallel edges and without an edge."""
    one, two = feature_rows(1), feature_rows(2)
    return [
        with_edges(one, []),
        with_edges(one, [(0, 0), (0, 0)]),
        with_edges(two, []),
        with_edges(two, [(0, 1)]),
        with_edges(two, [(1, 0), (0, 0), (1, 0), (0, 1), (1, 1)]),
        without_edges(random_graph(1)),
        random_graph(2),
    ]


def feature_rows(n: int) -> GraphBatch:
    graph = random_graph(n)
    return dataclasses.replace(graph, x=graph.x[:n], node_id=graph.node_id[:n], graph=graph.graph[:n])


def with_edges(graph: GraphBatch, pairs: list[tuple[int, int]]) -> GraphBatch:
    edges = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
    features = torch.randn(len(pairs), 3, generator=torch.Generator().manual_seed(0))
    return dataclasses.replace(graph, edge_index=edges, edge_attr=features)


@pytest.fixture(scope="module")
def published():
    return np.load(REFERENCE / "attention_gat_student.npz")


@pytest.fixture(scope="module")
def student_result() -> AttentionWeights:
    return compute(gat.load(*reference_student()), data_of(reference_graphs()), **OPTIONS)


@pytest.mark.parametrize("layer", [0, 1])
def test_weights_and_labels_are_the_published_ones_in_the_published_order(published, student_result, layer):
    assert published["n_samples"] == 10
    for i, sample in enumerate(student_result.samples[:10]):
        expected = published[f"sample_{i}_layer_{layer}_alpha"]
        np.testing.assert_allclose(sample.layers[layer].alpha, expected, rtol=0, atol=1e-5)
        assert sample.label == published[f"sample_{i}_label"]


def test_every_published_weight_has_its_edge_which_the_published_file_lacks(published, student_result):
    assert not any("edge_index" in name for name in published)
    for i, (sample, graph) in enumerate(
        zip(student_result.samples[:10], reference_graphs()[:10], strict=True)
    ):
        loops = np.tile(np.arange(len(graph.x)), (2, 1))
        source, target = graph.edge_index.numpy()
        edges = np.concatenate([graph.edge_index.numpy()[:, source != target], loops], axis=1)
        assert len(sample.layers) == 2
        for layer, weights in enumerate(sample.layers):
            np.testing.assert_array_equal(weights.edge_index, edges)
            assert edges.shape[1] == len(published[f"sample_{i}_layer_{layer}_alpha"])


def test_the_file_has_the_published_names_and_loads_back_equal(tmp_path, published, student_result):
    formats.save(student_result, tmp_path / "attention_weights.npz")
    with np.load(tmp_path / "attention_weights.npz") as file:
        assert set(published) <= set(file)
        assert file["sample_9_layer_1_edge_index"].dtype == np.int64
    loaded = formats.load(tmp_path / "attention_weights.npz", AttentionWeights)
    for got, expected in zip(loaded.samples, student_result.samples, strict=True):
        assert (got.index, got.label) == (expected.index, expected.label)
        np.testing.assert_array_equal(got.node_id, expected.node_id)
        for a, b in zip(got.layers, expected.layers, strict=True):
            np.testing.assert_array_equal(a.alpha, b.alpha)
            np.testing.assert_array_equal(a.edge_index, b.edge_index)


@CONVOLUTIONS
def test_a_sample_has_in_a_batch_the_bits_that_it_has_alone(conv_type):
    subject = random_gat(seed=0, conv_type=conv_type)
    graphs = [*odd_graphs(), *map(random_graph, range(20)), *map(large_graph, range(20))]
    for sample, graph in zip(compute(subject, data_of(graphs), **OPTIONS).samples, graphs, strict=True):
        for layer, (alpha, edge_index) in zip(sample.layers, alone(subject, graph), strict=True):
            np.testing.assert_array_equal(layer.alpha, alpha)
            np.testing.assert_array_equal(layer.edge_index, edge_index)


def test_more_samples_than_a_batch_holds_are_all_there_in_order():
    n = attention_weights.BATCH_SIZE + 3
    data, subject = TinyData({"val": random_split("val", n)}), random_gat(seed=2)
    result = compute(subject, data, **OPTIONS | {"max_samples": n})
    assert [sample.index for sample in result.samples] == list(range(n))
    for i in (0, n - 4, n - 3, n - 1):
        alpha, edge_index = alone(subject, data.whole["val"].graphs[i])[2]
        np.testing.assert_array_equal(result.samples[i].layers[2].alpha, alpha)
        np.testing.assert_array_equal(result.samples[i].layers[2].edge_index, edge_index)


def test_samples_are_drawn_from_the_whole_split_and_say_which_they_are():
    data, subject = TinyData({"val": random_split("val", 40)}), random_gat(seed=3)
    options = OPTIONS | {"max_samples": 6}
    result, graphs = compute(subject, data, **options), data.whole["val"].graphs
    drawn = [sample.index for sample in result.samples]
    assert drawn == data.draw(**options).index.tolist()
    assert drawn != list(range(6))
    assert result.n_samples == 6
    for sample in result.samples:
        assert sample.label == int(graphs[sample.index].y)
        np.testing.assert_array_equal(sample.node_id, graphs[sample.index].node_id)
        np.testing.assert_array_equal(sample.layers[0].edge_index, alone(subject, graphs[sample.index])[0][1])


def test_a_split_smaller_than_the_draw_is_taken_whole_in_order(student_result):
    assert student_result.n_samples == 40
    assert [sample.index for sample in student_result.samples] == list(range(40))
    assert (student_result.split, student_result.family, student_result.data) == ("val", "gat", "tiny")


def test_one_sample_of_one_node_gives_all_to_itself():
    (sample,) = compute(random_gat(seed=4), data_of(odd_graphs()[:1]), **OPTIONS).samples
    for layer in sample.layers:
        assert layer.alpha.tolist() == [[1, 1]]
        assert layer.edge_index.tolist() == [[0], [0]]


def test_samples_without_an_edge_have_their_loops_alone():
    graphs = [without_edges(random_graph(seed)) for seed in range(4)]
    for sample, graph in zip(
        compute(random_gat(seed=5), data_of(graphs), **OPTIONS).samples, graphs, strict=True
    ):
        for layer in sample.layers:
            np.testing.assert_array_equal(layer.edge_index, np.tile(np.arange(len(graph.x)), (2, 1)))
            assert (layer.alpha == 1).all()


def test_an_unknown_split_is_refused_with_those_that_exist():
    with pytest.raises(AssayError, match=r"no split 'tset'; they have val"):
        compute(random_gat(seed=6), data_of(odd_graphs()), **OPTIONS | {"split": "tset"})


def test_a_split_without_a_sample_is_refused():
    with pytest.raises(AssayError, match="split 'val' of 'tiny' has no sample"):
        compute(random_gat(seed=6), data_of([]), **OPTIONS)


def test_weights_that_are_not_finite_are_refused_by_layer():
    graphs = [random_graph(seed) for seed in range(5)]
    for i in (1, 3):
        graphs[i].x[0] = torch.inf
    with pytest.raises(
        AssayError, match=r"layer 0: 2 of 5 samples of split 'val' give weights .* not finite"
    ):
        compute(random_gat(seed=7), data_of(graphs), **OPTIONS)


@pytest.mark.parametrize("conv_type", ["gat", "gatv2"])
def test_fifty_samples_cost_at_most_an_eighth_of_the_published_loader_of_one_and_differ_in_no_bit(conv_type):
    command = [sys.executable, str(ROOT / "benchmarks/attention.py"), conv_type, "6", "14"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    share, difference = re.search(r"1/(\S+) +largest difference (\S+)", said).groups()
    assert float(share) >= 8
    assert float(difference) == 0
