"""Edge tests drawn: the rows of smallest p, each tested pair once, and the counts that the file holds."""

import dataclasses

import numpy as np
import pytest
from figures.results import edge_tests_result

from assay.figures.edge_tests import CALLED, HIGHEST, POINTS, SHOWN, draw


def panel(figure, start: str):
    (found,) = [axes for axes in figure.axes if axes.get_title().startswith(start)]
    return found


def table(figure) -> list[list[str]]:
    """The texts of each row from left to right; the heads first."""
    rows: dict[float, list[tuple[float, str]]] = {}
    for text in figure.axes[0].texts:
        rows.setdefault(text.get_position()[1], []).append((text.get_position()[0], text.get_text()))
    return [[text for _, text in sorted(rows[height])] for height in sorted(rows)]


def points(axes) -> np.ndarray:
    drawn = [np.column_stack([line.get_xdata(), line.get_ydata()]) for line in axes.lines]
    return np.concatenate([np.empty((0, 2)), *drawn])


def notes(figure) -> str:
    return " ".join(figure.get_supxlabel().split())


def test_the_table_is_the_tested_pairs_of_smallest_p():
    result = edge_tests_result()
    heads, *rows = table(draw(result))
    assert heads == ["source", "target", "corr", "z", "p", "q", "adjusted q"]
    assert len(rows) == SHOWN
    order = np.argsort(np.where(result.tested, result.p, 2))[:SHOWN]
    assert [row[1:3] for row in rows] == [[f"f{result.src_idx[i]}", f"f{result.dst_idx[i]}"] for i in order]
    assert rows[0][:4] == ["1", "f0", "f1", f"{result.corr[order[0]]:.3f}"]
    assert rows[1][5] == f"{result.p[order[1]]:.1e}".replace("-", "\N{MINUS SIGN}")


def test_every_tested_pair_is_one_point_at_its_score_and_p():
    result = edge_tests_result()
    found = points(panel(draw(result), "each tested pair"))
    expected = np.column_stack([result.corr, -np.log10(result.p)])[result.tested]
    assert len(found) == result.m
    assert sorted(map(tuple, found.round(9))) == sorted(map(tuple, expected.round(9)))


def test_what_is_called_is_told_from_the_rest_and_from_what_all_functions_share():
    result = edge_tests_result()
    names = [line.get_label() for line in panel(draw(result), "each").lines]
    assert names[1:] == ["q and adjusted q up to 0.1"]
    shared = dataclasses.replace(result, q_adjusted=np.ones_like(result.q))
    assert [line.get_label() for line in panel(draw(shared), "each").lines][1:] == ["q up to 0.1"]


def test_of_many_called_pairs_the_highest_stay():
    result = edge_tests_result(k=70)
    result = dataclasses.replace(result, q=np.where(result.tested, CALLED / 2, np.nan), q_adjusted=None)
    found = points(panel(draw(result), "each"))
    highest = np.sort(-np.log10(result.p[result.tested]))[::-1]
    assert HIGHEST < len(found) < POINTS + HIGHEST < result.m
    np.testing.assert_allclose(np.sort(found[:, 1])[::-1][:HIGHEST], highest[:HIGHEST])


def test_many_others_are_a_density_of_all_of_them():
    result = edge_tests_result(k=70)
    axes = panel(draw(result), "each")
    (mesh,) = axes.collections
    assert len(points(axes)) == (result.q <= CALLED).sum()
    assert mesh.get_array().count() > 100


@pytest.mark.parametrize("k", [12, 70])
def test_a_tested_pair_without_a_score_is_no_point(k):
    result = edge_tests_result(k=k)
    corr = result.corr.copy()
    corr[np.flatnonzero(result.tested)[[0, -1]]] = np.nan  # one that is called, and one that is not
    axes = panel(draw(dataclasses.replace(result, corr=corr)), "each")
    assert np.isfinite(points(axes)).all()
    assert len(points(axes)) == (result.m - 2 if k == 12 else (result.q <= CALLED).sum() - 1)


def test_bars_are_the_counts_of_all_tests_and_the_line_what_chance_gives():
    result = edge_tests_result(keep_p=0.05)
    axes = panel(draw(result), "p of all 131 tests")
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == np.reshape(result.p_histogram, (20, 5)).sum(1).tolist()
    assert sum(heights) == result.m == 131 > len(result.p)
    assert axes.lines[0].get_ydata()[0] == pytest.approx(131 / 20)


def test_q_above_what_is_kept_is_said_to_be_above():
    result = edge_tests_result(keep_p=0.05)
    rows = table(draw(result))[1:]
    assert rows[-1][6] == "> 0.05"
    assert table(draw(edge_tests_result(p_method="published")))[1][7] == "\N{EN DASH}"


def test_notes_say_how_p_came_about_what_was_not_tested_and_what_was_kept():
    said = notes(draw(edge_tests_result(keep_p=0.05)))
    assert "Pairs with q up to 0.1: 1; without what all functions share (adjusted q): 1." in said
    assert "exact moments of permutations; with samples permuted" in said
    assert "Not tested: existing edge: 1." in said
    assert "keeps the pairs with p up to 0.05" in said
    published = notes(draw(edge_tests_result(p_method="published", score="partial", layer_agg="max")))
    assert "Fisher's z, as published" in published
    assert (
        "partial correlation given the target's parents of magnitudes (l1), value of the layer" in published
    )


def test_where_nothing_is_tested_it_says_so():
    figure = draw(edge_tests_result(n=12))
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert said == ["no pair was tested", "no p to draw", "no p to count"]
    assert "target varies in fewer than 20 samples" in notes(figure) or "source varies" in notes(figure)
    assert "no pair has a p that was kept" in [
        text.get_text() for axes in draw(edge_tests_result(keep_p=1e-300)).axes for text in axes.texts
    ]
