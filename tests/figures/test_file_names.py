"""Names of files: safe on every file system, and no two alike."""

import re

from hypothesis import given
from hypothesis import strategies as st

from assay.figures.file_names import file_names


@given(st.lists(st.text(max_size=150), max_size=30))
def test_names_are_safe_and_apart_whatever_they_are_made_of(names):
    files = file_names(names)
    assert len(files) == len(names)
    assert len({file.lower() for file in files}) == len(files)
    assert all(re.fullmatch(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,120}", file) for file in files)


def test_a_safe_name_stays_and_others_keep_what_they_can():
    assert file_names(["p10-2.dcm", "a/../b", "größe", "..", ""]) == [
        "p10-2.dcm",
        "a_.._b",
        "gr__e",
        "_",
        "_~2",
    ]


def test_capitals_alone_do_not_keep_names_apart():
    assert file_names(["Cat", "cat", "CAT"]) == ["Cat", "cat~2", "CAT~3"]
