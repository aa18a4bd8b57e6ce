"""Attention maps drawn: every head on one scale in multiples of equal shares, records and rollouts beside them."""

import numpy as np
import pytest
from figures.results import UNSAFE, attention_maps_result
from figures.test_every_figure import written
from matplotlib.axes import Axes

from assay.figures.attention_maps import draw, pages


def grid_of(figure) -> np.ndarray:
    """The mosaic of all heads."""
    (axes,) = [axes for axes in figure.findobj(Axes) if axes.get_xlabel() == "head" and not axes.get_title()]
    return axes.images[0].get_array().filled(np.nan), axes


def test_there_is_a_page_of_every_record_under_a_safe_name():
    result = attention_maps_result(3, 2, 2, record_id=np.array(["a/b", "a b", "c"]))
    assert [name for name, _ in pages(result)] == ["a_b", "a_b~2", "c"]


def test_each_heads_map_stands_in_its_place_in_multiples_of_equal_shares():
    result = attention_maps_result(2, 3, 4)
    figure = list(pages(result))[1][1]
    mosaic, axes = grid_of(figure)
    for layer in range(3):
        for head in range(4):
            cell = mosaic[4 * layer : 4 * layer + 3, 6 * head : 6 * head + 5]
            np.testing.assert_allclose(cell, 16 * result.cls_to_patches[1, layer, head], rtol=1e-6)
    assert np.isnan(mosaic[3]).all() and np.isnan(mosaic[:, 5]).all()
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "1", "2", "3"]
    assert axes.images[0].get_clim()[0] == 0


def test_without_a_class_token_the_grid_is_of_what_is_received_and_says_so():
    result = attention_maps_result(1, 2, 2, prefix=0)
    figure = next(pages(result))[1]
    np.testing.assert_allclose(grid_of(figure)[0][:3, :5], 15 * result.received[0, 0, 0], rtol=1e-6)
    assert "the tokens give, on average, to" in " ".join(figure.get_supxlabel().split())


def test_of_a_deep_network_the_last_layers_are_shown_by_their_numbers():
    figure = draw(attention_maps_result(1, 24, 16))
    _, axes = grid_of(figure)
    assert [text.get_text() for text in axes.get_yticklabels()] == [str(layer) for layer in range(12, 24)]
    assert len(axes.get_xticklabels()) == 12
    assert "The last 12 of 24 layers and the first 12 of 16 heads." in " ".join(
        figure.get_supxlabel().split()
    )


def test_entropies_are_the_mean_over_records_on_a_scale_from_0_to_1():
    result = attention_maps_result(4, 2, 3)
    (table,) = [axes for axes in draw(result).findobj(Axes) if axes.get_title().startswith("entropy")]
    np.testing.assert_allclose(table.images[0].get_array(), result.entropy.mean(0), rtol=1e-5)
    assert table.images[0].get_clim() == (0, 1)


def test_a_rollout_is_scaled_to_its_largest_and_lies_over_the_record():
    result = attention_maps_result(1, 2, 2)
    (rollout,) = [axes for axes in next(pages(result))[1].findobj(Axes) if axes.get_title() == "rollout"]
    assert rollout.images[1].get_clim() == (0, pytest.approx(result.rollout[0].max()))
    assert rollout.images[1].get_extent() == [-0.5, 39.5, 23.5, -0.5]


@pytest.mark.parametrize(("grid", "layers", "heads"), [((3, 5), 2, 3), ((20,), 2, 2), ((12, 2), 12, 12)])
def test_texts_of_pages_stand_apart_and_inside(grid, layers, heads):
    result = attention_maps_result(1, layers, heads, grid=grid, record_id=np.array([UNSAFE]))
    for _, figure in pages(result):
        boxes = [box for _, box in written(figure)]
        page = figure.bbox.padded(1.5)
        assert all(page.contains(*box.min) and page.contains(*box.max) for box in boxes)
        for i, one in enumerate(boxes):
            assert not any(one.padded(-1.5).overlaps(other.padded(-1.5)) for other in boxes[:i])
