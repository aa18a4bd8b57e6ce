"""Labels: names and numbers, the same over all splits."""

import numpy as np
import pytest

from assay.data.image_labels import class_names_of, class_numbers, label_warnings
from assay.errors import Refused


def classes(*labels, given=()):
    names = class_names_of(set(labels), given)
    return names, class_numbers(labels, names).tolist()


def test_names_are_sorted():
    assert classes("dog", "cat", "dog") == (("cat", "dog"), [1, 0, 1])


def test_numbers_stay_what_they_are_and_count_the_classes():
    assert classes("10", "2", "0") == (tuple(map(str, range(11))), [10, 2, 0])


def test_numbers_that_a_gap_turned_into_floats_stay_numbers():
    assert classes("10.0", "2.0", "") == (tuple(map(str, range(11))), [10, 2, -1])


@pytest.mark.parametrize("unknown", ["", "-1"])
def test_an_unknown_label_is_minus_one_and_no_class(unknown):
    assert classes("b", unknown, "a") == (("a", "b"), [1, -1, 0])
    assert classes(unknown) == ((), [-1])


def test_a_number_among_names_is_a_name():
    assert classes("7", "a") == (("7", "a"), [0, 1])


def test_given_names_fix_the_order_and_may_be_meant_by_number():
    assert classes("cat", "2", "dog", given=("dog", "cat", "cow")) == (("dog", "cat", "cow"), [1, 2, 0])


def test_labels_that_are_not_among_the_given_names_are_refused():
    with pytest.raises(Refused, match=r"labels that are none of dog, cat \(2\): '2', 'cow'"):
        classes("cow", "dog", "2", given=("dog", "cat"))


def test_labels_that_are_no_classes_are_refused():
    with pytest.raises(Refused, match=r"labels make 20,260,102 classes; allowed: 10,000"):
        classes("20260101", "1")
    with pytest.raises(Refused, match=r"labels make 10,001 classes"):
        classes(*[f"p{i}" for i in range(10_001)])
    assert len(classes("9999")[0]) == 10_000


def test_one_class_and_no_label_are_warnings():
    splits = {"a": np.array([0, 1]), "b": np.array([3, 3]), "c": np.array([-1, -1]), "d": np.array([-1, 2])}
    assert label_warnings(splits) == [
        "split b: all 2 samples have label 3",
        "split c: no sample has a label",
    ]
