"""README.md: its commands, codes and names are those of the code, and its examples are taken by it."""

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
import typer
from docs.pages import PAGES, ROOT, blocks, fenced, names, page, prose, rows, section

import assay
from assay import catalog, errors
from assay.artifacts.cka import Cka
from assay.cli import COMMANDS, GROUPS, app
from assay.config import read_plan
from assay.families import gat
from assay.layout import Layout
from assay.plan import expected_outputs, reason_against

README = page("README.md")


def test_the_table_of_commands_names_every_command_with_an_example_of_it():
    table = {cells[0].strip("`"): cells[2] for cells in rows(section(README, "Commands"))[1:]}
    assert list(table) == [*COMMANDS, *GROUPS]
    for name, example in table.items():
        assert example.startswith(f"`assay {name}"), name


def test_every_option_of_an_example_is_one_of_its_command():
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    examples = re.findall(r"assay (\w+)([^\n`]*)", "\n".join([*fenced(README, "bash"), README]))
    flags = [
        (name, flag) for name, rest in examples for flag in re.findall(r"--[\w-]+", rest.partition("#")[0])
    ]
    assert ("list", "--check") in flags
    for name, flag in flags:
        assert flag in {option for parameter in commands[name].params for option in parameter.opts}, name


def test_every_exit_code_is_named_and_no_other():
    codes = {error.exit_code for error in (errors.AssayError, errors.ConfigError, errors.Refused)} | {0, 4}
    said = " ".join(section(README, "Commands").partition("Exit codes: ")[2].split())
    assert {int(code) for code in re.findall(r"(?:^|; )(\d) ", said)} == codes


def test_the_support_table_says_of_every_pair_what_the_table_of_the_code_says():
    head, *table = rows(section(README, "What is supported today"))
    assert [name.strip("`") for name in head] == ["artifact", *catalog.FAMILIES, "only where"]
    assert [cells[0].strip("`") for cells in table] == list(catalog.ARTIFACTS)
    for name, *cells, _ in table:
        row = catalog.ARTIFACTS[name.strip("`")]
        for family, cell in zip(catalog.FAMILIES, cells, strict=True):
            partners = {role: role if role in catalog.FAMILIES else family for role in row.partners}
            applies = not catalog.reason_against(row, family, partners)
            assert cell == ("yes" if applies else "no"), (name, family)


def test_the_support_table_names_every_condition_and_no_other():
    for name, *_, condition in rows(section(README, "What is supported today"))[1:]:
        row = catalog.ARTIFACTS[name.strip("`")]
        depends = any(row.asks & family.may_lack for family in catalog.FAMILIES.values())
        assert bool(condition) == bool(row.partners or row.on_request or row.asks_data or depends), name
        assert ("the data name" in condition) == bool(row.asks_data), name
        assert ("the row names" in condition) == bool(row.partners), name
        assert ("on request" in condition) == row.on_request, name


def test_what_the_family_gat_does_not_support_yet_is_named():
    said = " ".join(section(README, "What is supported today").split())
    assert gat.CLASS_PATHS[0] in said
    for word in (
        "transformer",
        "gps",
        "attention",
        "gru",
        "hashing id encoder",
        "id_encoder_cfg",
        "proj_dim",
        "pool_aggrs",
    ):
        assert word in said, word


def test_every_source_and_suffix_is_named():
    said = names(section(README, "What is supported today"))
    for name, source in catalog.SOURCES.items():
        assert {name, *source.suffixes} <= said, name


def test_the_tree_of_results_shows_every_kind_of_file():
    layout = Layout("results")
    paths = [layout.intake("c"), layout.weights("c"), layout.hparams("c"), layout.checkpoint_manifest("c")]
    paths += [layout.data("d"), layout.split("d", "train"), layout.manifest]
    paths += [layout.record("c", "cka"), layout.failed("c", "cka")]
    paths += [layout.target("c", artifact) for artifact in catalog.ARTIFACTS]
    shown = {Path(line.split()[0]).name for line in fenced(README, "")[0].splitlines()}
    assert {Path(path).name for path in paths} <= shown


def test_the_example_of_config_and_sheet_is_taken_as_it_stands(study):
    plan = read_plan()
    assert {name: row.teacher for name, row in plan.rows.items()} == {"gat_big": "", "gat_s42": "gat_big"}
    assert plan.data["can_car"].splits == ("train", "val", "test")
    assert [str(path.relative_to("results/gat_s42")) for path in expected_outputs("gat_s42")] == [
        row.file
        for row in catalog.ARTIFACTS.values()
        if not catalog.reason_against(row, "gat", {"teacher": "gat"})
    ]


def test_the_loop_writes_a_sheet_of_every_run(study):
    loop = next(block for block in fenced(README, "bash") if "printf" in block)
    subprocess.run(["bash", "-eu", "-c", loop], cwd=study, check=True)
    plan = read_plan()
    assert {name: row.path for name, row in plan.rows.items()} == {
        name: f"runs/{name}/best.ckpt" for name in ("gat_big", "gat_s42")
    }
    assert "names none" in reason_against(plan, "gat_s42", "cka")


def test_the_notebook_uses_what_the_package_offers():
    code = fenced(README, "python")[0]
    assert f"from assay import {', '.join(assay.__all__)}\n" in code
    used = set(re.findall(r"\bcka\.(\w+)[,)]", code))
    assert used
    assert used <= {field.name for field in fields(Cka)}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file(name):
    for target in re.findall(r"\]\(([^)#\s]+)", prose(page(name))):
        assert target.startswith("https://") or (ROOT / name).parent.joinpath(target).exists(), target


def test_every_module_below_the_package_has_its_line_in_the_house():
    said = names(section(README, "Where things are"))
    held = {
        f"{p.name}/" if p.is_dir() else p.name
        for p in (ROOT / "src/assay").glob("[a-z]*")
        if p.suffix in ("", ".py")
    }
    assert held == {name.removeprefix("src/assay/") for name in said} & held


def test_the_changelog_names_every_output():
    said = names(page("CHANGELOG.md"))
    assert {*COMMANDS, *GROUPS, *catalog.FAMILIES, *catalog.SOURCES} <= said
    assert {row.file for row in catalog.ARTIFACTS.values()} <= said


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    """A folder with the files that the README's example names."""
    for name in ("gat_big", "gat_s42"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "best.ckpt").touch()
    for name in ("train_normal", "train_attacks", "test"):
        (tmp_path / "runs/can" / name).mkdir(parents=True)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    for name in ("config/config.yaml", "config/checkpoints.tsv"):
        (tmp_path / name).write_text(blocks(README)[name])
    monkeypatch.chdir(tmp_path)
    return tmp_path
