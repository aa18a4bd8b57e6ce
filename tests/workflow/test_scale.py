"""The labs of the benchmark are what real runs leave, and what it measures is held as ratios in one run."""

import sys

import pytest
from lab import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
from scale import DRY_RUN, SNAKEFILE, make_all, measured, new_lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A hundred checkpoints of which all is made."""
    folder = tmp_path_factory.mktemp("scale")
    new_lab(folder, 100)
    make_all(folder)
    return folder


def test_everything_of_a_made_lab_is_done_and_verifies(lab):
    measured(lab, "assay", "list", "--check")
    measured(lab, "assay", "manifest")
    measured(lab, "assay", "verify")
    assert len(list(lab.glob("results/m1/records/*.json"))) == 9


@pytest.mark.slow
def test_the_named_target_of_a_large_sheet_costs_at_most_half_more_than_an_empty_workflow(tmp_path):
    new_lab(tmp_path, 3000)
    named = [*DRY_RUN, SNAKEFILE, "--", "results/m1/cka.json"]
    turns = [(measured(tmp_path, *DRY_RUN, "Empty"), measured(tmp_path, *named)) for _ in range(3)]
    empty, ours = (min(cost.cpu_seconds for cost in column) for column in zip(*turns, strict=True))
    assert ours <= 1.5 * empty


@pytest.mark.slow
def test_a_second_look_costs_a_fraction_of_one_that_reads_records(tmp_path):
    new_lab(tmp_path, 1000)
    make_all(tmp_path)
    reading = measured(tmp_path, "assay", "list", "--check").cpu_seconds
    measured(tmp_path, "assay", "list")
    again = min(measured(tmp_path, "assay", "list").cpu_seconds for _ in range(3))
    start = min(measured(tmp_path, "assay", "schema").cpu_seconds for _ in range(3))
    assert again - start <= (reading - start) / 3
