"""Classes of a checkpoint and of data: the same by number, or said; and labels that cannot fit are refused."""

import warnings

import pytest

from assay.errors import AssayError, ResultWarning
from assay.numerics.class_names import refuse_other_classes, same_numbers

PETS = ("cat", "dog", "cow")
NUMBERS = ("0", "1", "2")
LABELS = ("LABEL_0", "LABEL_1", "LABEL_2")  # of transformers, where a config names no classes


@pytest.mark.parametrize("of_data", [PETS, NUMBERS, LABELS, NUMBERS[:2], ()])
def test_the_same_names_and_numbers_of_data_say_nothing(of_data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refuse_other_classes(PETS, of_data)


@pytest.mark.parametrize("of_checkpoint", [NUMBERS, LABELS])
def test_a_checkpoint_that_names_no_classes_may_have_those_of_the_data(of_checkpoint):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refuse_other_classes(of_checkpoint, PETS)


def test_other_names_of_as_many_classes_are_a_warning_that_names_both():
    with pytest.warns(
        ResultWarning,
        match=r"differ: 0 is 'cat' there, 'Cat' here; 2 is 'cow' there, 'ox' here; .* by number",
    ):
        refuse_other_classes(PETS, ("Cat", "dog", "ox"))


@pytest.mark.parametrize(
    ("of_checkpoint", "of_data"),
    [(PETS, PETS[:2]), (NUMBERS, PETS[:2]), (PETS[:2], PETS)],
    ids=["fewer", "fewer than numbers", "more"],
)
def test_names_of_another_count_are_refused_with_both_and_what_to_do(of_checkpoint, of_data):
    assert not same_numbers(of_checkpoint, of_data)
    text = (
        rf"classes {'; '.join(of_checkpoint)}, the data have {'; '.join(of_data)}: name those .* class_names"
    )
    with pytest.raises(AssayError, match=text):
        refuse_other_classes(of_checkpoint, of_data)


def test_the_same_names_in_another_order_are_refused_with_the_classes_that_are_exchanged():
    text = r"differ: 0 is 'cat' there, 'dog' here; 1 is 'dog' there, 'cat' here: name those .* class_names"
    with pytest.raises(AssayError, match=text):
        refuse_other_classes(PETS, ("dog", "cat", "cow"))


def test_many_classes_are_counted():
    many = tuple(f"species {i}" for i in range(1000))
    with pytest.raises(AssayError, match=r"species 4; \.\.\. \(1000 in all\), the data have cat; dog; cow"):
        refuse_other_classes(many, PETS)
