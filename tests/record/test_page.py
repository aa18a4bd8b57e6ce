"""docs/save_record.md: its scripts run as they stand, and its tables are those of the code."""

import inspect
import shutil
import subprocess
import sys

import pytest
from docs.pages import fenced, names, page, rows, section
from record.examples import CONDENSED, names_in

import assay.record
from assay.hdf5 import MOST_EXPANSION
from assay.record import load_record, save_record, verify_record
from assay.record.documents import OWN_FILES, STATUSES
from assay.record.naming import MOST_BYTES

PAGE = page("docs/save_record.md")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder in which the scripts of the page were run, one after the other."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copy(CONDENSED, folder)
    for script in fenced(PAGE, "python"):
        subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=folder, check=True)
    return folder / "runs"


def first_cells(title):
    return [cells[0].strip("`") for cells in rows(section(PAGE, title))[1:]]


def test_the_scripts_of_the_page_write_whole_records(runs):
    assert names_in(runs) == {"baseline", "broken"}
    for name in ("baseline", "broken"):
        assert verify_record(runs / name) == ()
    assert load_record(runs / "broken").provenance["error"] == "ValueError: loss is nan in epoch 3"


def test_every_file_is_in_the_table_and_made_by_the_first_script(runs):
    assert set(first_cells("What each file holds")) == OWN_FILES == names_in(runs / "baseline")


def test_every_key_of_the_provenance_is_in_its_table(runs):
    assert set(first_cells("provenance.json")) == load_record(runs / "baseline").provenance.keys()
    said = section(PAGE, "provenance.json")
    assert f"{', '.join(STATUSES[:-1])} or {STATUSES[-1]}" in said
    provenance = load_record(runs / "baseline").provenance
    inner = {key for part in ("device", "code", "environment") for key in provenance[part]}
    assert inner <= names(said)


def test_every_public_name_is_on_the_page():
    text = PAGE.replace("`", " ").replace("(", " ").replace(",", " ")
    for name in set(assay.record.__all__) - {"Record"}:
        assert name in text.split(), name


def test_every_argument_that_is_ours_is_on_the_page():
    arguments = list(inspect.signature(save_record).parameters)
    for name in arguments[arguments.index("description") + 1 :]:
        assert name in PAGE, name


def test_the_bounds_on_the_page_are_those_of_the_code():
    assert f"at most {MOST_BYTES} bytes" in PAGE
    assert f"unfolds more than {MOST_EXPANSION} times" in PAGE
