"""Attention drawn: entropies against a count by hand, every edge once, and no more than can be told apart."""

import math
import re
from collections import defaultdict

import numpy as np
import pytest
from figures.results import attention_result, softmax_layer
from matplotlib.collections import LineCollection, QuadMesh

from assay.artifacts.attention_weights import AttentionWeights, LayerAttention, SampleAttention
from assay.figures.attention_weights import MOST_EDGES, MOST_NODES, draw

FORK = np.array([[0, 1, 2, 2], [2, 2, 2, 0]])  # three edges, one a loop, enter node 2; one enters node 0


def result_of(*samples: LayerAttention) -> AttentionWeights:
    members = tuple(
        SampleAttention(i, 0, np.arange(layer.edge_index.max() + 1), (layer,))
        for i, layer in enumerate(samples)
    )
    return AttentionWeights(len(members), members, split="val", family="gat", data="can")


def weights(*columns: list[float], edges: np.ndarray = FORK) -> LayerAttention:
    return LayerAttention(np.array(columns, dtype=np.float32).T, edges)


def entropies(figure) -> np.ndarray:
    return np.ma.filled(panels(figure, "entropy")[0].images[0].get_array(), np.nan)


def panels(figure, title: str) -> list:
    return [axes for axes in figure.axes if axes.get_title().startswith(title)]


def counted(result: AttentionWeights, layer: int, head: int) -> float:
    """The mean over nodes with a choice of entropy / log(degree), edge by edge."""
    ratios = []
    for sample in result.samples:
        entering = defaultdict(list)
        for e, target in enumerate(sample.layers[layer].edge_index[1].tolist()):
            entering[target].append(float(sample.layers[layer].alpha[e, head]))
        for shares in entering.values():
            if len(shares) > 1:
                entropy = -math.fsum(share * math.log(share) for share in shares if share > 0)
                ratios.append(entropy / math.log(len(shares)))
    return math.fsum(ratios) / len(ratios)


def test_uniform_attention_has_entropy_1_and_a_single_edge_0():
    third = 1 / 3
    figure = draw(result_of(weights([third, third, third, 1], [0, 0, 1, 1])))
    assert entropies(figure) == pytest.approx(np.array([[1, 0]]), abs=1e-6)


def test_entropies_are_those_counted_edge_by_edge():
    result = attention_result(4, layers=2, heads=3)
    expected = [[counted(result, layer, head) for head in range(3)] for layer in range(2)]
    assert entropies(draw(result)) == pytest.approx(np.array(expected), abs=1e-6)


def test_nodes_of_different_samples_are_different_nodes():
    half = weights([0.5, 0.25, 0.25, 1])
    assert entropies(draw(result_of(half, half))) == pytest.approx(entropies(draw(result_of(half))), abs=1e-6)


def test_nodes_without_a_choice_have_no_entropy():
    loops = weights([1, 1], edges=np.array([[0, 1], [0, 1]]))
    assert np.isnan(entropies(draw(result_of(loops)))).all()


def test_layers_may_differ_in_heads():
    edges = FORK
    stack = tuple(softmax_layer(edges, heads, sharpness=1, seed=heads) for heads in (4, 1))
    result = AttentionWeights(1, (SampleAttention(0, 1, np.arange(3), stack),), "val", "gat", "can")
    table = entropies(draw(result))
    assert table.shape == (2, 4)
    assert np.isnan(table).tolist() == [[False] * 4, [False, True, True, True]]


def test_every_head_has_a_panel_that_counts_every_edge_that_has_a_choice():
    result = result_of(weights([0.5, 0.25, 0.25, 1], [0, 0, 1, 1]))
    drawn = panels(draw(result), "layer 0, head ")
    assert len(drawn) == 2
    for panel in drawn:
        (mesh,) = [artist for artist in panel.collections if isinstance(artist, QuadMesh)]
        assert mesh.get_array().sum() == 3  # weights of 0 stand at the lower end


def test_uniform_weights_lie_on_the_diagonal():
    edges = np.array([[0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 1, 1]])
    result = result_of(weights([1 / 2] * 2 + [1 / 4] * 4, edges=edges))
    (panel,) = panels(draw(result), "layer 0")
    (mesh,) = [artist for artist in panel.collections if isinstance(artist, QuadMesh)]
    corners = mesh.get_coordinates()
    for row, column in np.argwhere(np.ma.filled(mesh.get_array(), 0) > 0):
        (left, low), (right, high) = corners[row, column], corners[row + 1, column + 1]
        assert left <= high
        assert low <= right


def test_the_graph_has_every_edge_and_stronger_ones_are_wider():
    result = result_of(weights([0.6, 0.3, 0.1, 1]))
    (head,) = panels(draw(result), "head 0")
    (lines,) = [artist for artist in head.collections if isinstance(artist, LineCollection)]
    assert len(lines.get_segments()) == 4
    assert np.argsort(lines.get_linewidths()).tolist() == [2, 1, 0, 3]
    there, back = lines.get_segments()[0], lines.get_segments()[3]
    assert there[0] == pytest.approx(back[-1])
    assert there[-1] == pytest.approx(back[0])
    assert not np.allclose(there, back[::-1])


def test_a_loop_leaves_its_node_and_comes_back_outside_the_circle():
    (head,) = panels(draw(result_of(weights([0.6, 0.3, 0.1, 1]))), "head 0")
    loop = head.collections[0].get_segments()[2]
    assert loop[0] == pytest.approx(loop[-1])
    assert np.linalg.norm(loop, axis=1).min() >= 1 - 1e-9


@pytest.mark.parametrize("size", [{"nodes": MOST_NODES + 1, "edges": 9}, {"nodes": 20, "edges": MOST_EDGES}])
def test_a_graph_of_too_many_nodes_or_edges_is_not_drawn_and_says_so(size):
    figure = draw(attention_result(1, **size))
    assert not panels(figure, "head")
    assert any("Too many to tell apart" in text.get_text() for axes in figure.axes for text in axes.texts)


def test_panels_of_many_heads_and_layers_are_cut_and_it_is_said():
    figure = draw(attention_result(1, layers=10, heads=16))
    cut = [axes for axes in figure.axes if re.fullmatch(r"[0-3], [0-7]", axes.get_title())]
    assert (len(panels(figure, "head ")), len(cut)) == (8, 4 * 8)
    assert "Panels of the first 4 of 10 layers and the first 8 of 16 heads." in figure.get_supxlabel()
    assert "heads 0 to 7 of 16" in figure.subfigs[2].get_suptitle()
    assert entropies(figure).shape == (10, 16)


def test_no_sample_and_no_edge_are_said():
    bare = LayerAttention(np.zeros((0, 2), np.float32), np.zeros((2, 0), np.int64))
    empty = AttentionWeights(1, (SampleAttention(0, 0, np.arange(3), (bare,)),), "val", "gat", "can")
    for result, reason in ((attention_result(0), "No sample."), (empty, "No edge in any sample.")):
        assert draw(result).axes[0].texts[0].get_text() == reason
