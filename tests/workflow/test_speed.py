"""Parsing and planning stay light: ratios measured in one run, never absolute times."""

import sys

import pytest
from lab import ROOT, Lab

sys.path.insert(0, str(ROOT / "benchmarks"))
from dry_run import SNAKEFILE, dry_run_seconds, write_lab


def test_what_the_snakefile_imports_is_no_torch_no_numpy_no_pandas(fresh):
    probe = "import sys, assay.workflow, assay.plan; print(sorted({'torch', 'numpy', 'pandas'} & set(sys.modules)))"
    assert fresh._run(sys.executable, "-c", probe).out.strip() == "[]"


def test_a_dry_run_costs_at_most_twice_an_empty_workflow(fresh):
    (fresh.folder / "Empty").write_text("rule all:\n    input: []\n")
    empty, ours = dry_run_seconds(fresh.folder, "Empty", SNAKEFILE)
    assert ours <= 2 * empty


@pytest.mark.slow
def test_the_plan_of_a_thousand_checkpoints_costs_little_more_than_a_bare_dag_of_the_same_jobs(tmp_path):
    write_lab(tmp_path, 1000)
    planned = Lab(tmp_path).planned()
    assert planned == {"intake": 1000, "data_graphs": 1, "embeddings": 1000, "cka": 999, "evaluation": 1000}
    bare, ours = dry_run_seconds(tmp_path, "Bare", SNAKEFILE)
    assert ours <= 1.4 * bare
