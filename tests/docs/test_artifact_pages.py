"""Every artifact has a page that names its options and its fields, all of them and no others."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any, get_args, get_type_hints

import pytest
from docs.pages import names, page, rows, section

from assay.artifacts import cka
from assay.catalog import ARTIFACTS
from assay.numerics import similarity, thinning

EVERY = pytest.mark.parametrize("artifact", ARTIFACTS)


@EVERY
def test_the_page_opens_with_the_file_and_what_is_asked(artifact):
    row, text = ARTIFACTS[artifact], page(f"docs/{artifact}.md")
    opening = text.split("\n## ", 1)[0]
    assert opening.startswith(f"# {artifact}\n\n`results/<checkpoint>/{row.file}`: ")
    assert {*row.asks, *row.partners} <= names(opening)


@EVERY
def test_the_table_of_options_is_that_of_the_row(artifact):
    table = {
        cells[0].strip("`"): cells[1] for cells in rows(section(page(f"docs/{artifact}.md"), "Options"))[1:]
    }
    assert table == {
        name: _default(name, option.default) for name, option in ARTIFACTS[artifact].options.items()
    }


@EVERY
def test_every_field_of_the_result_is_named_and_no_row_is_of_a_field_that_is_gone(artifact):
    result = get_type_hints(import_module(ARTIFACTS[artifact].module).compute)["return"]
    text, own = section(page(f"docs/{artifact}.md"), "Fields"), [field.name for field in fields(result)]
    held = set(_fields(result))
    assert held <= names(text)
    described = [cells[0].strip("`") for cells in rows(text) if cells[0].startswith("`")]
    assert set(own) <= set(described) <= held


@EVERY
def test_the_page_says_what_to_believe(artifact):
    assert section(page(f"docs/{artifact}.md"), "How to read it").strip()
    assert section(page(f"docs/{artifact}.md"), "When not to believe it").strip()


def test_the_chance_level_of_cka_is_the_one_that_is_computed():
    table = rows(section(page("docs/cka.md"), "How to read it"))[1:]
    assert len(table) == 5
    for n, shown in table:
        digits = len(shown.partition(".")[2])
        assert f"{similarity.chance_sd(int(n)):.{digits}f}" == shown


def test_the_numbers_of_the_cka_page_are_those_of_the_code():
    said = " ".join(page("docs/cka.md").split())
    for text in (
        f"At least {similarity.LEAST_SAMPLES} samples are needed, {cka.SHOWN_SAMPLES} to show",
        f"one of {similarity.GROUPS} contiguous groups",
        f"Student's t of {similarity.GROUPS - 1} degrees",
        f"from {similarity.GROUPS} samples on",
        f"fewer than {similarity.LEAST_SAMPLES} samples would be left",
        f"at least {thinning.LENGTHS_APART} correlation lengths apart",
    ):
        assert text in said, text


def _fields(kind: Any) -> Iterator[str]:
    """The names of all fields, those of results inside it too."""
    for name, annotation in get_type_hints(kind).items():
        yield name
        for part in (annotation, *get_args(annotation)):
            if isinstance(part, type) and is_dataclass(part):
                yield from _fields(part)


def _default(name: str, value: Any) -> str:
    if name == "seed":
        return "the config's"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`[{', '.join(value)}]`" if isinstance(value, tuple) else f"`{value}`"
