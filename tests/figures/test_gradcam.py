"""Class activation maps drawn: each map over its record, none without evidence, and no certainty from colour."""

import numpy as np
import pytest
from figures.results import UNSAFE, gradcam_result
from figures.test_every_figure import written
from matplotlib.axes import Axes
from matplotlib.colors import Normalize

from assay.figures.gradcam import draw, pages


def titles(figure) -> list[str]:
    return [axes.get_title() for axes in figure.findobj(Axes)]


def heats(axes) -> list[np.ndarray]:
    """The arrays of the maps, which alone are drawn see-through or in the colours of the scale."""
    return [image.get_array() for image in axes.images if image.get_cmap().name == "cividis"]


def of_page(result, i: int, j: int):
    """The three panels of a page: record, map, map over the record."""
    drawn = list(pages(result))
    return drawn[i * result.map.shape[1] + j][1].axes[:3]


def test_there_is_a_page_of_every_record_and_class_under_safe_names():
    assert [name for name, _ in pages(gradcam_result(2, 3))] == [
        f"record_{i}/class_{k}" for i in range(2) for k in range(3)
    ]


def test_classes_that_are_named_alike_and_repeated_predictions_keep_pages_of_their_own():
    result = gradcam_result(1, 3, classes=np.array([[1, 0, 1]]), class_names=np.array(["a b", "a/b"]))
    assert [name for name, _ in pages(result)] == ["record_0/a_b", "record_0/a_b~2", "record_0/a_b~3"]


def test_a_page_holds_the_record_its_map_and_the_map_over_it():
    result = gradcam_result(2, 3)
    record, heat, over = of_page(result, 1, 0)
    np.testing.assert_array_equal(record.images[0].get_array(), result.image[1].transpose(1, 2, 0))
    np.testing.assert_array_equal(heats(heat)[0], result.map[1, 0])
    np.testing.assert_array_equal(heats(over)[0], result.map[1, 0])
    assert heat.images[0].get_clim() == over.images[-1].get_clim() == (0, 1)


def test_weak_evidence_is_see_through_over_a_record_and_none_is_invisible():
    result = gradcam_result(1, 2)
    over = of_page(result, 0, 0)[2]
    alpha = over.images[-1].get_alpha()
    np.testing.assert_allclose(alpha, 0.7 * result.map[0, 0], rtol=0, atol=1e-6)


def test_a_map_of_the_layers_size_is_stretched_over_the_whole_record():
    result = gradcam_result(1, 2)
    small = gradcam_result(1, 2, map=result.raw.clip(0, 1))
    for one in (result, small):
        over = of_page(one, 0, 0)[2]
        assert over.images[-1].get_extent() == [-0.5, 31.5, 23.5, -0.5]


def test_a_map_without_evidence_is_words_and_no_colour():
    result = gradcam_result(1, 2)
    assert not result.evidence[0, 1]
    _, heat, over = of_page(result, 0, 1)
    assert not heats(heat) and not heats(over)
    assert heat.texts[0].get_text() == "no positive evidence"
    assert over.get_xlabel() == "no positive evidence"
    overview = [axes for axes in draw(result).findobj(Axes) if axes.get_title().startswith("class 1")]
    assert [axes.get_xlabel() for axes in overview] == ["no positive evidence"]
    assert not heats(overview[0])


def test_a_page_says_score_prediction_and_label():
    result = gradcam_result(3, 2, score=np.array([[-0.004, 2.5]] * 3, np.float32))
    notes = [" ".join(figure.get_supxlabel().split()) for _, figure in pages(result)]
    assert "Logit 0.00. The model predicts class 0. Its label is not known." in notes[0]
    assert "Logit 2.50. The model predicts class 0. Its label is class 0." in notes[3]
    assert "Its label is class 1." in notes[4]


def test_the_overview_puts_the_likeliest_classes_first_and_counts_the_rest():
    score = np.array([[0.1, 3, -1, 2, 0.5, 9, -2]] * 6, np.float32)
    figure = draw(gradcam_result(6, 7, score=score))
    shown = [title for title in titles(figure) if title.startswith("class")]
    assert shown[:5] == ["class 5 9.00", "class 1 3.00", "class 3 2.00", "class 4 0.50", "class 0 0.10"]
    assert len(shown) == 4 * 5
    assert "The first 4 of 6 records, and of each its 5 likeliest of 7 classes." in " ".join(
        figure.get_supxlabel().split()
    )


def test_what_is_shown_whole_is_not_called_a_part():
    assert "The first" not in draw(gradcam_result(2, 3)).get_supxlabel()


def test_the_sanity_of_every_map_is_drawn_with_its_mean_and_the_threshold():
    result = gradcam_result(2, 3)
    result.sanity[0, 0] = np.nan
    (check,) = [axes for axes in draw(result).findobj(Axes) if axes.get_ylabel() == "rank correlation"]
    black = next(line for line in check.lines if line.get_label() == "mean")
    np.testing.assert_allclose(black.get_ydata(), np.nanmean(result.sanity, (0, 1)))
    assert [line.get_ydata()[0] for line in check.lines if line.get_linestyle() == "--"] == [0.5]
    assert check.get_ylim() == (-1.05, 1.05)


def test_the_scale_of_colours_is_perceptually_uniform_and_has_a_bar():
    figure = draw(gradcam_result(1, 2))
    bars = [axes for axes in figure.findobj(Axes) if axes.get_ylabel() == "positive evidence in its map"]
    assert len(bars) == 1
    page = next(pages(gradcam_result(1, 2)))[1]
    assert page.axes[-1].get_xlabel() == "positive evidence"
    norm = page.axes[1].images[0].norm
    assert isinstance(norm, Normalize) and page.axes[1].images[0].get_cmap().name == "cividis"


@pytest.mark.parametrize(("space", "channels"), [((200,), 3), ((12, 400), 1), ((24, 32), 2), ((6, 6, 6), 1)])
def test_pages_of_every_kind_of_record_have_their_texts_apart_and_inside(space, channels):
    changed = {"record_id": np.array([UNSAFE]), "class_names": np.array([UNSAFE, UNSAFE])}
    for _, figure in pages(gradcam_result(1, 2, space=space, channels=channels, **changed)):
        boxes = [box for _, box in written(figure)]
        page = figure.bbox.padded(1.5)
        assert all(page.contains(*box.min) and page.contains(*box.max) for box in boxes)
        for i, one in enumerate(boxes):
            assert not any(one.padded(-1.5).overlaps(other.padded(-1.5)) for other in boxes[:i])


def test_a_signal_is_a_line_a_channel_with_its_map_behind():
    over = of_page(gradcam_result(1, 2, space=(200,), channels=3), 0, 0)[2]
    assert len(over.lines) == 3
    assert heats(over)[0].shape == (1, 200)
    assert over.images[0].get_zorder() < over.lines[0].get_zorder()
    assert over.get_aspect() == "auto"


def test_values_beyond_0_and_1_are_stretched_and_others_are_shown_as_they_are():
    result = gradcam_result(1, 2, channels=1)
    as_it_is = of_page(result, 0, 0)[0].images[0].get_array()
    np.testing.assert_array_equal(as_it_is, result.image[0, 0])
    stretched = of_page(gradcam_result(1, 2, image=1000 * result.image - 400), 0, 0)[0].images[0].get_array()
    assert (stretched.min(), stretched.max()) == (0, 1)
