"""CKA drawn: every number in its cell, one scale for all figures, chance and the undefined marked."""

import pytest
from figures.results import cka_result, published_cka_result
from matplotlib.patches import Rectangle

from assay.artifacts.cka import Thinning
from assay.figures.cka import draw

MATRIX = [[0.904, -0.052, None], [0.06, 0.059, -0.001]]


def texts(figure) -> list[str]:
    return [text.get_text().split("\n")[0].replace("\N{MINUS SIGN}", "-") for text in figure.axes[0].texts]


def cells(figure, *, hatched: bool) -> set[tuple[int, int]]:
    """Row and column of the cells that carry a mark, hatched or dotted."""
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    marked = [patch.get_bbox() for patch in patches if bool(patch.get_hatch()) is hatched]
    return {(round((box.y0 + box.y1) / 2), round((box.x0 + box.x1) / 2)) for box in marked}


def test_cells_hold_the_scores_and_no_negative_zero():
    assert texts(draw(cka_result(MATRIX))) == ["0.90", "-0.05", "n/a", "0.06", "0.06", "0.00"]


def test_the_scale_is_from_0_to_1_whatever_the_scores():
    for matrix in (MATRIX, [[0.4, 0.5]]):
        assert draw(cka_result(matrix)).axes[0].images[0].get_clim() == (0, 1)


def test_scores_within_two_sd_of_0_are_marked_as_chance_on_both_sides():
    figure = draw(cka_result([[0.904, -0.052, None], [0.05, 0.049, -0.049]], chance_sd=0.025))
    assert cells(figure, hatched=False) == {(1, 1), (1, 2)}  # 0.05 itself is 2 sd away
    assert "sd = 0.025" in figure.axes[0].get_legend().get_texts()[0].get_text()


def test_an_undefined_cell_is_hatched_and_its_reason_is_given():
    figure = draw(cka_result(MATRIX))
    assert cells(figure, hatched=True) == {(0, 2)}
    assert "Undefined: student layer 1: constant." in figure.get_supxlabel()


def test_rows_are_of_the_teacher_and_columns_of_the_student():
    axes = draw(cka_result(MATRIX)).axes[0]
    assert axes.images[0].get_array().shape == (2, 3)
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("layer of the teacher", "layer of the student")
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # layer 0 on top, as in the file


def test_intervals_stand_in_the_cells_of_a_small_matrix_alone():
    assert draw(cka_result([[0.5]])).axes[0].texts[0].get_text() == "0.50\n[0.40, 0.60]"
    assert texts(draw(cka_result([[0.5, -0.25, 1.0] * 8]))) == [".50", "-.25", "1.00"] * 8


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "All 50 samples that were drawn are compared."),
        ({"thinned": Thinning(True, 23, False, 0.9, 0.2, 159), "n": 7}, "1 in 23 of 159 samples is compared"),
        ({"thinned": Thinning(True, 23, True, 0.9, 0.2, 90), "n": 4}, "still too near to each other"),
        ({"n": 49}, "Below 50 samples read nothing"),
    ],
)
def test_what_was_compared_is_said_below(changed, said):
    figure = draw(cka_result([[0.5]], **changed))
    assert said in " ".join(figure.get_supxlabel().split())
    assert f"n = {changed.get('n', 50)}" in figure.get_suptitle()


def test_published_scores_are_said_to_be_biased_and_no_chance_is_marked():
    figure = draw(published_cka_result([[0.5, 0.01]]))
    assert "biased CKA, as published" in figure.get_supxlabel()
    assert "biased linear CKA" in {axes.get_ylabel() for axes in figure.axes}
    assert cells(figure, hatched=False) == set()
    assert figure.axes[0].get_legend() is None
    assert "as published" not in draw(cka_result([[0.5]])).get_supxlabel()


def test_few_published_scores_carry_a_caveat_that_does_not_speak_of_chance():
    notes = draw(published_cka_result([[0.5]], n=49)).get_supxlabel()
    assert "Below 50 samples read nothing into it." in " ".join(notes.split())


def test_enough_independent_samples_carry_no_caveat():
    notes = draw(cka_result([[0.5]])).get_supxlabel()
    assert "Below" not in notes
    assert "too near" not in notes


def test_of_many_reasons_some_are_given_and_the_rest_counted():
    names = [f"teacher_{i}_student_0" for i in range(9)]
    figure = draw(cka_result([[None]] * 9, undefined={name: f"{name} is constant" for name in names}))
    assert figure.get_supxlabel().count("Undefined: ") == 3
    assert "6 more reasons stand in the file." in figure.get_supxlabel()
