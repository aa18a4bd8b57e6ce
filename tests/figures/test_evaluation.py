"""An evaluation drawn: the curve of the file, the counts of the file, and reasons where there is no curve."""

import numpy as np
import pytest
from figures.results import TEN, TEN_NAMES, evaluation_result, labelled_split
from matplotlib.colors import to_rgb

from assay.figures.evaluation import draw
from assay.figures.style import look

HALVES = [0, 1] * 30


def panel(figure, title: str):
    (found,) = [axes for axes in figure.axes if axes.get_title() == title]
    return found


def curves(axes) -> dict:
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_the_curve_is_that_of_the_file_with_its_area():
    result = evaluation_result(labelled_split("val", HALVES))
    roc, lines = result.splits["val"].roc, curves(panel(draw(result), "ROC"))
    line = lines[f"val, area {result.splits['val'].auroc:.3f}"]
    assert line.get_xdata().tolist() == roc.false_positive_rate
    assert line.get_ydata().tolist() == roc.true_positive_rate
    assert lines["chance"].get_xydata().tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("classes", [2, 4])
def test_the_mark_is_where_the_largest_logit_decides(classes):
    labels = list(range(classes)) * 15
    result = evaluation_result(labelled_split("val", labels, classes=classes))
    axes = panel(draw(result), "ROC")
    (mark,) = [line for line in axes.lines if line.get_marker() == look(0).marker]
    confusion = np.array(result.splits["val"].confusion)
    expected = [confusion[0, 1:].sum() / 15, confusion[1:, 1:].sum() / (15 * (classes - 1))]
    assert mark.get_xydata()[0].tolist() == pytest.approx(expected)
    if classes == 2:
        roc = result.splits["val"].roc
        pairs = zip(roc.false_positive_rate, roc.true_positive_rate, strict=True)
        assert np.interp(expected[0], *zip(*pairs, strict=True)) >= expected[1] - 1e-9


def test_every_split_has_its_own_colour_line_and_marker():
    splits = [labelled_split(name, HALVES, seed=i) for i, name in enumerate(("train", "val", "test"))]
    lines = [
        line
        for name, line in curves(panel(draw(evaluation_result(*splits)), "ROC")).items()
        if "area" in name
    ]
    assert len({to_rgb(line.get_color()) for line in lines}) == 3
    assert len({line.get_linestyle() for line in lines}) == 3


def test_confusion_holds_counts_and_shares_of_the_row():
    result = evaluation_result(labelled_split("val", HALVES))
    axes = panel(draw(result), "val")
    confusion = np.array(result.splits["val"].confusion)
    shares = confusion / confusion.sum(1, keepdims=True)
    expected = [f"{n}\n{share:.0%}" for n, share in zip(confusion.flat, shares.flat, strict=True)]
    assert [text.get_text() for text in axes.texts] == expected
    assert axes.images[0].get_array().tolist() == shares.tolist()
    assert [label.get_text() for label in axes.get_yticklabels()] == ["benign", "attack"]


def test_recalls_are_those_of_the_types_in_order():
    result = evaluation_result(labelled_split("val", HALVES, types=3), names={1: "dos", 2: "fuzzing", 3: "a"})
    axes = panel(draw(result), "recall of each type of attack")
    types = result.splits["val"].attack_types
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == sorted(types)
    drawn = {
        names[round(line.get_ydata()[0])]: line.get_xdata()[0]
        for line in axes.lines
        if line.get_marker() == look(0).marker and len(line.get_xdata())
    }
    assert drawn == {name: of_type.recall for name, of_type in types.items()}
    assert {text.get_text() for text in axes.texts} == {f"{t.recall:.2f} of {t.n}" for t in types.values()}


def test_one_class_gives_a_reason_instead_of_a_curve():
    figure = draw(evaluation_result(labelled_split("val", [0] * 9), labelled_split("test", [1] * 9)))
    axes = panel(figure, "ROC")
    assert not axes.lines
    assert " ".join(axes.texts[0].get_text().split()) == "No ROC. val: no attack; test: no benign sample."
    assert [bool(patch.get_hatch()) for patch in panel(figure, "val").patches] == [True, True]


def test_a_split_without_a_curve_is_named_beside_those_that_have_one():
    axes = panel(
        draw(evaluation_result(labelled_split("val", HALVES), labelled_split("test", [1] * 9))), "ROC"
    )
    assert axes.texts[0].get_text() == "test: no benign sample"
    assert len(curves(axes)) == 2


def test_types_that_nobody_knows_are_said_to_be_unknown():
    axes = panel(draw(evaluation_result(labelled_split("val", HALVES))), "recall of each type of attack")
    assert "whose type is known" in " ".join(axes.texts[0].get_text().split())


def test_the_area_of_several_classes_is_told_apart_from_the_macro_average():
    result = evaluation_result(labelled_split("val", [0, 1, 2] * 20, classes=3))
    assert "macro over the classes that occur" in " ".join(draw(result).get_supxlabel().split())
    binary = evaluation_result(labelled_split("val", HALVES))
    assert "macro" not in draw(binary).get_supxlabel()


def test_where_no_class_is_benign_there_are_confusion_matrices_alone():
    splits = [labelled_split(name, TEN * 4, classes=10) for name in ("val", "test")]
    figure = draw(evaluation_result(*splits, class_names=TEN_NAMES))
    assert [axes.get_title() for axes in figure.axes] == ["val", "test"]
    assert figure.get_supxlabel() == "Confusion: counts, and shares of the row as colour."
    assert "ROC" in {axes.get_title() for axes in draw(evaluation_result(*splits)).axes}


def test_the_classes_of_a_confusion_matrix_have_their_names_on_both_sides():
    axes = panel(
        draw(evaluation_result(labelled_split("val", TEN * 4, classes=10), class_names=TEN_NAMES)), "val"
    )
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == list(TEN_NAMES)


def test_a_long_name_of_a_class_keeps_its_beginning_and_its_end():
    names = ("a long name of the first class", "a long name of the second class")
    axes = panel(draw(evaluation_result(labelled_split("val", HALVES), class_names=names)), "val")
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "a long ...irst class",
        "a long ...cond class",
    ]


def test_many_classes_are_colours_alone():
    result = evaluation_result(
        labelled_split("val", list(range(30)) * 3, classes=31), class_names=[str(c) for c in range(31)]
    )
    figure = draw(result)
    axes, confusion = panel(figure, "val"), np.array(result.splits["val"].confusion)
    assert not axes.texts
    shares = axes.images[0].get_array()
    assert shares[:30].tolist() == (confusion[:30] / 3).tolist()
    assert shares[30].mask.all()
    assert "classes by number" in figure.get_supxlabel()


def test_samples_that_were_left_out_are_counted():
    splits = [labelled_split("val", [*HALVES, -1, -1]), labelled_split("test", HALVES)]
    assert "Left out, as they have no label: 2 in val." in draw(evaluation_result(*splits)).get_supxlabel()
