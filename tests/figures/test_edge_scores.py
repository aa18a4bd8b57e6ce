"""Edge scores drawn: the highest new edges in order, and which pairs are edges already."""

import numpy as np
import pytest
from figures.edges import edge_scores_result
from matplotlib.collections import LineCollection

from assay.figures.edge_scores import MOST_FUNCTIONS, MOST_ROWS, draw


def points(axes, label: str) -> np.ndarray:
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(line.get_xdata())


def rows(axes) -> list[str]:
    return [text.get_text() for text in axes.get_yticklabels()]


def test_rows_are_the_highest_scores_that_are_no_edge_and_no_loop():
    result = edge_scores_result(6)
    open_pairs = ~(result.existing | np.eye(6, dtype=bool))
    expected = sorted(zip(-result.W[open_pairs], map(tuple, np.argwhere(open_pairs).tolist()), strict=True))
    axes = draw(result).axes[0]
    np.testing.assert_allclose(points(axes, "W"), [-score for score, _ in expected][:MOST_ROWS])
    assert rows(axes) == [f"f{i} \N{RIGHTWARDS ARROW} f{j}" for _, (i, j) in expected][:MOST_ROWS]
    np.testing.assert_allclose(
        points(axes, "expected without evidence"), [result.expected[pair] for _, pair in expected][:MOST_ROWS]
    )


def test_a_bootstrap_has_a_line_from_its_low_to_its_high_percentile():
    result = edge_scores_result(3, estimate=True)
    axes = draw(result).axes[0]
    (lines,) = [found for found in axes.collections if isinstance(found, LineCollection)]
    pairs = [tuple(int(name[1:]) for name in row.split(" \N{RIGHTWARDS ARROW} ")) for row in rows(axes)]
    ends = np.array(lines.get_segments())[:, :, 0]
    np.testing.assert_allclose(ends, [[result.W_low[pair], result.W_high[pair]] for pair in pairs])
    assert not draw(edge_scores_result(3)).axes[0].collections


def test_edges_of_the_network_are_squares_and_colours_are_the_same_above_and_below_0():
    result = edge_scores_result(5)
    heat = draw(result).axes[1]
    np.testing.assert_array_equal(heat.images[0].get_array(), result.W)
    low, high = heat.images[0].get_clim()
    assert -low == high == np.abs(result.W).max()
    (squares,) = heat.lines
    assert sorted(zip(squares.get_ydata(), squares.get_xdata(), strict=True)) == list(
        map(tuple, np.argwhere(result.existing).tolist())
    )


def test_of_many_functions_those_of_the_first_rows_are_shown():
    result = edge_scores_result(MOST_FUNCTIONS + 30)
    left, heat, *_ = draw(result).axes
    shown = [text.get_text() for text in heat.get_yticklabels()]
    assert len(shown) == MOST_FUNCTIONS
    first = [name for row in rows(left)[:10] for name in row.split(" \N{RIGHTWARDS ARROW} ")]
    assert set(first) <= set(shown)
    assert heat.get_title() == "W between 30 of 60 functions"


def test_functions_that_never_vary_are_counted():
    result = edge_scores_result(4)
    result.source_varies[:2] = False
    notes = " ".join(draw(result).get_supxlabel().split())
    assert "Constant, so 0: 2 functions as sources, 0 as targets." in notes
    assert "Constant" not in draw(edge_scores_result(4)).get_supxlabel()


@pytest.mark.parametrize("n", [1, 3])
def test_nothing_new_is_said(n):
    (axes,) = draw(edge_scores_result(max(n, 1), everything=True)).axes
    assert " ".join(axes.texts[0].get_text().split()).startswith("Every pair of functions is an edge")
