"""CONTRIBUTING.md is built as it stands: its artifact, its test, its mutant, and its distribution."""

import json
import os
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from docs.pages import blocks, page
from lab import ALL_JOBS, Lab, new_lab

import assay.artifacts
from assay.protocols import CAPABILITIES

BLOCKS = blocks(page("CONTRIBUTING.md"))
MODULE = "src/assay/artifacts/confidence.py"
TEST = "tests/artifacts/test_confidence.py"
MUTANT = tomllib.loads(BLOCKS["tests/mutants/models.toml"])["mutant"][0]


def test_the_artifact_of_the_guide_is_one_module_and_one_row(tmp_path):
    lab = new_lab(tmp_path / "lab")
    package = lab.own_source()
    _add_artifact(package)
    assert lab.snakemake("-n").jobs == {**ALL_JOBS, "confidence": 2}
    assert _listed(lab)["small", "confidence"]["state"] == "missing"
    run = lab.assay("make", "small", "confidence")
    assert run.code == 0, run.text
    assert run.out == "results/small/confidence.npz\n"
    with np.load(lab.folder / "results/small/confidence.npz") as made:
        assert set(made) == {"probability", "margin", "predicted", "labels", "split", "family", "data"}
        assert (made["probability"] >= 0.5).all()
        assert len(made["labels"]) > 0
    assert lab.assay("why", "small", "confidence").out == "results/small/confidence.npz: done\n"


def test_the_test_of_the_guide_passes_and_fails_on_its_mutant(tmp_path, monkeypatch):
    sound, test = BLOCKS[MODULE], MUTANT["test"].partition("::")[2]
    assert (MUTANT["file"], MUTANT["test"]) == (MODULE, f"{TEST}::{test}")
    for check in _tests_on(sound, tmp_path / "sound", monkeypatch).values():
        check()
    assert sound.count(MUTANT["old"]) == 1
    broken = _tests_on(sound.replace(MUTANT["old"], MUTANT["new"]), tmp_path / "broken", monkeypatch)
    with pytest.raises(AssertionError):
        broken[test]()


def test_an_installed_distribution_adds_a_family_and_an_artifact(tmp_path):
    lab = new_lab(tmp_path / "lab")
    losses = _install_mylab(lab)
    run = lab.assay("make", "straight", "surprise")
    assert run.code == 0, run.text
    record = json.loads((lab.folder / "results/straight/records/surprise.json").read_bytes())
    assert {"mylab.surprise", "mylab.losses", "mylab.linear"} <= set(record["modules"])
    losses.write_text(losses.read_text() + "\nCHANGED = 1\n")
    listed = _listed(lab)
    assert listed["straight", "embeddings"]["state"] == "n/a"
    assert listed["straight", "surprise"]["state"] == "stale"
    assert "code mylab.losses" in listed["straight", "surprise"]["reasons"][0]


def test_what_a_checkpoint_of_the_guide_lacks_is_a_capability_with_its_reason():
    names: dict[str, Any] = {}
    exec(BLOCKS["lacks(tensors, hparams)"], names)
    assert names["lacks"]({"head.weight": torch.zeros(2, 3)}, {}) == {}
    assert names["lacks"]({}, {}).keys() == {"predict"} <= CAPABILITIES.keys()


def test_every_make_target_that_the_documents_name_exists():
    targets = {line.partition(":")[0] for line in page("Makefile").splitlines() if line[:1].isalpha()}
    for name in ("README.md", "CONTRIBUTING.md"):
        named = {word for line in page(name).splitlines() for word in _make_words(line)}
        assert named
        assert named <= targets, name


def _add_artifact(package: Path) -> None:
    (package / "artifacts/confidence.py").write_text(BLOCKS[MODULE])
    catalog, head = package / "catalog/artifact_table.py", "ARTIFACTS: Mapping[str, Artifact] = {\n"
    text = catalog.read_text()
    assert text.count(head) == 1
    catalog.write_text(text.replace(head, head + BLOCKS["src/assay/catalog/artifact_table.py"]))


def _tests_on(module: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], None]]:
    """The tests of the guide's test file, with this text as the module that they import."""
    folder.mkdir()
    (folder / "confidence.py").write_text(module)
    names: dict[str, Any] = {}
    with monkeypatch.context() as only_here:
        only_here.setattr(assay.artifacts, "__path__", [str(folder), *assay.artifacts.__path__])
        only_here.delattr(assay.artifacts, "confidence", raising=False)
        exec(compile(BLOCKS[TEST], TEST, "exec"), names)
    sys.modules.pop("assay.artifacts.confidence")
    return {name: value for name, value in names.items() if name.startswith("test_")}


def _install_mylab(lab: Lab) -> Path:
    """Lay the guide's distribution on the path as an installer does, with a checkpoint of its family."""
    site = lab.folder / "site"
    for name, text in BLOCKS.items():
        if name.startswith("mylab/"):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(text)
    project = tomllib.loads(BLOCKS["pyproject.toml"])["project"]
    info = site / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items())])
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n\n".join(groups))
    (site / "mylab/__init__.py").touch()
    lab.environment["PYTHONPATH"] = os.pathsep.join(
        [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    content = {
        "class_path": "mylab.Linear",
        "hyper_parameters": {},
        "state_dict": {"weight": torch.zeros(2, 35)},
    }
    torch.save(content, lab.folder / "runs/straight.ckpt")
    sheet = lab.folder / "sheet.tsv"
    sheet.write_text(f"{sheet.read_text()}straight\tlinear\truns/straight.ckpt\tcan\t\n")
    return site / "mylab/losses.py"


def _listed(lab: Lab) -> dict[tuple[str, str], dict[str, Any]]:
    pairs = json.loads(lab.assay("list", "--json").out)
    return {(pair["checkpoint"], pair["artifact"]): pair for pair in pairs}


def _make_words(line: str) -> list[str]:
    """The targets of `make a b` in backticks or at the start of a line of a shell block."""
    quoted = [part for part in line.split("`")[1::2] if part.startswith("make ")]
    shell = [line.partition("#")[0].partition("&&")[0]] if line.startswith("make ") else []
    return [word for part in [*quoted, *shell] for word in part.split()[1:]]
