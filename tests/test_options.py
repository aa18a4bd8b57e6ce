"""Options are cast to the type of their default and held to their bounds."""

import pytest

from assay.catalog import Option
from assay.options import cast, deciding, resolved

WHOLE, SHARE, WORD, WORDS, SWITCH = (
    Option(5, "a count", minimum=1, maximum=9),
    Option(0.5, "a share", 0.0, 1.0),
    Option("a", "a word", choices=("a", "b")),
    Option(("val",), "splits"),
    Option(True, "a switch"),
)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        (WHOLE, 7, 7),
        (WHOLE, "7", 7),
        (WHOLE, 7.0, 7),
        (SHARE, 1, 1.0),
        (SHARE, "0.25", 0.25),
        (WORD, "b", "b"),
        (WORDS, ["x", "y"], ("x", "y")),
        (WORDS, "x, y", ("x", "y")),
        (WORDS, [1, 3], ("1", "3")),
        (WORDS, [], ()),
        (SWITCH, "false", False),
        (SWITCH, True, True),
    ],
)
def test_a_value_takes_the_type_of_the_default(option, value, expected):
    result = cast(option, value)
    assert result == expected
    assert type(result) is type(option.default)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        (WHOLE, 0),
        (WHOLE, 10),
        (WHOLE, 1.5),
        (WHOLE, "x"),
        (WHOLE, True),
        (WHOLE, None),
        (SHARE, float("nan")),
        (SHARE, "1e9999"),
        (WORD, "c"),
        (WORD, 3),
        (WORDS, 3),
        (WORDS, [1.5]),
        (WORDS, [True]),
        (SWITCH, "yes"),
    ],
)
def test_what_no_option_can_be_is_refused_with_what_was_got(option, value):
    with pytest.raises(ValueError, match="got"):
        cast(option, value)


def test_what_costs_only_decides_nothing_and_lists_are_as_json_holds_them():
    options = {"names": Option(("a",), "names"), "workers": Option(0, "processes", costs_only=True)}
    assert deciding({"names": ("b", "c"), "workers": 4}, options) == {"names": ["b", "c"]}


def test_an_unknown_option_lists_every_allowed_one_with_its_default():
    _, problems = resolved({"size": WHOLE, "splits": WORDS}, {"sise": 1})
    assert problems == ["sise is unknown (did you mean 'size'?). Allowed: size (5), splits ([val])."]
