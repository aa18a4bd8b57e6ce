"""What provenance.json adds to the published files."""

import platform
import subprocess
import sys
from importlib.metadata import version
from types import ModuleType

import numpy as np
import pytest
import torch
from record.examples import DataLoaderConfig, FitConfig, KFoldConfig, names_in

from assay.files import sha256_file
from assay.record import load_record, save_record
from assay.record import provenance as module
from assay.record.provenance import device_state, git_state, seeds_in


def provenance(root, **arguments):
    return load_record(save_record("a", root, overwrite=True, **arguments)).provenance


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "train.py").write_text("pass\n")
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "train.py"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one"],
    ):
        subprocess.run(["git", "-C", folder, *command], check=True)
    return folder


def test_every_file_is_known_by_its_content(tmp_path):
    files = provenance(tmp_path, checkpoint={"w": torch.ones(1)})["files"]
    assert files.keys() == names_in(tmp_path / "a") - {"provenance.json"}
    for name, content in files.items():
        path = tmp_path / "a" / name
        assert content == {"sha256": sha256_file(path), "bytes": path.stat().st_size}


def test_the_seeds_of_the_configs_and_further_ones_stand_by_their_place(tmp_path):
    found = provenance(
        tmp_path,
        dataloader_config=DataLoaderConfig(seed=7),
        fit_config=FitConfig(),
        kfold_config=KFoldConfig(seed=9),
        tuning_config={"search": {"random_seed": 3, "seeded": 5}},
        seeds={"torch": np.int64(11)},
    )
    assert found["seeds"] == {
        "/data_loading/dataloader/seed": 7,
        "/kfold/seed": 9,
        "/tuning/search/random_seed": 3,
        "torch": 11,
    }


def test_seeds_are_found_at_any_depth_but_not_in_lists():
    assert dict(seeds_in({"a": {"b": {"seed": 0}}, "c": [{"seed": 1}]})) == {"/a/b/seed": 0}


def test_the_device_is_the_given_one_else_that_of_the_fit_else_that_of_the_checkpoint(tmp_path):
    fit, checkpoint = FitConfig(device="mps"), {"step": 1, "w": torch.ones(1)}
    assert provenance(tmp_path, device=torch.device("cpu"), fit_config=fit)["device"]["name"] == "cpu"
    assert provenance(tmp_path, fit_config=fit, checkpoint=checkpoint)["device"]["name"] == "mps"
    assert provenance(tmp_path, checkpoint=checkpoint)["device"]["name"] == "cpu"
    assert provenance(tmp_path, checkpoint=torch.nn.Linear(1, 1))["device"]["name"] == "cpu"
    assert provenance(tmp_path)["device"] == {"name": None, "gpu": None}


def test_a_gpu_that_this_process_never_used_is_not_asked_for_its_name():
    assert device_state("cuda:0") == {"name": "cuda:0", "gpu": None}


def test_versions_are_those_of_what_is_loaded(tmp_path, monkeypatch):
    asked: list[str] = []
    lazy = ModuleType("lazy_of_the_test")
    lazy.__getattr__ = asked.append
    known = ModuleType("known_of_the_test")
    known.__version__ = "4.5"
    monkeypatch.setitem(sys.modules, "lazy_of_the_test", lazy)
    monkeypatch.setitem(sys.modules, "known_of_the_test", known)
    environment = provenance(tmp_path)["environment"]
    assert environment["python"] == platform.python_version()
    packages = environment["packages"]
    assert packages["assay"] == version("assay")
    assert (packages["torch"], packages["numpy"]) == (torch.__version__, np.__version__)
    assert packages["known_of_the_test"] == "4.5"
    assert "json" not in packages
    assert "__version__" not in asked


def test_the_commit_and_whether_the_code_differs_from_it_are_kept(repository):
    commit = subprocess.run(
        ["git", "-C", repository, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert git_state(repository) == {"commit": commit, "branch": "main", "dirty": False}
    (repository / "train.py").write_text("print()\n")
    assert git_state(repository)["dirty"] is True


def test_git_is_asked_where_the_script_lies_and_its_own_programs_are_not_run(repository, tmp_path):
    (repository / "monitor").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (repository / "monitor").chmod(0o755)
    subprocess.run(["git", "-C", repository, "config", "core.fsmonitor", "./monitor"], check=True)
    script = repository / "train.py"
    script.write_text(f"from assay.record import save_record; save_record('a', {str(tmp_path)!r})\n")
    subprocess.run([sys.executable, script], check=True, cwd=tmp_path)
    code = load_record(tmp_path / "a").provenance["code"]
    assert (code["script"], code["script_sha256"]) == ("train.py", sha256_file(script))
    assert (code["git"]["branch"], code["git"]["dirty"]) == ("main", True)
    assert not (tmp_path / "ran").exists()


def test_without_git_or_a_repository_the_state_is_null(tmp_path, monkeypatch):
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None


def test_a_git_that_does_not_answer_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 20\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module, "GIT_SECONDS", 0.1)
    assert git_state(tmp_path) is None
