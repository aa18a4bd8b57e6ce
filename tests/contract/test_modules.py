"""Each module of a row has the functions, parameters and types that its row promises; none lacks a row."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest
from contract.examples import CHECKPOINTS, subject
from lab import ROOT
from matplotlib.figure import Figure

from assay import catalog
from assay.intake import checkpoint as border
from assay.protocols import CAPABILITIES, Data, Origin, Parts, Subject

Options = Mapping[str, catalog.Option]
SOURCE = ROOT / "src" / "assay"


def keyword_options(function: object) -> dict[str, object]:
    """The keyword-only parameters of a function with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def assert_takes_exactly(function: object, options: Options) -> None:
    assert keyword_options(function) == dict.fromkeys(options, inspect.Parameter.empty)
    hints = get_type_hints(function)
    for name, option in options.items():
        kind = tuple[str, ...] if isinstance(option.default, tuple) else type(option.default)
        assert hints[name] == kind, name


def modules_with(function: str, package: str) -> set[str]:
    """The modules and folders of a package that define a function, found without importing them."""
    folder = Path(SOURCE, package)
    files = {path.stem: path for path in folder.glob("*.py")}
    files |= {path.parent.name: path for path in folder.glob("*/__init__.py")}
    return {
        f"assay.{package}.{name}"
        for name, path in files.items()
        if function
        in {node.name for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    }


@pytest.mark.parametrize(
    ("function", "package", "rows"),
    [
        ("load", "families", catalog.FAMILIES),
        ("compute", "artifacts", catalog.ARTIFACTS),
        ("prepare", "data", catalog.SOURCES),
    ],
)
def test_every_module_has_a_row_of_its_name_and_every_row_a_module(function, package, rows):
    assert modules_with(function, package) == {row.module for row in rows.values()}
    assert {name: row.module for name, row in rows.items()} == {
        name: f"assay.{package}.{name}" for name in rows
    }


@pytest.mark.parametrize("family", catalog.families())
def test_a_subject_answers_exactly_what_its_row_claims(family, tmp_path):
    loaded = subject(family, tmp_path)
    answered = {name for name, protocol in CAPABILITIES.items() if isinstance(loaded, protocol)}
    assert answered == catalog.families()[family].answers
    assert isinstance(loaded, Subject)
    assert loaded.family == family
    assert loaded.to("cpu").family == family


@pytest.mark.parametrize("family", catalog.families())
def test_a_family_reads_exactly_the_classes_that_its_row_names(family):
    row = catalog.families()[family]
    assert row.class_paths == import_module(row.module).CLASS_PATHS


@pytest.mark.parametrize("family", catalog.families())
def test_a_family_of_which_some_checkpoints_lack_an_answer_says_which(family, tmp_path):
    row = catalog.families()[family]
    assert row.may_lack <= row.answers
    assert (row.module in modules_with("lacks", "families")) == bool(row.may_lack)
    CHECKPOINTS[family](tmp_path / "a.ckpt")
    if row.may_lack:
        found = border.read(tmp_path / "a.ckpt")
        assert import_module(row.module).lacks(found.tensors, found.hparams) == {}


@pytest.mark.parametrize("artifact", catalog.artifacts())
def test_compute_takes_a_subject_its_partners_data_and_exactly_the_options(artifact):
    row = catalog.artifacts()[artifact]
    compute = import_module(row.module).compute
    parameters = inspect.signature(compute).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    usual = ["subject", *row.partners, "data", *(["parts"] if row.in_parts else [])]
    assert positional == (["origin"] if row.origin else usual)
    assert_takes_exactly(compute, row.options)


@pytest.mark.parametrize("artifact", catalog.artifacts())
def test_compute_asks_of_subject_and_partners_what_its_row_asks(artifact):
    row = catalog.artifacts()[artifact]
    hints = get_type_hints(import_module(row.module).compute)
    if row.origin:
        assert hints["origin"] is Origin
        assert not (row.asks or row.partners or row.asks_data or row.in_parts)
        return
    for name, asks in {"subject": row.asks, **row.partners}.items():
        asked = {word for word, protocol in CAPABILITIES.items() if protocol in hints[name].__mro__}
        assert asked == asks
    assert Data in hints["data"].__mro__
    assert hints.get("parts", Parts) is Parts


@pytest.mark.parametrize("artifact", catalog.artifacts())
def test_a_result_is_a_frozen_dataclass_that_says_of_whom_and_of_what_it_is(artifact):
    result = get_type_hints(import_module(catalog.artifacts()[artifact].module).compute)["return"]
    assert is_dataclass(result)
    assert result.__dataclass_params__.frozen
    assert "__slots__" in vars(result)
    assert {"family", "data"} <= {field.name for field in fields(result)}


@pytest.mark.parametrize("artifact", [name for name, row in catalog.artifacts().items() if row.figure])
def test_a_figure_is_drawn_of_the_artifacts_result_alone(artifact):
    row = catalog.artifacts()[artifact]
    hints = get_type_hints(import_module(row.figure).draw)
    assert list(hints) == ["result", "return"]
    assert hints["result"] is get_type_hints(import_module(row.module).compute)["return"]
    assert hints["return"] is Figure


def test_every_module_of_pages_says_so_in_its_row_and_draws_them_of_the_result_alone():
    paged = {name: row for name, row in catalog.ARTIFACTS.items() if row.pages}
    assert modules_with("pages", "figures") == {row.figure for row in paged.values()}
    for row in paged.values():
        hints = get_type_hints(import_module(row.figure).pages)
        assert hints == {
            "result": get_type_hints(import_module(row.module).compute)["return"],
            "return": Iterator[tuple[str, Figure]],
        }


def test_every_figure_module_has_a_row():
    assert modules_with("draw", "figures") == {row.figure for row in catalog.ARTIFACTS.values() if row.figure}


@pytest.mark.parametrize("batches", catalog.READERS)
def test_a_reader_opens_data(batches):
    opened = import_module(catalog.READERS[batches]).open_data
    assert keyword_options(opened).keys() == {"splits", "attack_names", "device"}


@pytest.mark.parametrize("source", catalog.SOURCES)
def test_prepare_takes_the_files_and_exactly_the_options(source):
    row = catalog.SOURCES[source]
    prepare = import_module(row.module).prepare
    assert next(iter(inspect.signature(prepare).parameters)) == "files"
    assert_takes_exactly(prepare, row.options)
    assert set(row.derived.values()) <= row.options.keys()
