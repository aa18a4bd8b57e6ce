"""docs/coming-from.md: every name that it gives as ours is one of the table, the sheet, a result or the package."""

import re
from dataclasses import fields
from importlib import import_module
from typing import get_type_hints

from docs.pages import names, page, rows

import assay
import assay.record
from assay.catalog import ARTIFACTS, FAMILIES, SOURCES
from assay.config import Config
from assay.sheet import OPTIONAL, REQUIRED

PAGE = page("docs/coming-from.md")
OURS = {name for _, here in rows(PAGE) for name in names(here)}


def test_every_option_of_an_artifact_is_one_of_its_row():
    said = {match.groups() for name in OURS if (match := re.match(r"(\w+)\.(\w+)(?:: \w+)?$", name))}
    options = {(name, option) for name, option in said if name in ARTIFACTS and name != "artifacts"}
    files = {tuple(row.file.split(".")) for row in ARTIFACTS.values()}
    assert len(options - files) > 20
    for artifact, option in options - files:
        assert option in ARTIFACTS[artifact].options, f"{artifact}.{option}"


def test_every_plain_name_is_a_family_source_key_column_option_field_or_function():
    known = {
        *FAMILIES,
        *SOURCES,
        *ARTIFACTS,
        *Config.model_fields,
        *REQUIRED,
        *OPTIONAL,
        *assay.record.__all__,
    }
    known |= {option for row in (*SOURCES.values(), *ARTIFACTS.values()) for option in row.options}
    known |= {field for row in ARTIFACTS.values() for field in _fields(row.module)}
    known |= {"x", "y", "activation", "val", "target_mrr", "tail_mrr", "predicted"}  # of data and results
    plain = {name for name in OURS if re.fullmatch(r"[A-Za-z_]+", name)}
    assert len(plain) > 20
    assert plain <= known


def test_every_file_of_an_artifact_is_that_of_its_row():
    files = {file for row in ARTIFACTS.values() for file in (row.file, *row.also)} | {
        "analysis_manifest.json"
    }
    said = {name for name in OURS if re.fullmatch(r"\w+\.(npz|json|parquet)", name)}
    assert len(said) >= 6
    assert said <= files


def test_every_call_of_the_package_is_one():
    assert {name.partition(".")[2] for name in OURS if name.startswith("assay.")} - {"record"} == {
        "expected_outputs"
    }
    assert "expected_outputs" in assay.__all__


def _fields(module: str) -> list[str]:
    return [field.name for field in fields(get_type_hints(import_module(module).compute)["return"])]
