"""Coded text: the rows that it stands for, and one form whatever it was made of."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from assay.numerics.coded_text import coded_text

TEXTS = st.lists(st.text("abé ", max_size=3), min_size=1, max_size=6)


@given(TEXTS, st.lists(st.integers(0, 5), max_size=20))
def test_rows_are_the_texts_of_their_codes(texts, codes):
    numbers = np.array([code % len(texts) for code in codes], dtype=np.int64)
    found = coded_text(texts, numbers)
    assert found.rows().tolist() == [texts[number] for number in numbers]
    assert len(found) == len(codes)
    assert found.texts == tuple(sorted({texts[number] for number in numbers}))


def test_equal_columns_are_equal_whatever_they_were_made_of():
    one = coded_text(["b", "a", "unused"], np.array([0, 1, 0]))
    other = coded_text(["a", "b", "b"], np.array([2, 0, 1]))
    assert one.texts == other.texts
    assert one.codes.tolist() == other.codes.tolist()
    assert one.codes.dtype == np.int32
