"""What a campaign works with: copies of code, config and sheet, and what has changed since."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from lab import ROOT

from assay.cluster.campaign import snapshot
from assay.cluster.campaign.folder import END, Array, Campaign, CampaignFolder
from assay.config import read_plan
from assay.errors import ConfigError

CONFIG = "config/config.yaml"
FOLDER = CampaignFolder(Path("results/.campaigns/c1"))


@pytest.fixture
def workflow(bench) -> Path:
    """A small workflow of the bench's own."""
    Path("Snakefile").write_text('include: "workflow/one.smk"\n')
    Path("workflow").mkdir()
    Path("workflow/one.smk").write_text("# rules\n")
    return Path("workflow/one.smk")


@pytest.fixture
def copied(workflow) -> CampaignFolder:
    """The folder of a campaign whose copies were just taken."""
    code = snapshot.take(FOLDER, CONFIG, snapshot.Sources.of("Snakefile"))
    FOLDER.write(Campaign("c1", time.time(), "local", CONFIG, code, [], Array(END, 1, 0, 1, 4000, 60)))
    return FOLDER


def test_the_copy_of_the_config_names_the_copy_of_the_sheet_and_is_the_same_plan_else(bench, copied):
    plan, then = bench.plan(), read_plan(str(copied.config))
    assert yaml.safe_load(copied.config.read_text())["checkpoints"] == str(copied.sheet)
    assert (then.rows, then.data, then.options, then.results) == (
        plan.rows,
        plan.data,
        plan.options,
        plan.results,
    )


def test_a_sheet_that_a_variable_names_is_copied(bench, workflow, monkeypatch):
    monkeypatch.setenv("STUDY", str(Path.cwd()))
    bench.configure(checkpoints="$STUDY/sheet.tsv")
    snapshot.take(FOLDER, CONFIG, snapshot.Sources.of("Snakefile"))
    assert FOLDER.sheet.read_bytes() == Path("sheet.tsv").read_bytes()


def test_the_copied_code_is_what_runs_with_it_on_the_path(copied):
    assert not list(copied.code.rglob("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(copied.code.absolute())}
    said = subprocess.run(
        [sys.executable, "-c", "import assay; print(assay.__file__)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == str(copied.code.absolute() / "assay/__init__.py")
    assert (copied.code / "workflow/one.smk").exists()


def test_nothing_has_changed_at_first(copied):
    assert snapshot.changes(copied) == []


def test_a_changed_option_is_named_and_the_copy_is_not_changed(bench, copied):
    before = copied.config.read_bytes()
    bench.configure(options__landscape__resolution=5)
    assert snapshot.changes(copied) == [f"{CONFIG}: options has changed"]
    assert copied.config.read_bytes() == before


def test_another_row_of_the_sheet_is_told(bench, copied):
    bench.add_row("more\tgat\truns/big.ckpt\tcan\t")
    assert snapshot.changes(copied) == ["sheet.tsv: the sheet has changed"]


def test_a_changed_rule_is_told_and_the_copy_is_not_changed(copied, workflow):
    workflow.write_text("# other rules\n")
    (said,) = snapshot.changes(copied)
    assert said.endswith("the code has changed")
    assert (copied.code / "workflow/one.smk").read_text() == "# rules\n"


def test_a_module_that_is_changed_or_new_is_another_code(tmp_path, workflow):
    package = tmp_path / "assay"
    package.mkdir()
    (package / "one.py").write_text("A = 1\n")
    sources = snapshot.Sources(package, Path("Snakefile"))
    before = sources.digest()
    (package / "__pycache__").mkdir()
    (package / "__pycache__/one.cpython-311.pyc").write_bytes(b"compiled")
    assert sources.digest() == before
    (package / "one.py").write_text("A = 2\n")
    changed = sources.digest()
    (package / "two.py").write_text("")
    assert len({before, changed, sources.digest()}) == 3


def test_a_config_that_is_gone_has_changed(copied):
    Path(CONFIG).unlink()
    assert f"{CONFIG}: data has changed" in snapshot.changes(copied)


def test_without_a_snakefile_here_the_clones_own_is_taken(bench):
    assert snapshot.Sources.of("Snakefile").snakefile == ROOT / "Snakefile"


def test_a_snakefile_that_is_nowhere_is_refused(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(snapshot, "snakefile_of_clone", lambda: tmp_path / "Snakefile")
    with pytest.raises(ConfigError, match="--snakefile Snakefile: there is no such file"):
        snapshot.Sources.of("Snakefile")
